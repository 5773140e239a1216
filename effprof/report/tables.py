"""layers.csv, ops.csv and data frames: the tables of report.json, one row each."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from effprof.errors import UsageError
from effprof.report.untrusted import csv_text
from effprof.units import format_shape

if TYPE_CHECKING:
    import pandas

    from effprof.report import Report

# Also the header of a table without rows; a test holds them equal to the fields of report.json.
COLUMNS: dict[str, tuple[str, ...]] = {
    "categories": ("category", "time_s", "fraction", "mult_adds", "access_bytes", "op_count"),
    "layers": (
        *("layer", "module_type", "time_s", "self_time_s", "fraction"),
        *("mult_adds", "access_bytes", "parameters", "op_count"),
    ),
    "ops": (
        *("index", "op", "layer", "source", "category", "kind", "direction", "time_s", "iqr_s"),
        *("mult_adds", "read_bytes", "write_bytes", "input_shapes", "output_shapes"),
        *("mult_adds_per_s", "bytes_per_s", "bound", "ceiling_share"),
    ),
}


def render_layers_csv(report: Report) -> bytes:
    return _csv(report, "layers")


def render_ops_csv(report: Report) -> bytes:
    return _csv(report, "ops")


def data_frame(report: Report, table: str) -> pandas.DataFrame:
    """`ops`, `layers` or `categories` as a data frame; names as they came, shapes as lists. Raises UsageError."""
    if table not in COLUMNS:
        raise UsageError(f"No table named {table!r}. Known: ops, layers, categories.")
    import pandas

    return pandas.DataFrame(report.to_dict()[table], columns=list(COLUMNS[table]))


def _csv(report: Report, table: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[table])
    for row in report.to_dict()[table]:
        writer.writerow([_cell(row[column]) for column in COLUMNS[table]])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Numbers as they are, shapes as `1x3x224x224 32x3x3x3`, unknown as an empty cell."""
    if isinstance(value, str):
        return csv_text(value)
    if isinstance(value, list):
        return " ".join(format_shape(tuple(shape)) for shape in value)
    return value

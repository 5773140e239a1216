"""The cliff map as JSON (`effprof.cliffs/1`) and CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from effprof.analyze.cliffs import CliffValue, JudgedAxis
from effprof.cliff_records import CliffMap
from effprof.report import cliffs_rows as rows
from effprof.report.to_json import json_bytes
from effprof.report.untrusted import csv_text

FORMAT = "effprof.cliffs/1"
_COLUMNS = (
    *("axis", "value", "mult_adds", "rounds", "time_s", "time_ratio", "time_ratio_low", "time_ratio_high"),
    *("per_mult_add_ratio", "per_mult_add_ratio_low", "per_mult_add_ratio_high", "mark"),
)


def cliffs_dict(result: CliffMap) -> dict[str, Any]:
    """`effprof.cliffs/1`: times in seconds, ratios to the own value with their 95 % interval."""
    return {
        "format": FORMAT,
        "partial": result.partial,
        "name": result.spec.name,
        "shape": asdict(result.spec.shape),
        "setting": {
            "precision": result.spec.precision,
            "channels_last": result.spec.channels_last,
            "malloc": result.spec.malloc,
            "seed": result.spec.seed,
            "command": result.spec.command,
        },
        "device": asdict(result.device),
        "environment": asdict(result.environment),
        "axes": [_axis(judged) for judged in rows.judged_axes(result)],
        "notes": [asdict(note) for note in result.notes],
    }


def _axis(judged: JudgedAxis) -> dict[str, Any]:
    return {
        "axis": judged.measured.axis,
        "own": judged.measured.own,
        "stopped_because": judged.measured.stopped_because,
        "values": [_row(judged, value) | {"rounds_s": list(value.point.rounds_s)} for value in judged.values],
        "steps": [asdict(step) for step in judged.steps],
    }


def _row(judged: JudgedAxis, value: CliffValue) -> dict[str, Any]:
    point = value.point
    numbers = (
        *(judged.measured.axis, point.value, point.mult_adds, len(point.rounds_s), point.time_s),
        *(value.time_ratio, *value.time_ratio_ci95),
        *(value.per_mult_add_ratio, *value.per_mult_add_ratio_ci95, value.mark),
    )
    return dict(zip(_COLUMNS, numbers, strict=True))


def render_cliffs_json(result: CliffMap) -> bytes:
    return json_bytes(cliffs_dict(result))


def render_cliffs_csv(result: CliffMap) -> bytes:
    """One row a value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for judged in rows.judged_axes(result):
        for value in judged.values:
            writer.writerow({k: csv_text(v) if isinstance(v, str) else v for k, v in _row(judged, value).items()})
    return text.getvalue().encode()

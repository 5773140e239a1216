"""The files of a run folder. The only module of this room that writes, and always through `store.write_atomically`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from effprof import store
from effprof.errors import UsageError
from effprof.report.chart import render_png, render_svg
from effprof.report.roofline_chart import render_roofline_png, render_roofline_svg
from effprof.report.rows import whole_s
from effprof.report.tables import render_layers_csv, render_ops_csv
from effprof.report.to_json import render_json
from effprof.store.ceilings_json import CEILINGS_JSON, dumps_ceilings

if TYPE_CHECKING:
    from effprof.report import Report


def _render_profile(report: Report) -> bytes:
    return store.dumps_profile(report.profile)


# The raw record comes first: all the others can be made again from it.
FILES: dict[str, Callable[[Report], bytes]] = {
    "profile.json": _render_profile,
    "report.json": render_json,
    "layers.csv": render_layers_csv,
    "ops.csv": render_ops_csv,
}
CHARTS: dict[str, Callable[[Sequence[Report]], bytes]] = {
    "decomposition.png": render_png,
    "decomposition.svg": render_svg,
}
ROOFLINE: dict[str, Callable[[Report], bytes]] = {
    "roofline.png": render_roofline_png,
    "roofline.svg": render_roofline_svg,
}


def save_report(report: Report, folder: Path) -> list[Path]:
    """All files of one report; charts only where something was timed, a roofline only where there are ceilings.

    Raises UsageError on an unwritable folder.
    """
    written = [_write(folder / name, render(report)) for name, render in FILES.items()]
    if whole_s(report) is not None:
        written += save_comparison((report,), folder)
    if report.ceilings is not None:
        written.append(_write(folder / CEILINGS_JSON, dumps_ceilings(report.ceilings)))
        if whole_s(report) is not None:
            written += [_write(folder / name, render(report)) for name, render in ROOFLINE.items()]
    return written


def save_comparison(reports: Sequence[Report], folder: Path) -> list[Path]:
    """The common charts of several timed networks, bars in the order given. Raises UsageError as `save_report`."""
    return [_write(folder / name, render(reports)) for name, render in CHARTS.items()]


def _write(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        store.write_atomically(path, data)
    except OSError as error:
        raise UsageError(
            f"Cannot write {path}: {error.strerror or error}. Give a folder that can be written with --output-dir."
        ) from error
    return path

"""The files of a guidelines folder, each whole or not at all; the raw record first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effprof import __version__, store
from effprof.report.guidelines_chart import render_guidelines_png, render_guidelines_svg
from effprof.report.guidelines_json import render_guidelines_json
from effprof.report.guidelines_tables import render_guidelines_csv
from effprof.report.guidelines_text import render_guidelines_text
from effprof.report.text import TextStyle
from effprof.sweep_records import Guidelines

if TYPE_CHECKING:
    from effprof.analyze.regression_study import Regression

FILES: dict[str, Callable[[Guidelines, Regression | None], bytes]] = {
    "sweep.json": lambda result, _: store.dumps_sweep(result.sweep),
    "guidelines.json": render_guidelines_json,
    "guidelines.csv": lambda result, _: render_guidelines_csv(result),
    "guidelines.txt": lambda result, regression: render_guidelines_text(result, TextStyle(), regression).encode(),
    "guidelines.png": lambda result, _: render_guidelines_png(result),
    "guidelines.svg": lambda result, _: render_guidelines_svg(result),
}


def save_guidelines(result: Guidelines, folder: Path, regression: Regression | None = None) -> list[Path]:
    """All files, into a folder that was claimed; those of a regression and its fitted devices where there is one."""
    contents = {name: render(result, regression) for name, render in FILES.items()}
    if regression is not None:
        from effprof.report.regression_chart import render_regression_png, render_regression_svg
        from effprof.report.regression_json import device_files, render_regression_csv

        contents["regression.csv"] = render_regression_csv(regression)
        contents["regression.png"] = render_regression_png(regression)
        contents["regression.svg"] = render_regression_svg(regression)
        devices = device_files(regression, _source(result))
        contents |= {f"{store.DEVICE_FILE_START}{name}": content for name, content in devices.items()}
    for name, content in contents.items():
        store.write_atomically(folder / name, content)
    return [folder / name for name in contents]


def _source(result: Guidelines) -> dict[str, Any]:
    """Who fitted the devices of a table, when and how; where their times are from only its maker knows."""
    sweep = result.sweep
    return {"effprof": __version__, "fitted_utc": sweep.environment.started_utc, "command": sweep.spec.command}

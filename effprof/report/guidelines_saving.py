"""The files of a guidelines folder, each whole or not at all; the raw record first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from effprof import store
from effprof.report.guidelines_chart import render_guidelines_png, render_guidelines_svg
from effprof.report.guidelines_json import render_guidelines_json
from effprof.report.guidelines_tables import render_guidelines_csv
from effprof.report.guidelines_text import render_guidelines_text
from effprof.report.text import TextStyle
from effprof.sweep_records import Guidelines

FILES: dict[str, Callable[[Guidelines], bytes]] = {
    "sweep.json": lambda result: store.dumps_sweep(result.sweep),
    "guidelines.json": render_guidelines_json,
    "guidelines.csv": render_guidelines_csv,
    "guidelines.txt": lambda result: render_guidelines_text(result, TextStyle()).encode(),
    "guidelines.png": render_guidelines_png,
    "guidelines.svg": render_guidelines_svg,
}


def save_guidelines(result: Guidelines, folder: Path) -> list[Path]:
    """All files, into a folder that was claimed."""
    written = [folder / name for name in FILES]
    for path, render in zip(written, FILES.values(), strict=True):
        store.write_atomically(path, render(result))
    return written

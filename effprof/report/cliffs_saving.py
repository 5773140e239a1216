"""The files of a cliff map's folder, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from effprof import store
from effprof.cliff_records import CliffMap
from effprof.report.cliffs_chart import render_cliffs_png, render_cliffs_svg
from effprof.report.cliffs_tables import render_cliffs_csv, render_cliffs_json
from effprof.report.cliffs_text import render_cliffs_text
from effprof.report.text import TextStyle

FILES: dict[str, Callable[[CliffMap], bytes]] = {
    "cliffs.json": render_cliffs_json,
    "cliffs.csv": render_cliffs_csv,
    "cliffs.txt": lambda result: render_cliffs_text(result, TextStyle()).encode(),
    "cliffs.png": render_cliffs_png,
    "cliffs.svg": render_cliffs_svg,
}


def save_cliffs(result: CliffMap, folder: Path) -> list[Path]:
    """All files, into a folder that was claimed."""
    for name, render in FILES.items():
        store.write_atomically(folder / name, render(result))
    return [folder / name for name in FILES]

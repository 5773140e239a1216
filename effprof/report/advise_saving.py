"""The files of an advice folder, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from effprof import store
from effprof.advice_records import Advice
from effprof.finding_records import Found
from effprof.report.advise_json import render_advice_json
from effprof.report.advise_markdown import render_advice_markdown
from effprof.report.advise_text import render_advice_text
from effprof.report.text import TextStyle

FILES: dict[str, Callable[[Advice, Found | None], bytes]] = {
    "advice.json": render_advice_json,
    "advice.txt": lambda advice, found: render_advice_text(advice, TextStyle(), found).encode(),
    "advice.md": render_advice_markdown,
}


def save_advice(advice: Advice, folder: Path, found: Found | None = None) -> list[Path]:
    """All files, into a folder that was claimed."""
    for name, render in FILES.items():
        store.write_atomically(folder / name, render(advice, found))
    return [folder / name for name in FILES]

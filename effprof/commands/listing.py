"""Plain text for the commands that list what is known."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterable, Sequence

from effprof.report.untrusted import cells, cut_middle

GAP = "  "


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """One line a row, columns aligned to the left, those in `right` to the right; all rows have as many."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(
            _padded(cell, width, to_the_right=place in right)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def fitted(lines: Iterable[str]) -> str:
    """Lines cut to the terminal's width, and whole where nobody looks."""
    if sys.stdout is not None and sys.stdout.isatty():
        lines = [cut_middle(line, terminal_width()) for line in lines]
    return "".join(f"{line}\n" for line in lines)


def terminal_width() -> int:
    """In cells; 80 where there is no terminal."""
    return shutil.get_terminal_size().columns


def _padded(cell: str, width: int, to_the_right: bool) -> str:
    padding = " " * (width - cells(cell))
    return padding + cell if to_the_right else cell + padding

"""Plain columns for the commands that list what is known."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from effprof.report.untrusted import cells, cut_middle, printable

GAP = "  "


def columns(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Header and rows, left-aligned; lines are cut to the terminal's width, and whole where nobody looks."""
    rows = [[printable(cell) for cell in row] for row in (header, *body)]
    widths = [max(cells(row[column]) for row in rows) for column in range(len(header))]
    lines = [GAP.join(map(_padded, row, widths)).rstrip() for row in rows]
    if sys.stdout is not None and sys.stdout.isatty():
        lines = [cut_middle(line, shutil.get_terminal_size().columns) for line in lines]
    return "".join(f"{line}\n" for line in lines)


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cells(cell))

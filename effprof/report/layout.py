"""Bars and tables for the terminal, as lines of rich text. Cell text is taken literally; no markup is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from effprof.report.palette import COLOURS, LETTERS, RESIDUAL, key_of
from effprof.report.rows import apportion
from effprof.report.untrusted import cells, cut_middle

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 2
_INDENT = 2
_MIN_FLEXIBLE = 6

Bar = Sequence[tuple[str, float]]


def swatch(part: str, coloured: bool) -> Text:
    return _fill(part, 1, coloured)


def bar_line(bar: Bar, width: int, coloured: bool) -> Text:
    """The parts as one line of `width` cells; without colour each part is filled with its letter.

    A negative residual cannot be drawn: the parts then fill the line by themselves and `latency_mark` shows where the
    latency ends.
    """
    from rich.text import Text

    visible = [(name, max(0.0, fraction)) for name, fraction in bar]
    total = sum(fraction for _, fraction in visible)
    line = Text()
    if total <= 0:
        return line
    lengths = apportion([fraction / total * width for _, fraction in visible], 1.0, width)
    for (name, _), length in zip(visible, lengths, strict=True):
        line.append_text(_fill(name, int(length), coloured))
    return line


def latency_mark(bar: Bar, width: int, whole: str = "latency") -> list[Text]:
    """Under a bar whose parts are longer than the latency (or another `whole`): where it ends. Else nothing."""
    from rich.text import Text

    parts = sum(max(0.0, fraction) for _, fraction in bar)
    residual = dict(bar).get(RESIDUAL, 0.0)
    if residual >= 0 or parts <= 0:
        return []
    end = max(1, min(width, round((parts + residual) / parts * width)))
    if end == width:
        return []
    label = f"{whole} ends here ▲"
    if end >= cells(label):
        return [Text(label.rjust(end), style="dim")]
    return [Text(" " * (end - 1) + f"▲ {whole} ends here", style="dim")]


def table(
    header: Sequence[str], body: Sequence[Sequence[str | Text]], aligns: str, width: int, flexible: Sequence[int] = ()
) -> list[Text]:
    """Header and rows in columns; `aligns` has `<` or `>` a column. Cells of `flexible` columns are cut to fit."""
    from rich.text import Text

    widths = _fit([[_length(row[i]) for row in [header, *body]] for i in range(len(header))], width, flexible)
    lines = [_row(header, widths, aligns, "dim")]
    lines += [_row(row, widths, aligns, "") for row in body]
    return [Text(" " * _INDENT) + line for line in lines]


def _fit(lengths: Sequence[Sequence[int]], width: int, flexible: Sequence[int]) -> list[int]:
    """Column widths: as wide as the content, then the widest flexible column gives until all fit."""
    widths = [max(column) for column in lengths]
    excess = sum(widths) + _GAP * (len(widths) - 1) + _INDENT - width
    while excess > 0 and flexible:
        widest = max(flexible, key=lambda i: widths[i])
        if widths[widest] <= _MIN_FLEXIBLE:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def _row(row: Sequence[str | Text], widths: Sequence[int], aligns: str, style: str) -> Text:
    from rich.text import Text

    line = Text(style=style)
    for i, (cell, width, align) in enumerate(zip(row, widths, aligns, strict=False)):
        line.append(" " * _GAP if i else "")
        if isinstance(cell, Text):
            line.append_text(cell)
        else:
            shown = cut_middle(cell, width)
            padding = " " * (width - cells(shown))
            line.append(padding + shown if align == ">" else shown + padding)
    return line


def _fill(part: str, length: int, coloured: bool) -> Text:
    from rich.text import Text

    key = key_of(part)
    if not coloured:
        return Text(LETTERS[key] * length)
    return Text(("░" if key == RESIDUAL else "█") * length, style=COLOURS[key])


def _length(cell: str | Text) -> int:
    return cells(cell if isinstance(cell, str) else cell.plain)

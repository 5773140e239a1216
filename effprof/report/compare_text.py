"""A comparison for the terminal, right at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from effprof.compare.fail_on import Checked
from effprof.compare.words import Answer, Comparison
from effprof.report import compare_rows as rows
from effprof.report.layout import table
from effprof.report.text import TextStyle, notes_section, print_lines, section, styled, wrapped
from effprof.report.untrusted import cut_middle

if TYPE_CHECKING:
    from rich.text import Text

_INTERVALS_FIT = 76
STYLES: dict[Answer, str] = {
    "better": "bold green", "worse": "bold red", "same": "bold", "inconclusive": "bold yellow",
}  # fmt: skip


def render_comparison_text(comparison: Comparison, style: TextStyle, checked: Sequence[Checked] = ()) -> str:
    """The whole comparison, lines of at most `style.width` cells, ending in a newline."""
    lines = [styled(cut_middle(rows.title(comparison), style.width), "bold"), styled("", "")]
    for label, content in rows.facts(comparison):
        lines += wrapped(content, style, f"  {label:<6}", "")
    lines.append(styled("", ""))
    for change in comparison.changes:
        if change.name in comparison.new.headline:
            lines += wrapped(rows.sentence(change), style, "  ", STYLES[change.verdict])
    for heading, own in rows.sections(comparison):
        lines += [*section(heading), *_table(own, style)]
    if checked:
        lines += section("Thresholds")
        lines += [line for text in rows.checks(checked) for line in wrapped(text, style, "  ", "bold")]
    lines += notes_section(rows.notes(comparison), style)
    return print_lines(lines, style)


def _table(own: Sequence[rows.ChangeRow], style: TextStyle) -> list[Text]:
    """The interval where there is room; the headline has its own."""
    used = [place for place, name in enumerate(rows.HEADER) if name != "95 %" or style.width >= _INTERVALS_FIT]
    cells: list[list[str | Text]] = [
        [row.quantity, row.old, row.new, row.ratio, row.interval, styled(row.verdict, _quiet(row.verdict))]
        for row in own
    ]
    body = [[row[place] for place in used] for row in cells]
    return table([rows.HEADER[place] for place in used], body, "<>>>><"[: len(used) - 1] + "<", style.width, (0,))


def _quiet(verdict: Answer) -> str:
    """Colour in the tables, without weight: the headline is what is read first."""
    return STYLES[verdict].replace("bold", "").strip()

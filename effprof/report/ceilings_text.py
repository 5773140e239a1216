"""A calibration for the terminal, right at 80 columns."""

from __future__ import annotations

from effprof.ceiling_records import Ceilings
from effprof.report import ceilings_rows as rows
from effprof.report.layout import table
from effprof.report.rows import printable_notes
from effprof.report.text import TextStyle, notes_section, print_lines, section, styled, wrapped
from effprof.report.untrusted import cut_middle, printable


def render_ceilings_text(ceilings: Ceilings, saved: str, style: TextStyle) -> str:
    """Lines of at most `style.width` cells; `saved`: where the file is."""
    lines = [styled(cut_middle(rows.title(ceilings), style.width), "bold"), styled("", "")]
    for label, text in (*rows.facts(ceilings), ("saved", printable(saved))):
        lines += wrapped(text, style, f"  {label:<12}", "")
    for one in rows.tables(ceilings):
        lines += [*section(one.heading), *table(one.header, one.body, one.aligns, style.width, one.flexible)]
    lines += notes_section(printable_notes(ceilings.notes), style)
    return print_lines(lines, style)

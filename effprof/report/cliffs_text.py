"""The cliff map for the terminal, right at 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof import units
from effprof.analyze.cliffs import MARGIN, STEP, CliffValue
from effprof.cliff_records import CliffMap
from effprof.report import cliffs_rows as rows
from effprof.report.layout import table
from effprof.report.rows import printable_notes
from effprof.report.text import TextStyle, notes_section, print_lines, section, styled, wrapped
from effprof.report.untrusted import cut_middle

if TYPE_CHECKING:
    from rich.text import Text

def render_cliffs_text(result: CliffMap, style: TextStyle) -> str:
    """The whole report, lines of at most `style.width` cells, ending in a newline."""
    lines = [styled(cut_middle(rows.title(result), style.width), "bold"), styled("", "")]
    for label, content in rows.facts(result):
        lines += wrapped(content, style, f"  {label:<10}", "")
    for judged in rows.judged_axes(result):
        lines += section(rows.TITLES[judged.measured.axis])
        for sentence in rows.sentences(judged):
            lines += wrapped(sentence, style, "  ", "")
        header = ["value", "mult_adds", "time", "time / own", "95 %", "per mult_add", ""]
        lines += table(header, [_cells(value) for value in judged.values], ">>>>>><", style.width, flexible=(6,))
    text = (
        f"Ratios are to the own value within rounds. free: surely less than {units.format_percent(MARGIN, 0)} more "
        f"time for more work; dear: a mult_add surely takes {units.format_percent(STEP, 0)} longer. Times are of this "
        "one convolution alone, without bias, on random numbers: prices, not speed-ups of a network."
    )
    lines += [styled("", ""), *wrapped(text, style, "  ", "dim")]
    lines += notes_section(printable_notes(result.notes), style)
    return print_lines(lines, style)


def _cells(value: CliffValue) -> list[str | Text]:
    low, high = value.time_ratio_ci95
    return [
        str(value.point.value),
        units.format_count(value.point.mult_adds),
        units.format_seconds(value.point.time_s),
        f"{value.time_ratio:.2f}",
        f"{low:.2f} to {high:.2f}",
        f"{value.per_mult_add_ratio:.2f}",
        "<- own" if value.mark == "own" else value.mark,
    ]

"""The guidelines report for the terminal, right at 80 columns; the paper's GPU and ARM beside this device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import guidelines_rows as rows
from effprof.report.layout import table
from effprof.report.regression_text import regression_section
from effprof.report.rows import printable_notes
from effprof.report.text import TextStyle, notes_section, print_lines, section, styled, wrapped
from effprof.report.untrusted import cut_middle, printable
from effprof.sweep_records import Guidelines, Verdict

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.analyze.regression_study import Regression

_WORK_FITS, _INTERVALS_FIT = 78, 66
_STYLES = {"holds": "bold green", "fails": "bold red", "inconclusive": "bold yellow"}


def render_guidelines_text(result: Guidelines, style: TextStyle, regression: Regression | None = None) -> str:
    """The whole report, lines of at most `style.width` cells, ending in a newline."""
    lines = [styled(cut_middle(rows.title(result), style.width), "bold"), styled("", "")]
    for label, content in rows.facts(result):
        lines += wrapped(content, style, f"  {label:<10}", "")
    for verdict in result.verdicts:
        lines += _verdict_section(verdict, result, style)
    lines += _scales_section(result, style)
    lines += _reading_section(style)
    lines += [] if regression is None else regression_section(regression, style)
    lines += notes_section(printable_notes(result.notes), style)
    return print_lines(lines, style)


def _verdict_section(verdict: Verdict, result: Guidelines, style: TextStyle) -> list[Text]:
    lines = [*section(rows.TITLES[verdict.guideline])]
    lines += wrapped(rows.headline(verdict), style, "  ", _STYLES[verdict.verdict])
    lines += _points_table(verdict, result, style)
    for reason in verdict.why:
        lines += wrapped(printable(reason), style, "  · ", "dim")
    return lines


def _points_table(verdict: Verdict, result: Guidelines, style: TextStyle) -> list[Text]:
    """The paper's columns always; work and intervals where there is room."""
    header = ["setting", "mult_adds", rows.time_scale(verdict).unit, "speed", "95 %", "paper GPU", "paper ARM"]
    cells = [
        [row.label, row.mult_adds, row.time, row.speed, row.interval, row.paper_gpu, row.paper_arm]
        for row in rows.point_rows(verdict, result)
    ]
    left_out = {"mult_adds"} if style.width < _WORK_FITS else set()
    left_out |= {"95 %"} if style.width < _INTERVALS_FIT else set()
    used = [column for column, name in enumerate(header) if name not in left_out]
    body = [[row[column] for column in used] for row in cells]
    return table([header[column] for column in used], body, "<" + ">" * (len(used) - 1), style.width, flexible=(0,))


def _scales_section(result: Guidelines, style: TextStyle) -> list[Text]:
    if not result.others:
        return []
    cells = [list(row) for row in rows.other_rows(result.others)]
    return [
        *section("Other scales"),
        *table(["guideline", "scale", "verdict", "slowdown", "95 %"], cells, "<<<>>", style.width),
    ]


def _reading_section(style: TextStyle) -> list[Text]:
    text = (
        "speed is relative to the first row, on this device and in the paper's tables at the same scale. Verdicts are "
        "on time per mult_add, because the work of the settings differs by some per cent. An interval is of the noise "
        "within one process, over the seconds its rounds took; another process may differ by more."
    )
    return [styled("", ""), *wrapped(text, style, "  ", "dim")]

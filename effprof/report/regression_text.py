"""Latencies and counted work for the terminal, right at 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import regression_rows as rows
from effprof.report.layout import table
from effprof.report.text import TextStyle, print_lines, section, styled, wrapped

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.analyze.regression_study import Regression

_DETAILED, _LISTED = 2, 12
"""Devices with all formulas; with more, devices in a table."""
_INTERVALS_FIT = 72


def render_regression_text(regression: Regression, style: TextStyle) -> str:
    """The section alone, lines of at most `style.width` cells, ending in a newline."""
    return print_lines(regression_section(regression, style)[1:], style)


def regression_section(regression: Regression, style: TextStyle) -> list[Text]:
    """Error beside ranking, what the coefficients say, and what was left out."""
    lines = [*section(rows.TITLE), *wrapped(rows.statement(regression), style, "  ", "dim")]
    devices = list(regression.latencies)
    if len(devices) > _DETAILED:
        lines += _devices_table(regression, style)
    else:
        for device in devices:
            lines += _device_lines(regression, device, style)
    lines.append(styled("", ""))
    for formula in regression.formulas[2:]:
        lines += wrapped(f"{formula.name}: {formula.says}.", style, "  ", "dim")
    for note in (rows.left_out(regression), *regression.notes):
        lines += wrapped(note, style, "  ", "")
    return lines


def _device_lines(regression: Regression, device: str, style: TextStyle) -> list[Text]:
    figures = [[row.formula, row.error, row.ranking, row.family_error] for row in rows.formula_rows(regression, device)]
    header = ["latency explained by", "error", "ranking", "family left out"]
    lines = [styled("", ""), *wrapped(rows.device_name(device), style, "  ", "bold")]
    lines += table(header, figures, "<>>>", style.width, flexible=(0,))
    cells, before = [], ""
    for row in rows.coefficient_rows(regression, device):
        if row.formula != before:
            cells.append([row.formula, "", ""])
        cells.append([f"  {row.coefficient}", row.value, row.interval])
        before = row.formula
    used = 3 if style.width >= _INTERVALS_FIT else 2
    body = [row[:used] for row in cells]
    header = ["achieved", "value", "95 %"][:used]
    return [*lines, styled("", ""), *table(header, body, "<>>"[:used], style.width, flexible=(0,))]


def _devices_table(regression: Regression, style: TextStyle) -> list[Text]:
    cells = [list(row) for row in rows.device_rows(regression)]
    shown = cells if len(cells) <= _LISTED + 1 else [*cells[:_LISTED], cells[-1]]
    header = ["device", "nets", "mult_adds", "ranking", regression.full.name, "ranking"]
    lines = [styled("", ""), *table(header, shown, "<>>>>>", style.width, flexible=(0,))]
    if len(shown) < len(cells):
        lines += wrapped(f"{len(cells) - len(shown)} more devices are in the JSON.", style, "  ", "dim")
    return lines

"""The ops against this device's ceilings, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import roofline_rows as rows
from effprof.report.layout import table

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.report import Report
    from effprof.report.text import TextStyle

BOUND_HEADER = ("bound", "time", "share", "calls", "at the ceiling", "of the ceiling")
FAR_HEADER = ("layer", "op", "bound", "time", "at best", "of it")


def roofline_section(report: Report, style: TextStyle) -> list[Text]:
    """Two tables; nothing where the device was not calibrated."""
    from effprof.report.text import section

    bounds, far = rows.bound_rows(report), rows.far_rows(report)
    if not bounds:
        return []
    body = [[row.bound, row.time, row.share, row.calls, row.least, row.of_ceiling] for row in bounds]
    lines = [
        *section(f"What bounds the ops on this device ({rows.calibrated_text(report)})"),
        *table(BOUND_HEADER, body, "<>>>>>", style.width),
    ]
    if far:
        body = [[row.layer, row.op, row.bound, row.time, row.least, row.of_ceiling] for row in far]
        lines += [
            *section("Most time above their ceilings"),
            *table(FAR_HEADER, body, "<<<>>>", style.width, flexible=(0, 1)),
        ]
    return lines

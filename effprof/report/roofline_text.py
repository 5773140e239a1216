"""The ops against this device's ceilings, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from effprof.report import roofline_rows as rows
from effprof.report.layout import table

if TYPE_CHECKING:
    from rich.text import Text

    from effprof.report import Report
    from effprof.report.text import TextStyle

_FORMS: dict[tuple[str, ...], tuple[str, tuple[int, ...]]] = {
    rows.BOUND_HEADER: ("<>>>>>", ()),
    rows.FAR_HEADER: ("<<<>>>", (0, 1)),
}
"""How columns are aligned, and which may be cut to fit."""


def roofline_section(report: Report, style: TextStyle) -> list[Text]:
    """Two tables; nothing where the device was not calibrated."""
    from effprof.report.text import section

    lines: list[Text] = []
    for one in rows.roofline_tables(report):
        aligns, flexible = _FORMS[one.header]
        lines += [*section(one.heading), *table(one.header, one.body, aligns, style.width, flexible=flexible)]
    return lines

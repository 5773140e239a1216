"""Findings as they are shown: the dearest first, a line of figures, a sentence, the edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof.finding_records import Finding
from effprof.report.rows import whole_s
from effprof.report.untrusted import printable
from effprof.units import format_percent, format_seconds

if TYPE_CHECKING:
    from effprof.report import Report

FINDINGS_SHOWN = 4
_FROM = {
    "run": "by the times of this run",
    "calibration": "by this device's ceilings",
    "guidelines": "by this device's guidelines",
    "paper": "by the paper's tables",
}


@dataclass(frozen=True)
class FindingRow:
    code: str
    level: str
    figures: str
    """What it takes and what may be gained: `2.1 ms, 12.0 %; expected gain 1.9 ms by the times of this run`."""
    text: str
    edit: str
    source: str


def finding_rows(report: Report, limit: int | None = FINDINGS_SHOWN) -> tuple[FindingRow, ...]:
    return tuple(_row(finding, whole_s(report)) for finding in report.findings[:limit])


def _row(finding: Finding, whole: float | None) -> FindingRow:
    return FindingRow(
        code=finding.code,
        level=finding.level,
        figures=_figures(finding, whole),
        text=printable(finding.text),
        edit=printable(finding.edit),
        source=printable(finding.source or ""),
    )


def _figures(finding: Finding, whole: float | None) -> str:
    evidence = dict(finding.evidence)
    share, time_s, parts = evidence["share"], evidence["time_s"], []
    if isinstance(share, float):
        shown = format_percent(share)
        if whole is None:
            return f"{shown} of the memory access"
        parts.append(f"{format_seconds(time_s)}, {shown}" if isinstance(time_s, float) else shown)
    if whole is not None and finding.expected_gain_s is not None and finding.expected_from is not None:
        gain = f"{format_seconds(finding.expected_gain_s)} ({format_percent(finding.expected_gain_s / whole)})"
        parts.append(f"expected gain {gain} {_FROM[finding.expected_from]}")
    if finding.measured_gain_s is not None:
        parts.append(f"measured gain {format_seconds(finding.measured_gain_s)}")
    return "; ".join(parts)

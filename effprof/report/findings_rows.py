"""Findings as they are shown: the dearest first, a line of figures, a sentence, the edit; measured beside expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof.finding_records import Finding, Found, Level
from effprof.findings.levels import level_now
from effprof.report.rows import whole_s
from effprof.report.untrusted import printable
from effprof.units import UNKNOWN, format_percent, format_seconds

if TYPE_CHECKING:
    from effprof.report import Report

FINDINGS_SHOWN = 4
_FROM = {
    "run": "by the times of this run",
    "calibration": "by this device's ceilings",
    "guidelines": "by this device's guidelines",
    "paper": "by the paper's tables",
}
_HOW = {"advise": "end to end", "price": "price", None: UNKNOWN}
MEASURED_HEADER = ("finding", "takes", "expected", "measured", "95 %", "how")
REFUTED = "refuted here"


@dataclass(frozen=True)
class FindingRow:
    code: str
    level: Level | None
    """None: measuring has refuted it."""
    figures: str
    """What it takes and what may be gained: `2.1 ms, 12.0 %; expected gain 1.9 ms by the times of this run`."""
    text: str
    edit: str
    source: str


@dataclass(frozen=True)
class MeasuredRow:
    """Shares of the latency, expected beside measured."""

    code: str
    level: Level | None
    """None: measuring has refuted it."""
    takes: str
    expected: str
    measured: str
    interval: str
    how: str
    text: str
    edit: str
    basis: str
    """Where the expectation comes from; empty where there is none."""


def found_in(report: Report) -> Found:
    return Found(report.profile.model.name, report.findings, whole_s(report))


def finding_rows(found: Found, limit: int | None = FINDINGS_SHOWN) -> tuple[FindingRow, ...]:
    return tuple(_row(finding, found.latency_s) for finding in found.findings[:limit])


def measured_rows(found: Found) -> tuple[MeasuredRow, ...]:
    """All findings of a timed network; none where nothing was timed."""
    if found.latency_s is None:
        return ()
    return tuple(_measured_row(finding, found.latency_s) for finding in found.findings)


def measured_words(found: Found) -> str:
    """What the columns of `measured_rows` are."""
    return (
        f"Shares of the latency ({format_seconds(found.latency_s)} in a short profile). End to end: the edit wherever "
        "it applies. Price: the layers' shapes beside others of the same work or reach, timed alone: not a speed-up, "
        "for it makes another network, to be trained anew. Refuted: the whole interval is below 1 %."
    )


def _row(finding: Finding, whole: float | None) -> FindingRow:
    return FindingRow(
        code=finding.code,
        level=level_now(finding, whole),
        figures=_figures(finding, whole),
        text=printable(finding.text),
        edit=printable(finding.edit),
        source=printable(finding.source or ""),
    )


def _measured_row(finding: Finding, latency_s: float) -> MeasuredRow:
    share = dict(finding.evidence)["share"]
    gain_s, measured_s = finding.expected_gain_s, finding.measured_gain_s
    level = level_now(finding, latency_s)
    basis = "" if finding.expected_from is None else f"expected {_FROM[finding.expected_from]}"
    return MeasuredRow(
        code=finding.code,
        level=level,
        takes=format_percent(share) if isinstance(share, float) else UNKNOWN,
        expected=UNKNOWN if gain_s is None else format_percent(gain_s / latency_s),
        measured=UNKNOWN if measured_s is None else format_percent(measured_s / latency_s),
        interval=_interval(finding, latency_s) or UNKNOWN,
        how=_HOW[finding.measured_how],
        text=printable(finding.text),
        edit=printable(finding.edit),
        basis="; ".join(filter(None, (basis, REFUTED if level is None else ""))),
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
    if whole is not None and finding.measured_gain_s is not None:
        what = "price, not a speed-up:" if finding.measured_how == "price" else "measured gain"
        share_text = format_percent(finding.measured_gain_s / whole)
        inside = ", 95 % ".join(filter(None, (share_text, _interval(finding, whole))))
        parts.append(f"{what} {format_seconds(finding.measured_gain_s)} ({inside})")
    if level_now(finding, whole) is None:
        parts.append(REFUTED)
    return "; ".join(parts)


def _interval(finding: Finding, whole: float) -> str:
    """`10.9 to 12.2 %`; empty where there is none."""
    if finding.measured_ci95_s is None:
        return ""
    low_s, high_s = finding.measured_ci95_s
    return f"{format_percent(low_s / whole).removesuffix(' %')} to {format_percent(high_s / whole)}"

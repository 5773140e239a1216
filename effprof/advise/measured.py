"""Findings with what their edits gained here, or what their twins' shapes cost; torch-free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from effprof.advice_records import Advice
from effprof.advise.tasks import Priced
from effprof.analyze.gains import gains_alone
from effprof.finding_records import Finding


def with_measured_gains(findings: Iterable[Finding], advice: Advice) -> tuple[Finding, ...]:
    """Each finding whose exact edit was measured, with that edit's gain: wherever it applies in the network, not in the
    finding's layers alone."""
    alone = gains_alone(advice)
    found = []
    for finding in findings:
        gain = alone.get(finding.exact_edit or "")
        if gain is not None:
            finding = replace(
                finding, measured_gain_s=gain.seconds, measured_ci95_s=gain.seconds_ci95, measured_how="advise"
            )
        found.append(finding)
    return tuple(found)


def with_prices(findings: Iterable[Finding], prices: Mapping[int, Priced | None]) -> tuple[Finding, ...]:
    """Each finding whose design edit was priced, by its position, with that price."""
    found = []
    for position, finding in enumerate(findings):
        price = prices.get(position)
        if price is not None:
            finding = replace(
                finding, measured_gain_s=price.gain_s, measured_ci95_s=price.ci95_s, measured_how="price"
            )
        found.append(finding)
    return tuple(found)

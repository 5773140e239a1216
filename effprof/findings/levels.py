"""What a finding is worth once its edit was measured: the same answer for exit codes and for every view."""

from __future__ import annotations

from collections.abc import Iterable

from effprof.finding_records import Finding, Found, Level
from effprof.findings.drafting import LEAST_SHARE


def level_now(finding: Finding, latency_s: float | None) -> Level | None:
    """The finding's level, unless measuring has said otherwise.

    None where it is refuted: the whole interval of the measured gain lies below 1 % of the latency. `warn` where an
    exact edit surely gains, and 1 % or more. A price raises no level: it is no speed-up of this network.
    """
    gain_s, ci95_s = finding.measured_gain_s, finding.measured_ci95_s
    if gain_s is None or ci95_s is None or latency_s is None:
        return finding.level
    least_s = LEAST_SHARE * latency_s
    if ci95_s[1] < least_s:
        return None
    if finding.measured_how == "advise" and ci95_s[0] > 0 and gain_s >= least_s:
        return "warn"
    return finding.level


def is_at(level: Level | None, wanted: Level) -> bool:
    """Whether a level is the wanted one or above."""
    return level == "warn" or (level == "info" and wanted == "info")


def any_at(found: Iterable[Found], wanted: Level) -> bool:
    """Whether any finding of these networks is at the wanted level or above."""
    return any(is_at(level_now(finding, one.latency_s), wanted) for one in found for finding in one.findings)

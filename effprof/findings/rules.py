"""All rules, and the one way to ask them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from effprof.analyze.roofline import Roofs
from effprof.ceiling_records import Ceilings
from effprof.finding_records import Finding
from effprof.findings import access, copies, elementwise, fragments, groups, kernels, setting, widths
from effprof.findings.drafting import Draft, findings_of
from effprof.findings.expectations import slowdowns
from effprof.findings.network import Network
from effprof.records import Analysis, Profile
from effprof.sweep_records import Verdict

RULES: tuple[Callable[[Network], Iterator[Draft]], ...] = (
    access.drafts,
    groups.drafts,
    fragments.drafts,
    elementwise.drafts,
    setting.drafts,
    copies.drafts,
    kernels.drafts,
    widths.drafts,
)


DISTURBED = 1.1
"""Calls and overhead together over the latency, beyond which instrumented runs were held up: their times are then taken
as shares, for nobody gains more than there is."""


def find(
    profile: Profile, analysis: Analysis, verdicts: Sequence[Verdict] = (), ceilings: Ceilings | None = None
) -> tuple[Finding, ...]:
    """What the guidelines and common sense would change in a timed network, the largest expected gain first.

    `verdicts` are this device's own (`effprof guidelines`), of which a guideline that fails here silences what it alone
    lets expect; without them the paper's figures stand in, its GPU's for a GPU and its ARM processor's for all else.
    With its `ceilings` (`effprof calibrate`) findings say what share of them their calls reach, and what in-place
    activations would gain.
    Nothing below 1 % of the latency is found. Where nothing was timed (`effprof count`), shares are of all calls'
    access_bytes and no gain is expected. In an imported trace nothing is found.
    """
    if profile.device_trace is not None:
        return ()
    is_timed = analysis.accounting is not None
    network = _timed(profile, analysis, verdicts, ceilings) if is_timed else _counted(profile, analysis)
    if network is None:
        return ()
    found = [finding for rule in RULES for finding in findings_of(rule(network), network)]
    return tuple(sorted(found, key=_weight))


def _timed(
    profile: Profile, analysis: Analysis, verdicts: Sequence[Verdict], ceilings: Ceilings | None
) -> Network | None:
    latency, accounting = analysis.latency, analysis.accounting
    if latency is None or accounting is None or latency.median_s <= 0:
        return None
    ops, overhead_s = analysis.ops, max(0.0, accounting.overhead_s)
    spent_s = accounting.ops_s + overhead_s
    if spent_s > DISTURBED * latency.median_s:
        cut = latency.median_s / spent_s
        ops = tuple(replace(op, time_s=op.time_s * cut) if op.time_s is not None else op for op in ops)
        overhead_s *= cut
    on_gpu = profile.device is not None and profile.device.kind == "cuda"
    return Network(
        profile=profile,
        ops=ops,
        whole=latency.median_s,
        is_timed=True,
        overhead_s=overhead_s,
        page_faults_per_run=latency.page_faults_per_run,
        slowdowns=slowdowns(verdicts, "gpu" if on_gpu else "arm"),
        roofs=None if ceilings is None else Roofs(ceilings),
    )


def _counted(profile: Profile, analysis: Analysis) -> Network | None:
    """Of a network that was not timed, calls count by the memory that they read and write."""
    ops = tuple(replace(op, time_s=float(op.cost.access_bytes or 0)) for op in analysis.ops)
    whole = sum(op.time_s or 0.0 for op in ops)
    return Network(profile, ops, whole, False, 0.0, None, slowdowns()) if whole > 0 else None


def _weight(finding: Finding) -> tuple[int, float, str]:
    """Known gains first; then the unknown ones, by the time that they are about (all of it, where nobody can tell)."""
    if finding.expected_gain_s is not None:
        return 0, -finding.expected_gain_s, finding.code
    share = dict(finding.evidence)["share"]
    return 1, -share if isinstance(share, float) else -1.0, finding.code

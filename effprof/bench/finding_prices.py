"""What the design edit of a finding is worth here: its layers' shapes timed beside their twins."""

from __future__ import annotations

from collections.abc import Sequence

from effprof.bench.prices import Form, Price, Progress, price
from effprof.bench.turns import Budget
from effprof.bench.twin_shapes import twin_pairs
from effprof.devices.fake import Plan
from effprof.finding_records import Finding
from effprof.records import OpCall


def price_finding(
    finding: Finding, calls: Sequence[OpCall], form: Form, budget: Budget, progress: Progress, plan: Plan | None = None
) -> Price | None:
    """Of all layers of the finding together; None for a finding whose edit has no twin, or when interrupted."""
    pairs = twin_pairs(finding, calls, form.threads)
    return price(pairs, form, budget, progress, plan) if pairs else None

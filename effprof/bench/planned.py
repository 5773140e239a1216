"""The four experiments on a make-believe clock whose slowdowns are planned; torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from effprof.bench.rounds import Candidate
from effprof.bench.turns import warm
from effprof.devices.fake import Plan, PlannedRuns
from effprof.sweep_records import SweepPoint


def planned_candidates(points: Sequence[SweepPoint], plan: Plan, seed: int) -> tuple[Candidate, ...]:
    """The points of one entry, from the recommended (slowdown 1) to the severe one (as planned), evenly in between."""
    planned = plan.guidelines[points[0].setting.guideline]
    candidates = []
    for position, point in enumerate(points):
        share = position / (len(points) - 1)
        clock = PlannedRuns(plan, point.mult_adds, planned**share, seed + position)
        candidates.append(Candidate(clock, warm(clock), point=point))
    return tuple(candidates)

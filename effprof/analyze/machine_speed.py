"""When the machine itself was slower, by the fixed work done between runs (`sensors/machine_speed.py`)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from effprof.records import Round

SLOWED = 1.08
"""Times the fixed work elsewhere, from which the machine was slower: in one state of it medians agree to 4 %."""


def slowed(rounds: Sequence[Round]) -> tuple[tuple[int, float], ...]:
    """(position, how many times as long the fixed work took as in the best round) of the slowed rounds, in order."""
    works_s = [usual_work_s([one]) for one in rounds]
    best_s = min((work_s for work_s in works_s if work_s is not None), default=None)
    found = [(place, machine_slowdown(work_s, best_s)) for place, work_s in enumerate(works_s)]
    return tuple((place, times) for place, times in found if times is not None and times > SLOWED)


def usual_work_s(rounds: Sequence[Round]) -> float | None:
    """What the fixed work took, median over the rounds of their medians; None where none has it."""
    medians_s = [statistics.median(one.fixed_work_s) for one in rounds if one.fixed_work_s]
    return statistics.median(medians_s) if medians_s else None


def machine_slowdown(own_s: float | None, other_s: float | None) -> float | None:
    """How many times as long the fixed work took as elsewhere; None where either is not known."""
    return own_s / other_s if own_s is not None and other_s is not None and other_s > 0 else None

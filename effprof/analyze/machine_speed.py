"""When the machine was slower, by the fixed work done before and after each round (`sensors/machine_speed.py`).

Like is compared with like: what was done before a round with what was done before others, for a processor may lower its
clock under the load of the round itself.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from effprof.records import Round

SLOWED = 1.08
"""Times the fixed work elsewhere, from which the machine was slower: undisturbed it repeats to a few per cent."""


def slowed(rounds: Sequence[Round]) -> tuple[tuple[int, float], ...]:
    """(position, how many times as long the fixed work took as in the best round) of the slowed rounds, in order."""
    known = [one.fixed_work_s for one in rounds if one.fixed_work_s]
    best_s = [min(values) for values in zip(*known, strict=False)]
    found = [(place, _slowdown(one.fixed_work_s, best_s)) for place, one in enumerate(rounds) if one.fixed_work_s]
    return tuple((place, times) for place, times in found if times > SLOWED)


def usual_work_s(rounds: Sequence[Round]) -> tuple[float, ...]:
    """What the fixed work took before rounds and after them, medians over the rounds; empty where none has it."""
    known = [one.fixed_work_s for one in rounds if one.fixed_work_s]
    return tuple(statistics.median(values) for values in zip(*known, strict=False))


def machine_slowdown(own_s: Sequence[float], others_s: Sequence[float]) -> float | None:
    """How many times as long the fixed work took as elsewhere; None where either is not known."""
    return _slowdown(own_s, others_s) if own_s and others_s and min(others_s) > 0 else None


def _slowdown(own_s: Sequence[float], others_s: Sequence[float]) -> float:
    return max(own / other for own, other in zip(own_s, others_s, strict=False) if other > 0)

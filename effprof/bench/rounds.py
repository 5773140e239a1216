"""The settings of one entry take turns (`bench/turns.py`) until the slowdown is known (`guidelines/rules.py`)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from effprof.bench.turns import Budget, Progress, Seat, take_turns
from effprof.guidelines.rules import is_known, slowdown
from effprof.sweep_records import SweepEntry, SweepPoint


@dataclass(frozen=True, kw_only=True)
class Candidate(Seat):
    """A setting before it was timed, and what runs it."""

    point: SweepPoint
    """Without rounds."""


def measure_entry(
    candidates: Sequence[Candidate],
    budget: Budget,
    margin: float,
    rng: random.Random,
    progress: Progress,
    is_make_believe: bool,
) -> SweepEntry | None:
    """Rounds until the stop rule is met; an interrupt ends them early. None when no round was finished.

    Args:
        is_make_believe: the candidates' own clock decides when the time is up, as a real one would.
    """
    severe, recommended = candidates[-1].point, candidates[0].point

    def enough(rounds_s: Sequence[Sequence[float]]) -> bool:
        found = slowdown(_timed(severe, rounds_s[-1]), _timed(recommended, rounds_s[0]))
        return is_known(found, margin)

    taken = take_turns(candidates, budget, rng, progress, is_make_believe=is_make_believe, enough=enough)
    if taken is None:
        return None
    points = tuple(
        _timed(candidate.point, rounds_s, faults)
        for candidate, rounds_s, faults in zip(candidates, taken.rounds_s, taken.faults, strict=True)
    )
    runs, setting = tuple(candidate.runs for candidate in candidates), recommended.setting
    return SweepEntry(setting.guideline, setting.scale, points, runs, tuple(taken.order), taken.stopped_because)


def _timed(point: SweepPoint, rounds_s: Sequence[float], faults: Sequence[float] = ()) -> SweepPoint:
    return replace(point, rounds_s=tuple(rounds_s), page_faults=tuple(faults))

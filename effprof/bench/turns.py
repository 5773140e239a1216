"""Timing several networks side by side; torch-free, so that a make-believe clock can be driven alone.

All are visited once a round, in random order, each for a few plain runs in a row of which the median is kept. Rounds go
on until the caller has enough or the time is up; a round that this or an interrupt cuts in two is dropped.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from effprof.devices.base import PlainRun
from effprof.interrupts import interrupts_deferred
from effprof.statistics import MIN_ROUNDS

VISIT_S = 0.03
"""A visit lasts about this long: a short one would be of single odd runs, a long one lets the machine change."""
LONGEST_VISIT_S = 5 * VISIT_S
"""A visit ends once it has taken this long, be it after one run: on a slow or busy machine too rounds must end."""
MIN_RUNS, MAX_RUNS = 3, 25
GRACE_S = 5.0
"""So much later than `max_time_s` the round that is being taken, and those that an interval needs, may end."""
CHECK_GROWTH = 1.2
"""Whether there is enough is asked whenever there are this many times as many rounds."""


class Clock(Protocol):
    """One network on one input, ready to run again and again."""

    def plain(self) -> PlainRun: ...


@dataclass(frozen=True)
class Seat:
    """What takes part."""

    clock: Clock
    warm_s: float
    """What one warm run took."""

    @property
    def runs(self) -> int:
        """Plain runs in one visit, at most."""
        return min(max(math.ceil(VISIT_S / max(self.warm_s, 1e-9)), MIN_RUNS), MAX_RUNS)


@dataclass(frozen=True)
class Budget:
    min_rounds: int
    max_time_s: float
    grace_s: float = GRACE_S
    """Less where the whole that this is a part of is late."""


@dataclass
class Taken:
    """Medians of the visits, one a round for each seat; rounds that were not finished are left out at the end."""

    rounds_s: list[list[float]]
    faults: list[list[float]]
    """Minor page faults a run; empty where the platform does not tell."""
    order: list[tuple[int, ...]] = field(default_factory=list)
    """Positions of the seats as they were visited, for each round."""
    stopped_because: str = "max-time"
    """`interval`, `max-time` or `interrupted`."""
    clock_s: float = 0.0
    """What all visits took by the seats' own clocks."""


Progress = Callable[[str, float], None]
Enough = Callable[[Sequence[Sequence[float]]], bool]
"""From the rounds so far to whether they are enough."""


def warm(clock: Clock, runs: int = 3) -> float:
    """Runs that are not kept (fewer where they are long); how long the fastest took."""
    return min(run.time_s for run in _plain_runs(clock, runs))


def seated(clocks: Sequence[Clock]) -> list[Seat]:
    """A seat for each clock. All have run before any is timed to know how long a warm run takes."""
    for clock in clocks:
        warm(clock)
    return [Seat(clock, warm(clock)) for clock in clocks]


def round_s(seats: Sequence[Seat]) -> float:
    """About how long one round takes."""
    return sum(seat.runs * seat.warm_s for seat in seats)


def take_turns(
    seats: Sequence[Seat],
    budget: Budget,
    rng: random.Random,
    progress: Progress,
    *,
    is_make_believe: bool,
    enough: Enough = lambda rounds_s: False,
) -> Taken | None:
    """Rounds until there are enough; an interrupt ends them early. None when no round was finished.

    Args:
        is_make_believe: the seats' own clocks decide when the time is up, as a real one would.
    """
    taken = Taken([[] for _ in seats], [[] for _ in seats])
    try:
        taken.stopped_because = _take_rounds(seats, taken, budget, rng, progress, is_make_believe, enough)
    except KeyboardInterrupt:
        taken.stopped_because = "interrupted"
    complete = min(map(len, taken.rounds_s))
    taken.rounds_s = [times[:complete] for times in taken.rounds_s]
    taken.faults = [faults[:complete] for faults in taken.faults]
    taken.order = taken.order[:complete]
    return taken if complete else None


def _take_rounds(
    seats: Sequence[Seat],
    taken: Taken,
    budget: Budget,
    rng: random.Random,
    progress: Progress,
    is_make_believe: bool,
    enough: Enough,
) -> str:
    started = monotonic()

    def elapsed_s() -> float:
        return taken.clock_s if is_make_believe else monotonic() - started

    least = max(budget.min_rounds, MIN_ROUNDS)
    next_check = least
    while _take_round(seats, taken, rng, lambda: elapsed_s() <= budget.max_time_s + budget.grace_s):
        rounds, so_far_s = len(taken.order), elapsed_s()
        progress(f"round {rounds}", min(max(rounds / least * 0.9, so_far_s / max(budget.max_time_s, 1e-9)), 1.0))
        if rounds >= next_check:
            if enough(taken.rounds_s):
                return "interval"
            next_check = math.ceil(CHECK_GROWTH * rounds)
        if not _another_fits(rounds, so_far_s, budget):
            break
    return "max-time"


def _take_round(seats: Sequence[Seat], taken: Taken, rng: random.Random, in_time: Callable[[], bool]) -> bool:
    """Whether every seat could be visited in time; else the round does not count. The first is always finished:
    without it there is nothing to show."""
    order = rng.sample(range(len(seats)), len(seats))
    for position in order:
        if taken.order and not in_time():
            return False
        taken.clock_s += _visit(seats[position], taken.rounds_s[position], taken.faults[position])
    taken.order.append(tuple(order))
    return True


def _another_fits(rounds: int, elapsed_s: float, budget: Budget) -> bool:
    """A round takes about as long as those before it; those that a verdict needs may use the grace."""
    grace_s = budget.grace_s if rounds < MIN_ROUNDS else 0.0
    return elapsed_s * (1 + 1 / rounds) <= budget.max_time_s + grace_s


def _visit(seat: Seat, rounds_s: list[float], faults: list[float]) -> float:
    """The median of the visit's runs is kept; returns how long all of them took."""
    with interrupts_deferred():  # a visit is taken whole or not at all
        runs = _plain_runs(seat.clock, seat.runs)
    rounds_s.append(statistics.median(run.time_s for run in runs))
    known = [run.page_faults for run in runs if run.page_faults is not None]
    if known:
        faults.append(statistics.median(known))
    return sum(run.time_s for run in runs)


def _plain_runs(clock: Clock, most: int) -> list[PlainRun]:
    """At least one run, and no more once they have taken `LONGEST_VISIT_S`."""
    runs = [clock.plain()]
    took_s = runs[0].time_s
    while len(runs) < most and took_s < LONGEST_VISIT_S:
        runs.append(clock.plain())
        took_s += runs[-1].time_s
    return runs

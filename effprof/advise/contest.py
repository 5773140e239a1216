"""Versions of one network timed side by side (`bench/turns.py`), until every gain is known well or the time is up;
torch-free, so that a make-believe clock can be driven alone.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from effprof.advice_records import Contest, Stage
from effprof.bench.turns import Budget, Clock, Progress, Seat, Taken, round_s, take_turns
from effprof.statistics import MIN_ROUNDS, paired_ratio, paired_ratio_ci95

WANTED_HALF_WIDTH = 0.003
"""A gain is known well when its interval reaches no further than this share of the latency to either side."""
WANTED_ROUNDS = 12
"""The interval of fewer is not trusted to be narrow."""
WARM_RUNS = 3


class Stopwatch:
    """How much of the time is left: by the wall, or by the versions' own clock on a make-believe device."""

    def __init__(self, total_s: float, is_make_believe: bool) -> None:
        self.total_s = total_s
        self.is_make_believe = is_make_believe
        self._started = monotonic()
        self._spent_s = 0.0

    def spend(self, seconds: float) -> None:
        """Time on a make-believe clock."""
        self._spent_s += seconds

    @property
    def elapsed_s(self) -> float:
        return self._spent_s if self.is_make_believe else monotonic() - self._started

    @property
    def left_s(self) -> float:
        return self.total_s - self.elapsed_s


@dataclass(frozen=True)
class Version:
    """The network with some edits, warm."""

    edits: tuple[str, ...]
    seat: Seat


def warmed(edits: tuple[str, ...], clock: Clock, watch: Stopwatch) -> Version:
    """Runs that are not kept. All versions of a contest are warm before the first round of it."""
    times_s = [clock.plain().time_s for _ in range(WARM_RUNS)]
    watch.spend(sum(times_s))
    return Version(edits, Seat(clock, min(times_s)))


def hold(
    stage: Stage,
    versions: Sequence[Version],
    time_s: float,
    watch: Stopwatch,
    rng: random.Random,
    progress: Progress,
) -> Contest | None:
    """Rounds for `time_s` at most; an interrupt ends them early (`stopped_because`). None when the time does
    not reach for enough of them to judge.

    Raises:
        KeyboardInterrupt: before the first round was finished.
    """
    seats = [version.seat for version in versions]
    if round_s(seats) * MIN_ROUNDS > time_s:
        return None
    taken = take_turns(
        seats,
        Budget(WANTED_ROUNDS, time_s),
        rng,
        lambda text, share: progress(f"{stage}, {text}", share),
        is_make_believe=watch.is_make_believe,
        enough=_are_known,
    )
    if taken is None:  # the first round is cut short by nothing else
        raise KeyboardInterrupt
    watch.spend(taken.clock_s)
    return _contest(stage, versions, taken)


def _contest(stage: Stage, versions: Sequence[Version], taken: Taken) -> Contest:
    return Contest(
        stage=stage,
        versions=tuple(version.edits for version in versions),
        rounds_s=tuple(map(tuple, taken.rounds_s)),
        runs_per_round=tuple(version.seat.runs for version in versions),
        order=tuple(taken.order),
        stopped_because=taken.stopped_because,
        page_faults=tuple(statistics.median(faults) if faults else None for faults in taken.faults),
    )


def _are_known(rounds_s: Sequence[Sequence[float]]) -> bool:
    base, *others = rounds_s
    for times in others:
        ratio, (low, high) = paired_ratio(times, base), paired_ratio_ci95(times, base)
        if max(high - ratio, ratio - low) > WANTED_HALF_WIDTH:
            return False
    return True

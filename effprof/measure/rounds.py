"""One round: warm-up, then plain (A) and instrumented (B) runs in pairs until the headline is known well enough."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from effprof.devices.base import PlainSubject, Subject
from effprof.interrupts import interrupts_deferred
from effprof.records import Calibration, MeasuredOp, Round, Samples
from effprof.sensors.machine_speed import FixedWork
from effprof.statistics import median_ci95

MIN_RUNS = 10
WANTED_HALF_WIDTH = 0.02
"""The interval of the median must lie within this share of it."""
MAX_WARMUP_RUNS = 12
MAX_WARMUP_SECONDS = 2.0
CHECK_GROWTH = 1.2
"""The interval is looked at whenever there are this many times as many runs: looking after every few would stop at
lucky moments."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done (0 to 1)."""


@dataclass(frozen=True)
class Limits:
    """When to stop (see `RunSpec` for the meaning of each)."""

    min_time_s: float = 1.0
    max_time_s: float = 5.0
    warmup: int | None = None

    def share_done(self, runs: int, plain_s: float, elapsed_s: float) -> float:
        """Of the runs and time wanted at least, or of the time allowed at most, whichever is further; at most 1."""
        wanted = min(runs / MIN_RUNS, plain_s / self.min_time_s if self.min_time_s else 1.0)
        return min(max(wanted * 0.9, elapsed_s / self.max_time_s if self.max_time_s else 1.0), 1.0)


@dataclass
class _Taken:
    """The samples so far."""

    plain_s: list[float] = field(default_factory=list)
    faults: list[int | None] = field(default_factory=list)
    instrumented_s: list[float] = field(default_factory=list)
    spans_s: list[tuple[float, ...]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    works_s: list[float] = field(default_factory=list)
    """The fixed work before each pair."""

    def take(self, subject: Subject, kind: str) -> None:
        with interrupts_deferred():  # a run is taken whole or not at all, and leaves torch as it was
            if kind == "A":
                run = subject.plain()
                self.plain_s.append(run.time_s)
                self.faults.append(run.page_faults)
            else:
                timed = subject.timed()
                self.instrumented_s.append(timed.time_s)
                self.spans_s.append(timed.spans_s)
            self.order.append(kind)

    def drop_half_pair(self) -> None:
        """An interrupted pair has one run too many."""
        while len(self.plain_s) > len(self.instrumented_s):
            self.plain_s.pop()
            self.faults.pop()
        while len(self.instrumented_s) > len(self.plain_s):
            self.instrumented_s.pop()
            self.spans_s.pop()
        del self.order[2 * len(self.plain_s) :]
        del self.works_s[len(self.plain_s) :]


def warm_up(subject: Subject, runs: int | None) -> tuple[float, ...]:
    """Plain runs that are kept apart, and one instrumented one."""
    times_s = warm_up_plain(subject, runs)
    subject.timed()  # the twins' code must be warm too
    return times_s


def warm_up_plain(subject: PlainSubject, runs: int | None) -> tuple[float, ...]:
    """Plain runs that are kept apart; their number, or until a run is no more than 2 % faster than the best so far."""
    times_s: list[float] = []
    give_up = monotonic() + MAX_WARMUP_SECONDS
    while len(times_s) < (MAX_WARMUP_RUNS if runs is None else runs):
        times_s.append(subject.plain().time_s)
        if runs is None and len(times_s) >= 3:
            steady = times_s[-1] >= min(times_s[:-1]) * (1 - WANTED_HALF_WIDTH)
            if steady or monotonic() > give_up:
                break
    return tuple(times_s)


def measure_round(
    subject: Subject, calibration: Calibration, limits: Limits, rng: random.Random, progress: Progress
) -> Round | None:
    """Samples until the stop rule is met; an interrupt ends it early. None when no pair was finished.

    The two runs of a pair come in random order, so that neither kind always follows the other's traces in the caches.
    """
    taken = _Taken()
    warmup_s: tuple[float, ...] = ()
    try:
        warmup_s = warm_up(subject, limits.warmup)
        reason = _take_pairs(subject, taken, limits, rng, progress)
    except KeyboardInterrupt:
        reason = "interrupted"
        taken.drop_half_pair()
    if not taken.plain_s:
        return None
    return Round(
        plain=Samples(tuple(taken.plain_s), warmup_s, tuple(f for f in taken.faults if f is not None)),
        instrumented=Samples(tuple(taken.instrumented_s)),
        ops=tuple(
            MeasuredOp(calls, times_s, nested)
            for calls, times_s, nested in zip(
                subject.spans, zip(*taken.spans_s, strict=True), subject.nested, strict=True
            )
        ),
        calibration=calibration,
        order="".join(taken.order),
        stopped_because=reason,
        timer=subject.timer,
        fixed_work_s=tuple(taken.works_s),
    )


def _take_pairs(subject: Subject, taken: _Taken, limits: Limits, rng: random.Random, progress: Progress) -> str:
    started = monotonic()
    next_check = MIN_RUNS
    clock_s = 0.0  # what the subject's own clock says; a make-believe clock must stop as a real one does
    work = None if subject.timer == "planned" else FixedWork()
    while True:
        if work is not None:
            taken.works_s.append(work.time_s())
        for kind in rng.sample("AB", 2):
            taken.take(subject, kind)
        clock_s += taken.plain_s[-1] + taken.instrumented_s[-1]
        elapsed_s = max(monotonic() - started, clock_s) if subject.timer == "planned" else monotonic() - started
        runs, plain_s = len(taken.plain_s), sum(taken.plain_s)
        progress(f"{runs} runs", limits.share_done(runs, plain_s, elapsed_s))
        if elapsed_s >= limits.max_time_s:
            return "max-time"
        if runs >= next_check and plain_s >= limits.min_time_s:
            if is_known(taken.plain_s):
                return "interval"
            next_check = math.ceil(CHECK_GROWTH * runs)


def is_known(times_s: Sequence[float]) -> bool:
    """The interval of the median is narrow enough."""
    low, high = median_ci95(times_s)
    median_s = statistics.median(times_s)
    return max(high - median_s, median_s - low) <= WANTED_HALF_WIDTH * median_s

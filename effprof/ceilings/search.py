"""Timing trials, and finding the fastest of a cell within a time. Torch-free: a make-believe clock takes the same way.

A figure of one process is the fastest tenth of its runs (10 % quantile): what slows single runs down belongs to no
ceiling, while the very fastest run of thousands is luck. The best of many noisy figures is too good on average (the
winner's curse), so what a search has seen of its winner is thrown away: fresh processes time it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from effprof.ceilings.trials import Cell, Trial
from effprof.statistics import quantile

FAST = 0.1
SHORTEST_VISIT_S = 0.01
MIN_RUNS, MAX_RUNS = 3, 5000
PATIENCE = 3
LONGEST_RUN_S = 0.3
"""Trials that would take longer for one run are left out: nothing shorter than a second could time them."""

Run = Callable[[], float]
"""Carries a trial out once; its seconds."""


class Rig(Protocol):
    """Carries trials out on a device."""

    def ready(self, trial: Trial) -> AbstractContextManager[Run]:
        """Its memory is there inside, and gone afterwards."""
        ...

    def now_s(self) -> float:
        """The clock by which time is up."""
        ...


def times_of(trial: Trial, rig: Rig, seconds: float, least_runs: int = MIN_RUNS) -> list[float]:
    """Runs for so many seconds after a first one, three times as long where they would be fewer than the least."""
    with rig.ready(trial) as run:
        run()
        started = rig.now_s()
        times: list[float] = []
        while len(times) < MAX_RUNS:
            times.append(run())
            elapsed = rig.now_s() - started
            if elapsed >= (seconds if len(times) >= least_runs else PATIENCE * seconds):
                break
    return times


def rate_of(trial: Trial, times: Sequence[float]) -> float:
    """Work per second of the fastest tenth of the runs."""
    return trial.work / max(quantile(times, FAST), 1e-12)


def fastest(cell: Cell, rig: Rig, seconds: float) -> Trial:
    """Successive halving: all are visited, the better half for twice as long, until one is left or time is up.

    Every pass takes the same part of `seconds` (Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed
    Bandits", ICML 2013).
    """
    started = rig.now_s()
    passes = len(cell).bit_length()
    times: dict[Trial, list[float]] = {}

    def best_first() -> list[Trial]:
        return sorted(times, key=lambda trial: -rate_of(trial, times[trial]))

    alive = sorted(cell, key=lambda trial: trial.work)
    visit_s = max(SHORTEST_VISIT_S, seconds / (passes * len(cell)))
    while True:
        for trial in alive:
            if times and rig.now_s() - started > seconds:
                return best_first()[0]
            leader = best_first()[0] if times else None
            if leader is not None and trial.work / rate_of(leader, times[leader]) > LONGEST_RUN_S:
                continue
            times.setdefault(trial, []).extend(times_of(trial, rig, visit_s))
        if len(alive) == 1:
            return best_first()[0]
        alive = best_first()[: max(1, min(len(times), len(alive)) // 2)]
        visit_s *= 2

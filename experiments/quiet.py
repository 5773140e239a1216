"""Whether the machine is quiet, by a fixed piece of work of our own that has nothing to do with what is measured.

Another virtual machine on the same core shows in no counter that we can read: networks take up to 1.6 times as long for
minutes, and no other process is seen. The same work of ours, done before and after a run, tells.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep
from typing import TypeVar

import numpy as np

from effprof.devices.cpuinfo import usable_cpus
from effprof.sensors.affinity import kept_to

Row = TypeVar("Row")
BURSTS = 25
PASSES = 150
"""Over arrays that fit the first cache: some milliseconds a burst, on one core."""
LIMIT = 1.08
"""Slower than its best by more: somebody else is at work."""
PAUSE_S = 3.0


@dataclass
class Canary:
    """Knows how fast its work was at best; a first look of some seconds should be taken when the machine is quiet."""

    best_s: float = float("inf")
    _left: np.ndarray = field(default_factory=lambda: np.ones(2048))
    _right: np.ndarray = field(default_factory=lambda: np.full(2048, 0.5))

    def slowdown(self) -> float:
        """Of the slowest core: the median burst there now over the fastest median so far of any."""
        medians_s = [self._median_s((cpu,)) for cpu in usable_cpus() or ()] or [self._median_s(())]
        self.best_s = min(self.best_s, *medians_s)
        return max(medians_s) / self.best_s

    def is_quiet(self) -> bool:
        return self.slowdown() <= LIMIT

    def wait(self, patience_s: float = 600.0) -> None:
        """Until the machine is quiet, or patience is at its end."""
        until = monotonic() + patience_s
        while not self.is_quiet() and monotonic() < until:
            sleep(PAUSE_S)

    def _median_s(self, cpus: tuple[int, ...]) -> float:
        with kept_to(cpus):
            return statistics.median(self._burst_s() for _ in range(BURSTS))

    def _burst_s(self) -> float:
        started = perf_counter()
        for _ in range(PASSES):
            self._left *= 1.5
            np.divide(self._left, 1.5, out=self._left)
            np.add(self._right, self._left, out=self._right)
            np.subtract(self._right, self._left, out=self._right)
        return perf_counter() - started


def quietly(
    canary: Canary, measure: Callable[[], Row], was_disturbed: Callable[[Row], bool], most: int, name: str
) -> tuple[Row, int]:
    """What is measured when the machine is quiet, and again, whatever came out, where it was not so to the end.

    Returns the result, and how often it was measured again: `most` times at most, then the last counts as it is.
    """
    repeats = 0
    while True:
        canary.wait()
        row = measure()
        if repeats == most or (not was_disturbed(row) and canary.is_quiet()):
            return row, repeats
        print(f"{name}: the machine was not quiet", flush=True)
        repeats += 1

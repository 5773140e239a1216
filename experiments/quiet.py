"""Whether the machine is quiet, by effprof's own fixed piece of work (`sensors/machine_speed.py`) on every core.

The same work, done before and after a measurement, tells of neighbours that show in no counter that we can read.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TypeVar

from effprof.analyze.machine_speed import SLOWED
from effprof.devices.cpuinfo import usable_cpus
from effprof.sensors.affinity import kept_to
from effprof.sensors.machine_speed import FixedWork

Row = TypeVar("Row")
PAUSE_S = 0.5
WORKS = 100


@dataclass
class Canary:
    """Knows how fast its work was at best; a first look of some seconds should be taken when the machine is quiet."""

    best_s: float = float("inf")
    _work: FixedWork = field(default_factory=FixedWork)

    def slowdown(self) -> float:
        """Of the slowest core: its time now over the fastest so far of any."""
        medians_s = [self._median_s((cpu,)) for cpu in usable_cpus() or ()] or [self._median_s(())]
        self.best_s = min(self.best_s, *medians_s)
        return max(medians_s) / self.best_s

    def _median_s(self, cpus: tuple[int, ...]) -> float:
        with kept_to(cpus):
            return statistics.median(self._work.time_s() for _ in range(WORKS))

    def is_quiet(self) -> bool:
        return self.slowdown() <= SLOWED

    def wait(self, patience_s: float = 120.0) -> None:
        """Until the machine is quiet, or patience is at its end."""
        until = monotonic() + patience_s
        while not self.is_quiet() and monotonic() < until:
            sleep(PAUSE_S)


def quietly(
    canary: Canary, measure: Callable[[], Row], was_disturbed: Callable[[Row], bool], most: int, name: str
) -> tuple[Row, int]:
    """What is measured from a moment on when the machine is quiet; again, whatever came out, where it was disturbed.

    Returns the result, and how often it was measured again: `most` times at most, then the last counts as it is.
    """
    repeats = 0
    while True:
        canary.wait()
        row = measure()
        if repeats == most or not was_disturbed(row):
            return row, repeats
        print(f"{name}: the machine was not quiet", flush=True)
        repeats += 1

"""How fast the machine is just now, by a fixed piece of work of our own that has nothing to do with what is measured.

Another virtual machine on the same core, or a lower clock, shows in no counter that a program can read: networks take
up to 1.6 times as long for minutes, and no other process is seen. The same work of ours, before and after, tells.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

BURSTS = 25
PASSES = 150
"""Over arrays that fit the first cache: less than a millisecond a burst, on one core."""
ITEMS = 2048
MOST_CORES = 8
"""Of many, so many are asked, evenly apart."""


def fixed_work_s() -> tuple[float, ...]:
    """Seconds that the fixed work takes on each core that this thread may use, median of BURSTS bursts.

    On at most MOST_CORES cores; one figure for all where the platform lets nobody choose a core.
    """
    if not hasattr(os, "sched_setaffinity"):
        return (_median_burst_s(),)
    found = []
    for core in _some(sorted(os.sched_getaffinity(0))):
        with _on_core(core):
            found.append(_median_burst_s())
    return tuple(found)


def _some(cores: list[int]) -> list[int]:
    step = max(1, -(-len(cores) // MOST_CORES))
    return cores[::step]


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """This thread alone, unlike `affinity.kept_to`: a pool of threads is idle meanwhile and stays where it is."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _median_burst_s() -> float:
    left, right = np.ones(ITEMS), np.full(ITEMS, 0.5)
    return statistics.median(_burst_s(left, right) for _ in range(BURSTS))


def _burst_s(left: np.ndarray, right: np.ndarray) -> float:
    started = perf_counter()
    for _ in range(PASSES):
        left *= 1.5
        np.divide(left, 1.5, out=left)
        np.add(right, left, out=right)
        np.subtract(right, left, out=right)
    return perf_counter() - started

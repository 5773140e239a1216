"""How fast the machine is just now, by a fixed piece of work of our own that has nothing to do with what is measured.

Another virtual machine on the same core, or a lower clock, shows in no counter that a program can read: networks take
up to 1.6 times as long for seconds or minutes, and no other process is seen. The same work of ours, done between the
runs of a network, tells: over 0.6 s its median goes with the network's (correlation 0.99 on a shared server).
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

PASSES = 40
ITEMS = 512
"""Two arrays of 4 KiB: little of what the network left in the first cache goes."""


class FixedWork:
    """Some arithmetic on the core that this thread happens to be on; a tenth to a third of a millisecond."""

    def __init__(self) -> None:
        self._left, self._right = np.ones(ITEMS), np.full(ITEMS, 0.5)

    def time_s(self) -> float:
        """Seconds that it takes now."""
        left, right = self._left, self._right
        started = perf_counter()
        for _ in range(PASSES):
            left *= 1.5
            np.divide(left, 1.5, out=left)
            np.add(right, left, out=right)
            np.subtract(right, left, out=right)
        return perf_counter() - started

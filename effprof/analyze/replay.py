"""What a GPU would have waited without the profiler, from a run under it.

The device times its own work, so kernels and copies last as long as ever; but the host hands them over more slowly, and
the device waits for it longer. How much slower the host is, is measured where nothing but the host counts (the same
network at a small input, with and without the profiler). Here the hand-overs are moved to where they would have been,
and the device's run is played again:

- what the host handed over late starts as long after its hand-over as it did, but not before the work ahead of it ends;
- what was waiting already follows the work ahead of it as it did, but not before its hand-over.

Work ahead is all that started earlier, so what streams did at the same time stays beside each other.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from effprof.analyze.device import MAX_TURNAROUND_S
from effprof.device_records import DeviceActivity, Gaps
from effprof.records import Calibration


def host_slowdown(calibration: Calibration) -> float:
    """How many times as long a host-bound run takes under the profiler; 1 where that was not measured."""
    found = [
        statistics.median(point.instrumented_s) / statistics.median(point.plain_s)
        for point in calibration.points
        if point.plain_s and point.instrumented_s and statistics.median(point.plain_s) > 0
    ]
    return max(1.0, statistics.median(found)) if found else 1.0


def waits_without_profiler(activities: Sequence[DeviceActivity], began_s: float, slowdown: float) -> Gaps:
    """Seconds in which the device does nothing from the beginning of the run on the host to its last end.

    Args:
        activities: of one run, in order of their start.
        began_s: when the host began the run, on the activities' clock.
        slowdown: of the host under the profiler; with 1 the waits are the recorded ones.
    """
    was_free = is_free = began_s
    host: list[float] = []
    between: list[float] = []
    other: list[float] = []
    for one in activities:
        idle_s = one.start_s - was_free
        if one.launched_s is None:
            ready_s, start_s = None, is_free + idle_s
        else:
            ready_s = began_s + (one.launched_s - began_s) / slowdown
            if one.launched_s > was_free:
                start_s = max(is_free, ready_s + one.start_s - one.launched_s)
            else:
                start_s = max(is_free + idle_s, ready_s)
        wait_s = max(0.0, start_s - is_free)
        if ready_s is not None and ready_s > is_free:
            host.append(wait_s)
        else:
            (between if ready_s is not None and wait_s <= MAX_TURNAROUND_S else other).append(wait_s)
        was_free = max(was_free, one.start_s + one.duration_s)
        is_free = max(is_free, start_s + one.duration_s)
    return Gaps(math.fsum(host), math.fsum(between), math.fsum(other))

"""Which ranges of time stand around a moment on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from effprof.importers.events import Floats, HostEvents, Places

MAX_CHAIN = 64
"""How many ranges around a moment are looked at, from the innermost on."""


def chains(ranges: HostEvents, threads: Places, times: Floats) -> Iterator[tuple[int, list[int]]]:
    """For every moment (thread, time): its position, and the ranges around it from the outermost to the innermost.

    Moments come thread by thread in order of time; one with no range around it has an empty list. Ranges that begin
    together are nested by their ends, then by their numbers, so that the order of events in the file plays no part.
    """
    order = np.lexsort((times, threads))
    borders = np.flatnonzero(np.diff(threads[order])) + 1
    members = _by_thread(ranges, times)
    for moments in np.split(order, borders):
        if len(moments):
            own = members.get(int(threads[moments[0]]), np.empty(0, np.intp))
            yield from _sweep(ranges, own, moments, times)


def _by_thread(ranges: HostEvents, times: Floats) -> dict[int, npt.NDArray[np.intp]]:
    """Thread -> those of its ranges around any of these times, outer before inner."""
    asked = np.sort(times)
    first = np.searchsorted(asked, ranges.start, "left")
    rows = np.flatnonzero(first < np.searchsorted(asked, ranges.end, "right"))
    some = ranges.take(rows)
    order = rows[np.lexsort((some.name, some.number, -some.end, some.start, some.thread))]
    threads = ranges.thread[order]
    parts = np.split(order, np.flatnonzero(np.diff(threads)) + 1)
    return {int(ranges.thread[part[0]]): part for part in parts if len(part)}


def _sweep(
    ranges: HostEvents, own: npt.NDArray[np.intp], moments: npt.NDArray[np.intp], times: Floats
) -> Iterator[tuple[int, list[int]]]:
    asked = times[moments]
    first = np.searchsorted(asked, ranges.start[own], "left")
    last = np.searchsorted(asked, ranges.end[own], "right")
    own = own[first < last]  # of this thread's moments; a step below costs more than one in numpy
    indices, starts, ends = own.tolist(), ranges.start[own].tolist(), ranges.end[own].tolist()
    stack: list[int] = []
    position = 0
    for moment, time in zip(moments.tolist(), asked.tolist(), strict=True):
        while position < len(indices) and starts[position] <= time:
            while stack and ends[stack[-1]] < starts[position]:
                stack.pop()
            stack.append(position)
            position += 1
        while stack and ends[stack[-1]] < time:
            stack.pop()
        yield moment, [indices[entry] for entry in stack[-MAX_CHAIN:] if ends[entry] >= time]

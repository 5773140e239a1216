"""What ended each gap, worked out by hand: times in microseconds, the device busy with `first` from 10 to 20."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_trace import US, Event, activity, launch, trace

from effprof.analyze import analyze
from effprof.importers import import_trace

FIRST = [launch(1, 1, 2), activity("first", 10, 20, 1)]
COPY, FILL = "cudaMemcpyAsync", "cudaMemsetAsync"


def copy(start: float, end: float, correlation: int | None, name: str = "Memcpy DtoH (Device -> Pageable)") -> Event:
    return activity(name, start, end, correlation, category="gpu_memcpy")


@pytest.mark.parametrize(
    ("events", "host_wait", "between", "other"),
    [
        # Handed over while the device worked: the time it takes to turn around, or longer.
        ([launch(2, 3, 5), activity("k", 21, 30, 2)], 0, 1, 0),
        ([launch(2, 3, 5), activity("k", 30, 40, 2)], 0, 10, 0),
        ([launch(2, 3, 5), activity("k", 30.5, 40, 2)], 0, 0, 10.5),
        # The call returned in the very moment in which the device ran dry, or a little later.
        ([launch(2, 15, 20), activity("k", 22, 30, 2)], 0, 2, 0),
        ([launch(2, 15, 21), activity("k", 22, 30, 2)], 2, 0, 0),
        # The kernel began before its launch returned; the device had run dry before.
        ([launch(2, 22, 30), activity("k", 27, 40, 2)], 7, 0, 0),
        # Nothing is known of its launch.
        ([activity("k", 21, 30)], 0, 0, 1),
        ([activity("k", 21, 30, 77)], 0, 0, 1),
        # A copy to pageable memory: the call was made while the device worked, and returned after the copy.
        ([launch(2, 5, 26, name=COPY), copy(21.5, 23, 2)], 0, 1.5, 0),
        ([launch(2, 15, 60, name=COPY), copy(50, 58, 2)], 0, 0, 30),
        # It was made after the device had run dry.
        ([launch(2, 25, 60, name=COPY), copy(50, 58, 2)], 30, 0, 0),
        # A copy to pinned memory, a fill: the call returned at once.
        ([launch(2, 15, 17, name=COPY), copy(21, 23, 2, "Memcpy DtoH (Device -> Pinned)")], 0, 1, 0),
        ([launch(2, 24, 25, name=FILL), activity("Memset", 26, 27, 2, category="gpu_memset")], 6, 0, 0),
        # All kernels of a graph were handed over together.
        (
            [launch(2, 3, 5, name="cudaGraphLaunch"), *(activity("k", at, at + 2, 2) for at in (21, 24, 60))],
            0, 1 + 1, 34,
        ),
        # Another stream's work keeps the device busy; what waited for it was handed over long before.
        ([launch(2, 3, 4), launch(3, 5, 6), activity("k", 15, 30, 2, stream=8), activity("l", 31, 40, 3)], 0, 1, 0),
        ([launch(2, 3, 4), launch(3, 35, 36), activity("k", 15, 30, 2, stream=8), activity("l", 38, 40, 3)], 8, 0, 0),
        # Of two that start together, the one that was handed over first ended the gap.
        (
            [launch(2, 3, 5), launch(3, 20, 24), activity("k", 25, 30, 2, stream=8), activity("l", 25, 30, 3)],
            0, 5, 0,
        ),
        # A wait of the host between: only what comes after it was late.
        (
            [launch(2, 3, 5), launch(3, 26, 33, name="cudaDeviceSynchronize"), launch(4, 34, 36),
             activity("k", 21, 30, 2), activity("l", 40, 50, 4)],
            10, 1, 0,
        ),
    ],
)  # fmt: skip
def test_gaps(tmp_path: Path, events: list[Event], host_wait: float, between: float, other: float) -> None:
    path = tmp_path / "gaps.json"
    path.write_bytes(trace(FIRST + events))
    time = analyze(import_trace(path)).device_time
    assert time is not None
    gaps = time.gaps_s
    assert [x / US for x in (gaps.host_wait, gaps.between_kernels, gaps.other)] == pytest.approx(
        [host_wait, between, other], abs=1e-6
    )
    assert time.busy_s + host_wait * US + between * US + other * US == pytest.approx(time.span_s)


def test_a_copy_that_blocks_was_handed_over_when_its_call_began(tmp_path: Path) -> None:
    path = tmp_path / "gaps.json"
    path.write_bytes(trace([*FIRST, launch(2, 5, 26, name=COPY), copy(21.5, 23, 2), launch(3, 27, 40),
                            activity("k", 30, 35, 3)]))  # fmt: skip
    activities = import_trace(path).device_trace.activities  # type: ignore[union-attr]
    # From the first activity, at 10: the first kernel's call ended at 2, the copy's began at 5. A kernel's call may
    # return late because the profiler is slow, so its end says it all the same.
    assert [one.launched_s / US for one in activities] == pytest.approx([-8, -5, 30])  # type: ignore[operator]

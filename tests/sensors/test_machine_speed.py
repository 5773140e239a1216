"""A fixed piece of work on every core, and nothing of this process is left on another core than before."""

from __future__ import annotations

import os

import pytest

from effprof.sensors import machine_speed
from effprof.sensors.machine_speed import MOST_CORES, fixed_work_s


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform lets nobody choose a core")
def test_every_core_is_asked_from_that_core(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, seen = os.sched_getaffinity(0), []

    def burst() -> float:
        seen.append(os.sched_getaffinity(0))
        return 1e-3 * len(seen)

    monkeypatch.setattr(machine_speed, "_median_burst_s", burst)
    asked = machine_speed._some(sorted(allowed))
    assert fixed_work_s() == tuple(1e-3 * (place + 1) for place in range(len(asked)))
    assert seen == [{core} for core in asked]
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this platform lets nobody choose a core")
def test_an_interrupt_leaves_the_cores_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(machine_speed, "_median_burst_s", interrupted)
    allowed = os.sched_getaffinity(0)
    with pytest.raises(KeyboardInterrupt):
        fixed_work_s()
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.parametrize("count", [1, 2, 8, 9, 64, 1000])
def test_of_many_cores_some_are_asked_from_end_to_end(count: int) -> None:
    some = machine_speed._some(list(range(count)))
    assert some[0] == 0
    assert len(some) == min(count, len(some)) <= MOST_CORES
    assert some[-1] >= count * 3 // 4 or count == 1


def test_the_work_is_work() -> None:
    assert all(0 < time_s < 1 for time_s in fixed_work_s())

"""A fixed piece of work: the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from effprof.sensors import machine_speed
from effprof.sensors.machine_speed import ITEMS, FixedWork


def test_the_work_takes_time_and_leaves_the_same_work_to_do() -> None:
    """Its numbers stay where they are: none grows until it is infinite or so small that arithmetic slows down."""
    work = FixedWork()
    assert all(0 < work.time_s() < 1 for _ in range(200))
    np.testing.assert_allclose(work._left, np.ones(ITEMS))
    np.testing.assert_allclose(work._right, np.full(ITEMS, 0.5))


def test_its_time_is_what_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.25])
    monkeypatch.setattr(machine_speed, "perf_counter", lambda: next(clock))
    assert FixedWork().time_s() == 0.25

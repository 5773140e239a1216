"""Finding the fastest on a make-believe clock, where it is known which that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.ceilings.search import LONGEST_RUN_S, MIN_RUNS, Run, fastest, rate_of, times_of
from effprof.ceilings.trials import Trial


class Planned:
    """Each trial takes what is planned for its shape; every third run three times as long."""

    def __init__(self, times_s: dict[tuple[int, ...], float]) -> None:
        self.times_s = times_s
        self.clock_s, self.runs = 0.0, 0
        self.visited: list[tuple[int, ...]] = []

    def now_s(self) -> float:
        return self.clock_s

    @contextmanager
    def ready(self, trial: Trial) -> Iterator[Run]:
        self.visited.append(trial.shape)

        def run() -> float:
            self.runs += 1
            time_s = self.times_s[trial.shape] * (3 if self.runs % 3 == 0 else 1)
            self.clock_s += time_s
            return time_s

        yield run


def trial(number: int, work: int = 1000) -> Trial:
    return Trial("matmul", "plain", (number,), work)


@settings(deadline=None)
@given(st.lists(st.floats(1e-4, 1e-2), min_size=1, max_size=12, unique=True), st.randoms())
def test_with_time_enough_the_fastest_is_found(times_s: list[float], random: object) -> None:
    cell = tuple(trial(number) for number in range(len(times_s)))
    rig = Planned({(number,): time_s for number, time_s in enumerate(times_s)})
    assert fastest(cell, rig, 10.0).shape == (times_s.index(min(times_s)),)


def test_work_counts_not_time() -> None:
    rig = Planned({(0,): 1e-3, (1,): 2e-3})
    assert fastest((trial(0, 1000), trial(1, 3000)), rig, 10.0).shape == (1,)


def test_time_is_kept_to_and_something_is_always_found() -> None:
    cell = tuple(trial(number) for number in range(50))
    rig = Planned({(number,): 0.01 for number in range(50)})
    found = fastest(cell, rig, 0.5)
    assert found in cell
    assert rig.clock_s < 0.5 + 0.2, "a visit that was begun is ended"
    assert fastest(cell, Planned({(number,): 0.01 for number in range(50)}), 0.0) == cell[0]


def test_what_would_take_too_long_is_left_out() -> None:
    huge = trial(1, 10**9)
    rig = Planned({(0,): 1e-3, (1,): LONGEST_RUN_S * 10})
    assert fastest((trial(0, 10**6), huge), rig, 10.0).shape == (0,)
    assert (1,) not in rig.visited


def test_slow_runs_do_not_lower_the_figure() -> None:
    times_s = times_of(trial(0), Planned({(0,): 1e-3}), 0.1)
    assert len(times_s) >= MIN_RUNS
    assert rate_of(trial(0), times_s) == pytest.approx(1e6)


def test_a_run_longer_than_its_time_is_taken_once() -> None:
    assert len(times_of(trial(0), Planned({(0,): 5.0}), 0.1)) == 1

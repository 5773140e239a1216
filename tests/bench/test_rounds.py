"""Interleaving, stop rules and interrupts, on clocks whose every reading is known."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest
from small_sweep import planned_entry, quiet, untimed

from effprof.bench import turns as turns_module
from effprof.bench.rounds import Candidate, measure_entry
from effprof.bench.settings import settings_of
from effprof.bench.turns import GRACE_S, LONGEST_VISIT_S, MAX_RUNS, MIN_RUNS, Budget, Clock, warm
from effprof.devices.base import PlainRun
from effprof.guidelines.rules import judge_entry
from effprof.sweep_records import SweepEntry


@dataclass
class Ticking:
    """Every run takes one more unit than the one before; `fail_at` interrupts."""

    unit_s: float = 0.001
    fail_at: int | None = None
    log: list[str] = field(default_factory=list)
    name: str = ""
    runs: int = 0

    def plain(self) -> PlainRun:
        self.runs += 1
        self.log.append(self.name)
        if self.runs == self.fail_at:
            raise KeyboardInterrupt
        return PlainRun(self.unit_s * self.runs, self.runs)


def measured(
    clocks: Sequence[Clock], budget: Budget, warm_s: float = 1.0, is_make_believe: bool = True
) -> SweepEntry | None:
    settings = settings_of("G1", "arm", "x1")
    candidates = [Candidate(clock, warm_s, point=untimed(s)) for s, clock in zip(settings, clocks, strict=True)]
    return measure_entry(candidates, budget, 0.02, random.Random(0), quiet, is_make_believe)


def test_a_round_visits_every_setting_and_keeps_the_median() -> None:
    log: list[str] = []
    clocks = [Ticking(log=log, name=name) for name in "abcd"]
    entry = measured(clocks, Budget(6, 0.0))
    assert entry is not None
    assert entry.stopped_because == "interval"  # all alike: the ratio is 1
    assert entry.runs_per_round == (3, 3, 3, 3)
    assert [point.rounds_s for point in entry.points] == [(0.002, 0.005, 0.008, 0.011, 0.014, 0.017)] * 4
    assert entry.points[0].page_faults == (2, 5, 8, 11, 14, 17)
    visits = ["".join("abcd"[position] * 3 for position in order) for order in entry.order]
    assert "".join(log) == "".join(visits)
    assert len(set(entry.order)) > 1
    assert all(sorted(order) == [0, 1, 2, 3] for order in entry.order)


def test_the_order_follows_the_seed() -> None:
    assert planned_entry("G1", 1.1, seed=3).order == planned_entry("G1", 1.1, seed=3).order
    assert planned_entry("G1", 1.1, seed=3).order != planned_entry("G1", 1.1, seed=4).order


@pytest.mark.parametrize(
    ("warm_s", "runs"), [(1.0, MIN_RUNS), (0.01, 3), (0.005, 6), (1e-6, MAX_RUNS), (0.0, MAX_RUNS)]
)
def test_short_runs_are_repeated(warm_s: float, runs: int) -> None:
    assert Candidate(Ticking(), warm_s, point=untimed(settings_of("G1", "arm", "x1")[0])).runs == runs


def test_rounds_end_when_the_slowdown_is_known() -> None:
    entry = planned_entry("G1", 1.5, noise=0.0)
    assert (entry.stopped_because, len(entry.order)) == ("interval", 10)


def test_a_noisier_clock_needs_more_rounds() -> None:
    quiet_rounds, noisy_rounds = (
        sum(len(planned_entry("G1", 1.02, noise=noise, seed=seed).order) for seed in range(5)) for noise in (0.01, 0.03)
    )
    assert noisy_rounds > 2 * quiet_rounds


def test_an_interrupt_keeps_whole_rounds() -> None:
    clocks = [Ticking(), Ticking(), Ticking(fail_at=8), Ticking()]
    entry = measured(clocks, Budget(6, 100.0))
    assert entry is not None
    assert entry.stopped_because == "interrupted"
    assert {len(point.rounds_s) for point in entry.points} == {2}
    assert len(entry.order) == 2


def test_an_interrupt_in_the_first_round_leaves_nothing() -> None:
    assert measured([Ticking(), Ticking(fail_at=1), Ticking(), Ticking()], Budget(6, 100.0)) is None


def test_warm_runs_are_not_kept() -> None:
    clock = Ticking()
    assert warm(clock) == 0.001
    assert clock.runs == 3


def test_progress_grows() -> None:
    shares: list[float] = []
    planned_entry("G1", 1.02, progress=lambda _text, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] <= 1


class Slowing:
    """Four settings on one machine: each run takes the next of these times, then the last one again and again."""

    def __init__(self, times_s: Iterable[float]) -> None:
        self.times_s = list(times_s)
        self.runs = 0
        self.now_s = 0.0

    def plain(self) -> PlainRun:
        time_s = self.times_s[min(self.runs, len(self.times_s) - 1)]
        self.runs += 1
        self.now_s += time_s
        return PlainRun(time_s, None)


@pytest.mark.parametrize(("run_s", "runs"), [(0.001, MAX_RUNS), (0.4 * LONGEST_VISIT_S, 3), (2 * LONGEST_VISIT_S, 1)])
def test_a_visit_ends_when_runs_take_longer_than_warm_ones(run_s: float, runs: int) -> None:
    machine = Slowing([run_s])
    entry = measured([machine] * 4, Budget(6, 0.0), warm_s=1e-6)
    assert entry is not None
    assert machine.runs == 4 * runs * len(entry.order)


@pytest.mark.parametrize("is_make_believe", [True, False])
def test_a_slow_machine_gets_one_round_and_no_verdict(is_make_believe: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round takes 8 s: the second would end at 16 s, after 7 s and the grace."""
    machine = Slowing([2.0])
    monkeypatch.setattr(turns_module, "monotonic", lambda: machine.now_s)
    entry = measured([machine] * 4, Budget(6, 7.0), 2.0, is_make_believe)
    assert entry is not None
    assert (entry.stopped_because, len(entry.order)) == ("max-time", 1)
    assert machine.now_s == 8.0
    assert judge_entry(entry, ()).verdict == "inconclusive"


@pytest.mark.parametrize("is_make_believe", [True, False])
def test_a_round_that_the_end_of_the_time_cuts_is_dropped(
    is_make_believe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first round takes 4 s; in the second a run takes 5 s, so that the time is up before its third visit."""
    machine = Slowing([1.0] * 4 + [5.0])
    monkeypatch.setattr(turns_module, "monotonic", lambda: machine.now_s)
    entry = measured([machine] * 4, Budget(6, 7.0), 1.0, is_make_believe)
    assert entry is not None
    assert (entry.stopped_because, len(entry.order)) == ("max-time", 1)
    assert [point.rounds_s for point in entry.points] == [(1.0,)] * 4
    assert machine.runs == 6
    assert machine.now_s <= 7.0 + GRACE_S + 5.0


def test_long_warm_runs_are_few() -> None:
    machine = Slowing([2 * LONGEST_VISIT_S])
    assert warm(machine) == 2 * LONGEST_VISIT_S
    assert machine.runs == 1

"""Threads and the allocator: tried in processes of their own, in turn with the setting that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from effprof.advice_records import AdviceSpec
from effprof.advise.settings import (
    MALLOC,
    MOST_ROUNDS,
    Competition,
    Time,
    compete,
    is_setting,
    may_try_settings,
    settings_for,
)
from effprof.advise.tasks import SettingTask, SettingTimes
from effprof.analyze.gains import gain
from effprof.errors import CrashError, InterruptedRunError
from effprof.records import DeviceInfo, RunSpec

CPU = DeviceInfo("fake", "make-believe clock", "fake", 4)
SPEC = AdviceSpec(RunSpec("lenet5"))


def names(spec: AdviceSpec, device: DeviceInfo = CPU) -> list[str]:
    return [setting.name for setting in settings_for(spec, device)[0]]


def test_fewer_threads_and_a_steady_allocator_are_tried() -> None:
    assert names(SPEC) == [MALLOC, "threads-1", "threads-2"]
    runs = {setting.name: setting.run for setting in settings_for(SPEC, CPU)[0]}
    assert runs["threads-2"] == replace(SPEC.run, threads=2)
    assert runs[MALLOC] == replace(SPEC.run, malloc="steady")


def test_what_was_asked_for_stays() -> None:
    asked = AdviceSpec(RunSpec("lenet5", threads=4, malloc="steady"))
    settings, trials = settings_for(asked, CPU)
    assert settings == []
    assert [(trial.name, trial.outcome) for trial in trials] == [(MALLOC, "not-applicable")]


def test_one_thread_has_no_fewer() -> None:
    assert names(SPEC, replace(CPU, threads=1)) == [MALLOC]


def test_only_those_that_were_named() -> None:
    assert names(replace(SPEC, edits=("in-place", "threads-1"))) == ["threads-1"]


@pytest.mark.parametrize(
    ("run", "threads", "says"),
    [
        (RunSpec("lenet5"), 1, "threads-2 does not apply: of 1 thread half and one alone are tried"),
        (RunSpec("lenet5", threads=4), 4, "threads-2 does not apply: --threads was given"),
    ],
)
def test_a_setting_that_was_named_in_vain_is_told(run: RunSpec, threads: int, says: str) -> None:
    settings, trials = settings_for(AdviceSpec(run, edits=("threads-2",)), replace(CPU, threads=threads))
    assert settings == []
    assert [(trial.name, trial.outcome) for trial in trials] == [("threads-2", "not-applicable")]
    assert trials[0].text.startswith(says)


CASES = [(MALLOC, True), ("threads-3", True), ("threads-", False), ("in-place", False)]


@pytest.mark.parametrize(("name", "is_one"), CASES)
def test_names(name: str, is_one: bool) -> None:
    assert is_setting(name) == is_one


def planned(task: SettingTask) -> SettingTimes:
    factor = {"": 1.0, MALLOC: 0.7, "threads-1": 1.2, "threads-2": 1.0}[task.setting]
    return SettingTimes(0.01 * factor * (1 + 0.1 * (task.number % 3)), 20, 3.0)


def competing(time: Time, time_s: float = 60.0) -> Competition:
    settings, _ = settings_for(SPEC, CPU)
    return compete(SPEC, settings, ("in-place",), time_s, time, lambda text, share: None)


def test_each_setting_is_compared_with_the_one_asked_for_round_by_round() -> None:
    calls: list[SettingTask] = []

    def timed(task: SettingTask) -> SettingTimes:
        calls.append(task)
        return SettingTimes({"": 0.01, MALLOC: 0.007}.get(task.setting, 0.012), 20, 3.0)

    found = competing(timed)
    assert found.contest.versions == (
        ("in-place",), ("in-place", MALLOC), ("in-place", "threads-1"), ("in-place", "threads-2"),
    )  # fmt: skip
    assert gain(found.contest, 1).value == pytest.approx(0.3)
    assert gain(found.contest, 2).value == pytest.approx(-0.2)
    assert len(calls) == 4 * MOST_ROUNDS
    assert len({task.number for task in calls}) == len(calls)
    assert {task.edits for task in calls} == {("in-place",)}
    assert [trial.outcome for trial in found.trials] == ["measured"] * 3


def test_a_setting_whose_process_dies_is_left_out() -> None:
    def timed(task: SettingTask) -> SettingTimes:
        if task.setting == "threads-2":
            raise CrashError("died")
        return planned(task)

    found = competing(timed)
    assert found.contest.versions[1:] == (("in-place", MALLOC), ("in-place", "threads-1"))
    assert found.trials[-1].name == "threads-2"
    assert (found.trials[-1].outcome, found.trials[-1].text) == ("failed", "died")


def test_where_the_setting_asked_for_dies_there_is_nothing_to_compare_with() -> None:
    def timed(task: SettingTask) -> SettingTimes:
        if not task.setting:
            raise CrashError("died")
        return planned(task)

    found = competing(timed)
    assert found.contest is None
    assert {trial.outcome for trial in found.trials} == {"failed"}
    assert all(trial.text.endswith("beside it: died") for trial in found.trials)


def test_an_interrupt_keeps_whole_rounds() -> None:
    left = [10]

    def timed(task: SettingTask) -> SettingTimes:
        left[0] -= 1
        if left[0] < 0:
            raise InterruptedRunError("Interrupted.")
        return planned(task)

    found = competing(timed)
    assert found.is_partial
    assert {len(rounds) for rounds in found.contest.rounds_s} == {2}


def test_no_time_is_no_round() -> None:
    found = competing(planned, time_s=0.0)
    assert found.contest is None
    assert {trial.outcome for trial in found.trials} == {"no-time"}


@pytest.mark.parametrize(
    ("settings", "edits", "may"),
    [
        ({}, (), True),
        ({"threads": 1}, (), True),
        ({"malloc": "steady"}, (), True),
        ({"malloc": "steady", "threads": 1}, (), False),
        ({}, ("in-place",), False),
        ({}, ("in-place", "threads-1"), True),
    ],
)
def test_time_is_kept_for_settings_only_where_some_may_be_tried(
    settings: dict[str, object], edits: tuple[str, ...], may: bool
) -> None:
    assert may_try_settings(AdviceSpec(replace(SPEC.run, **settings), edits)) == may  # type: ignore[arg-type]


def test_a_round_that_the_end_of_the_time_cuts_in_two_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of 4 s, four a round, in 30 s: one round is whole; the second would end at 32 s and is not begun."""
    now = [100.0]
    monkeypatch.setattr("effprof.advise.settings.monotonic", lambda: now[0])

    def timed(task: SettingTask) -> SettingTimes:
        now[0] += 4.0
        return planned(task)

    assert len(competing(timed, 30.0).contest.order) == 1
    assert now[0] == 116.0
    found = competing(timed, 6.0)
    assert found.contest is None
    assert now[0] == 124.0, "no process is begun after the time is up"
    assert {trial.outcome for trial in found.trials} == {"no-time"}

"""Settings of the process that change no network: threads and the allocator; torch-free.

A process cannot go back on them, so each is measured in fresh processes, in turn with processes in the setting that was
asked for, with the edits that were chosen before.
"""

from __future__ import annotations

import platform
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic

from effprof.advice_records import AdviceSpec, Contest, Outcome, Trial
from effprof.advise.tasks import SettingTask, SettingTimes
from effprof.bench.turns import Progress
from effprof.errors import EffprofError, InterruptedRunError, NotApplicableError
from effprof.records import DeviceInfo, RunSpec
from effprof.units import counted

MALLOC, THREADS = "malloc-steady", "threads-"
RUN_S = 0.4
"""Of plain runs in one process."""
MOST_ROUNDS = 10
"""Processes scatter more than runs within one; more of them would take long for little."""
Time = Callable[[SettingTask], SettingTimes]
"""Does the task in a process of its own. Raises EffprofError."""


@dataclass(frozen=True)
class Setting:
    name: str
    text: str
    run: RunSpec


@dataclass(frozen=True)
class Competition:
    contest: Contest | None
    """None where no round was finished."""
    trials: tuple[Trial, ...]
    is_partial: bool


def settings_for(spec: AdviceSpec, device: DeviceInfo) -> tuple[list[Setting], list[Trial]]:
    """The settings that can be tried, and for the others why not. A setting that was asked for by an option stays."""
    run, threads = spec.run, device.threads or 1
    settings, trials = [], []
    if run.malloc == "steady":
        trials.append(Trial(MALLOC, "not-applicable", f"{MALLOC} does not apply: it is set already."))
    elif device.kind != "fake" and platform.libc_ver()[0] != "glibc":
        text = f"{MALLOC} does not apply: this system's C library is not glibc."
        trials.append(Trial(MALLOC, "not-applicable", text))
    else:
        text = "The C library keeps freed memory (--malloc steady)."
        settings.append(Setting(MALLOC, text, replace(run, malloc="steady")))
    for number in () if spec.run.threads is not None else _other_threads(threads):
        text = f"{counted(number, 'thread')} in place of {threads} (--threads {number})."
        settings.append(Setting(f"{THREADS}{number}", text, replace(run, threads=number)))
    wanted = set(spec.edits)
    known = {one.name for one in settings} | {one.name for one in trials}
    trials += [_no_setting(name, spec, threads) for name in spec.edits if is_setting(name) and name not in known]
    return (
        [one for one in settings if not wanted or one.name in wanted],
        [one for one in trials if not wanted or one.name in wanted],
    )


def _no_setting(name: str, spec: AdviceSpec, threads: int) -> Trial:
    of_many = f"of {counted(threads, 'thread')} half and one alone are tried, where those are fewer"
    why = of_many if spec.run.threads is None else "--threads was given, and what was asked for stays"
    return Trial(name, "not-applicable", f"{name} does not apply: {why}.")


def may_try_settings(spec: AdviceSpec) -> bool:
    """Whether any is asked for and left open by the options; how many threads there are is not known yet."""
    wanted = not spec.edits or any(map(is_setting, spec.edits))
    return wanted and (spec.run.malloc != "steady" or spec.run.threads is None)


def _other_threads(threads: int) -> list[int]:
    return sorted({1, threads // 2} - {0, threads})


def is_setting(name: str) -> bool:
    return name == MALLOC or (name.startswith(THREADS) and name[len(THREADS) :].isdecimal())


def compete(
    spec: AdviceSpec,
    settings: Sequence[Setting],
    edits: tuple[str, ...],
    time_s: float,
    time: Time,
    progress: Progress,
) -> Competition:
    """Rounds of one process each, for `time_s` at most; a setting whose process fails is left out with the reason."""
    asked = Setting("", "As asked for.", spec.run)
    rng, started, numbers = random.Random(spec.run.seed), monotonic(), count(1)
    living, failed = [asked, *settings], list[Trial]()
    rounds: list[dict[str, SettingTimes]] = []
    order: list[tuple[str, ...]] = []
    reason = "max-time"
    try:
        while len(living) > 1 and _another_fits(len(rounds), monotonic() - started, time_s):
            turns = rng.sample(living, len(living))
            found: dict[str, SettingTimes] = {}
            for one in turns:
                if monotonic() - started > time_s:  # a round that this cuts in two is dropped
                    break
                progress(f"{one.name or 'as asked for'}, round {len(rounds) + 1}", len(rounds) / MOST_ROUNDS)
                task = SettingTask(one.run, edits, one.name, RUN_S, next(numbers))
                _measure(task, time, found, failed)
            else:
                living = [one for one in living if one.name in found]
                rounds.append(found)
                order.append(tuple(one.name for one in turns))
    except KeyboardInterrupt:
        reason = "interrupted"
    except EffprofError as error:
        return _nothing_to_compare_with(living[1:], failed, error)
    living = [one for one in living if one.name not in {trial.name for trial in failed}]
    trials = [_tried(one, bool(rounds), reason) for one in living[1:]]
    contest = _contest(living, edits, rounds, order, reason)
    return Competition(contest, (*trials, *failed), reason == "interrupted")


def _tried(one: Setting, is_measured: bool, reason: str) -> Trial:
    if is_measured:
        return Trial(one.name, "measured", one.text)
    if reason == "interrupted":
        return Trial(one.name, "no-time", f"Interrupted before it was measured. {one.text}")
    return Trial(one.name, "no-time", f"No time was left to measure it: give more --max-time. {one.text}")


def _measure(task: SettingTask, time: Time, found: dict[str, SettingTimes], failed: list[Trial]) -> None:
    """Raises EffprofError where it is the setting asked for that cannot be measured."""
    try:
        found[task.setting] = time(task)
    except InterruptedRunError:
        raise KeyboardInterrupt from None
    except EffprofError as error:
        if not task.setting:
            raise
        outcome: Outcome = "not-applicable" if isinstance(error, NotApplicableError) else "failed"
        failed.append(Trial(task.setting, outcome, str(error)))


def _nothing_to_compare_with(
    settings: Sequence[Setting], failed: Sequence[Trial], error: EffprofError
) -> Competition:
    text = f"The setting that was asked for could not be measured beside it: {error}"
    return Competition(None, (*(Trial(one.name, "failed", text) for one in settings), *failed), False)


def _another_fits(rounds: int, elapsed_s: float, time_s: float) -> bool:
    """A round takes about as long as those before it; of the first nobody knows."""
    if not rounds:
        return elapsed_s < time_s
    return rounds < MOST_ROUNDS and elapsed_s * (1 + 1 / rounds) <= time_s


def _contest(
    living: Sequence[Setting],
    edits: tuple[str, ...],
    rounds: Sequence[dict[str, SettingTimes]],
    order: Sequence[tuple[str, ...]],
    reason: str,
) -> Contest | None:
    if not rounds or len(living) < 2:
        return None
    names = [one.name for one in living]
    faults = [[f for r in rounds if (f := r[name].page_faults) is not None] for name in names]
    return Contest(
        stage="settings",
        versions=tuple((*edits, name) if name else edits for name in names),
        rounds_s=tuple(tuple(r[name].median_s for r in rounds) for name in names),
        runs_per_round=tuple(round(statistics.median(r[name].runs for r in rounds)) for name in names),
        order=tuple(tuple(names.index(name) for name in turn if name in names) for turn in order),
        stopped_because=reason,
        page_faults=tuple(statistics.median(f) if f else None for f in faults),
    )


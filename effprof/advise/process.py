"""Edits and settings from the parent's side: edits in one process, settings in fresh ones; torch-free."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic, time

import msgspec

from effprof.advice_records import Advice, AdviceSpec
from effprof.advise.settings import compete, may_try_settings, settings_for
from effprof.advise.tasks import WORK, SettingTask, SettingTimes, Task
from effprof.bench.turns import Progress
from effprof.measure.processes import run_worker

SETTINGS_SHARE = 0.4
"""Of all the time, for settings; each of their processes takes seconds to start."""


def advise(spec: AdviceSpec, progress: Progress) -> Advice:
    """All edits and settings that were asked for, within about `spec.max_time_s`; an interrupt ends it early and marks
    it partial.

    Raises:
        EffprofError: the network cannot be built, run or measured.
        InterruptedRunError: interrupted before anything was measured.
    """
    started = monotonic()
    wants_settings = may_try_settings(spec)
    share = 1 - SETTINGS_SHARE if wants_settings else 1.0

    def on_edits(text: str, part: float) -> None:
        progress(text, part * share)

    def on_settings(text: str, part: float) -> None:
        progress(text, share + part * (1 - share))

    asked = Task(replace(spec, max_time_s=spec.max_time_s * share), time())
    advice = run_worker(msgspec.json.encode(asked), "json", on_edits, WORK, _advice)
    advice = replace(advice, spec=spec)
    if not advice.partial:
        left_s = spec.max_time_s - (monotonic() - started)
        if advice.device.kind == "fake":
            left_s = spec.max_time_s * SETTINGS_SHARE
        advice = _with_settings(advice, left_s, on_settings)
    return replace(advice, took_s=monotonic() - started)


def _with_settings(advice: Advice, time_s: float, progress: Progress) -> Advice:
    settings, trials = settings_for(advice.spec, advice.device)
    if not settings:
        return replace(advice, trials=(*advice.trials, *trials))
    found = compete(advice.spec, settings, (*advice.spec.applied, *advice.chosen), time_s, _time, progress)
    return replace(
        advice,
        trials=(*advice.trials, *trials, *found.trials),
        contests=(*advice.contests, *([] if found.contest is None else [found.contest])),
        partial=found.is_partial,
    )


def _time(task: SettingTask) -> SettingTimes:
    asked = msgspec.json.encode(Task(time=task))
    return run_worker(asked, "json", lambda text, share: None, WORK, _times)


def _advice(told: bytes) -> Advice:
    return msgspec.json.decode(told, type=Advice)


def _times(told: bytes) -> SettingTimes:
    return msgspec.json.decode(told, type=SettingTimes)

"""What the parent asks of a process, and what it hears back; torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from effprof.advice_records import AdviceSpec
from effprof.records import RunSpec

WORK = "effprof.advise.worker"
"""The module that does these tasks (`measure/processes.py` starts it)."""


@dataclass(frozen=True)
class SettingTask:
    run: RunSpec
    """In the setting that is tried."""
    edits: tuple[str, ...]
    setting: str
    """Name of the setting; empty for the one that was asked for. For the make-believe device, which plans it."""
    time_s: float
    """Of plain runs, after those that warm up."""
    number: int
    """Of the process; the make-believe device draws other noise in each."""


@dataclass(frozen=True)
class Task:
    """One of the two."""

    advise: AdviceSpec | None = None
    """Choose edits of a network, in this one process."""
    since_s: float | None = None
    """Unix time at which the time for it began to run; None: when the process takes it up."""
    time: SettingTask | None = None
    """Time one version of a network in one setting."""


@dataclass(frozen=True)
class SettingTimes:
    """Plain runs of one process."""

    median_s: float
    runs: int
    page_faults: float | None

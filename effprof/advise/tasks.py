"""What the parent asks of a process, and what it hears back; torch-free."""

from __future__ import annotations

from dataclasses import dataclass

from effprof.advice_records import AdviceSpec
from effprof.cliff_records import ConvShape
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
class ProfileTask:
    run: RunSpec
    """With the times that it may take."""
    applied: tuple[str, ...]
    """Edits that the network has had before; the make-believe device only plans them."""


@dataclass(frozen=True)
class Wanted:
    """One finding that is to be priced."""

    code: str
    pairs: tuple[tuple[ConvShape, tuple[ConvShape, ...]], ...]
    """(a layer's shape, what would stand in its place), one a layer."""


@dataclass(frozen=True)
class PricesTask:
    run: RunSpec
    threads: int
    channels_last: bool
    wanted: tuple[Wanted, ...]
    time_s: float
    """For all of them, about."""


@dataclass(frozen=True)
class Task:
    """One of them."""

    advise: AdviceSpec | None = None
    """Choose edits of a network, in this one process."""
    since_s: float | None = None
    """Unix time at which the time for it began to run; None: when the process takes it up."""
    time: SettingTask | None = None
    """Time one version of a network in one setting."""
    profile: ProfileTask | None = None
    """Time the network and its calls; gives a Profile."""
    prices: PricesTask | None = None
    """Time layers beside their twins."""


@dataclass(frozen=True)
class SettingTimes:
    """Plain runs of one process."""

    median_s: float
    runs: int
    page_faults: float | None


@dataclass(frozen=True)
class Priced:
    """What the twins of one finding's layers take less."""

    gain_s: float
    ci95_s: tuple[float, float] | None
    """None from too few rounds for one."""


@dataclass(frozen=True)
class Prices:
    priced: tuple[Priced | None, ...]
    """In the order asked for; None where the time did not reach."""
    is_partial: bool
    """Interrupted."""

"""The words of the guideline sweeps as data: what was timed (`Sweep`) and what is concluded from it (`Verdict`).

Like `records`: frozen, torch-free and JSON-able; `None` means unknown. One entry is one guideline at one scale.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

from effprof.records import DeviceInfo, Environment, Note

GuidelineId = Literal["G1", "G2", "G3", "G4"]
Scale = Literal["x1", "x2", "x4"]
Platform = Literal["gpu", "arm"]
"""Whose widths: the paper's for its GPU or for its ARM processor."""
Answer = Literal["holds", "fails", "inconclusive"]

GUIDELINES: tuple[GuidelineId, ...] = ("G1", "G2", "G3", "G4")
SCALES: tuple[Scale, ...] = ("x1", "x2", "x4")

# ---------------------------------------------------------------------------------------------- what was asked for


@dataclass(frozen=True)
class SweepSpec:
    """The sweeps as the user asked for them; enough to ask for them again."""

    device: str = "cpu"
    guidelines: tuple[GuidelineId, ...] = GUIDELINES
    platform: Platform = "arm"
    scale: Scale = "x1"
    """The judged one."""
    other_scales: tuple[Scale, ...] = ()
    """Measured and judged too, but shown apart."""
    batch_size: int = 1
    img_size: int = 56
    precision: str = "fp32"
    channels_last: bool = False
    threads: int | None = None
    cpus: tuple[int, ...] = ()
    malloc: str = "default"
    seed: int = 0
    min_rounds: int = 10
    max_time_s: float = 30.0
    """For one guideline at one scale."""
    margin: float = 0.02
    command: str = ""


@dataclass(frozen=True)
class SweepSetting:
    """One tiny network: `blocks` equal blocks, nothing else. Convolutions have no bias, as in the paper's counts."""

    guideline: GuidelineId
    scale: Scale
    label: str
    channels: int
    """Of a block's input and output: c1 (G1), c (G2 to G4)."""
    inner_channels: int
    """Within the block: c2 (G1), c / 4 (G4), else as `channels`."""
    groups: int = 1
    fragments: int = 1
    arrangement: Literal["single", "series", "parallel"] = "single"
    relu: bool = False
    shortcut: bool = False
    paper_channels: int | None = None
    """The paper's width where it cannot be built."""
    blocks: int = 10


# ---------------------------------------------------------------------------------------------------- what was seen


@dataclass(frozen=True)
class SweepPoint:
    """One setting, timed: one median for each round."""

    setting: SweepSetting
    mult_adds: int
    access_bytes: int
    access_elements: int
    op_count: int
    kernel: str | None
    """Which convolution kernels torch picked, joined by ` + `; None where nobody can tell."""
    rounds_s: tuple[float, ...]
    """Median of the plain runs of each round."""
    page_faults: tuple[float, ...] = ()
    """Minor page faults a run, median of each round; empty where the platform does not tell."""
    kernel_elsewhere: tuple[int, str] | None = None
    """(threads, kernels): what torch picks with another number of threads, where somebody looked."""

    @property
    def time_s(self) -> float:
        return statistics.median(self.rounds_s)


@dataclass(frozen=True)
class SweepEntry:
    """One guideline at one scale: its settings, timed in turn in random order, round after round."""

    guideline: GuidelineId
    scale: Scale
    points: tuple[SweepPoint, ...]
    """From the recommended setting to the severe one."""
    runs_per_round: tuple[int, ...]
    """Plain runs of each point in one round; fewer where they took far longer than when they were warm."""
    order: tuple[tuple[int, ...], ...]
    """Positions of the points as they were visited, for each round."""
    stopped_because: str
    """`interval`, `max-time` or `interrupted`."""

    @property
    def recommended(self) -> SweepPoint:
        return self.points[0]

    @property
    def severe(self) -> SweepPoint:
        return self.points[-1]


@dataclass(frozen=True)
class Sweep:
    """The raw record of all entries. Holds only what was observed; verdicts can be made again from it."""

    spec: SweepSpec
    environment: Environment
    device: DeviceInfo
    entries: tuple[SweepEntry, ...]
    notes: tuple[Note, ...] = ()
    partial: bool = False
    format: str = "effprof.sweep/1"


# ------------------------------------------------------------------------------------------------- what is derived


@dataclass(frozen=True)
class Ratio:
    """A ratio of times with its 95 % interval."""

    value: float
    ci95: tuple[float, float]


@dataclass(frozen=True)
class JudgedPoint:
    point: SweepPoint
    ci95_s: tuple[float, float]
    time_per_mult_add_s: float
    slowdown: Ratio
    """Time per mult_add over that of the recommended setting."""
    relative_speed: Ratio
    """Speed over that of the recommended setting, mult_adds as they are: what the paper's tables show."""


@dataclass(frozen=True)
class Verdict:
    """What this device says about one guideline at one scale."""

    guideline: GuidelineId
    scale: Scale
    verdict: Answer
    slowdown: Ratio
    """Of the severe setting."""
    why: tuple[str, ...]
    points: tuple[JudgedPoint, ...]


@dataclass(frozen=True)
class PaperPoint:
    """One cell of the paper's tables 1 to 4, as speed relative to the recommended setting."""

    guideline: GuidelineId
    platform: Platform
    scale: Scale
    label: str
    relative_speed: float
    speed: float
    speed_unit: str
    source: str


@dataclass(frozen=True)
class Guidelines:
    """A sweep with its verdicts, the judged scale first."""

    sweep: Sweep
    verdicts: tuple[Verdict, ...]
    """One for each guideline, at the judged scale."""
    others: tuple[Verdict, ...]
    """At the other scales."""
    paper: tuple[PaperPoint, ...]
    notes: tuple[Note, ...]

"""A sweep without hardware: planned slowdowns on the make-believe clock, counts worked by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from effprof.bench.planned import planned_candidates
from effprof.bench.rounds import measure_entry
from effprof.bench.settings import settings_of
from effprof.bench.turns import Budget
from effprof.devices.fake import Cost, Plan
from effprof.records import DeviceInfo, Environment, Note
from effprof.sweep_records import (
    GUIDELINES,
    GuidelineId,
    Platform,
    Scale,
    Sweep,
    SweepEntry,
    SweepPoint,
    SweepSetting,
    SweepSpec,
)

ENVIRONMENT = Environment(
    "0.1.0", "3.12.1", "2.14.1", "Linux", "Imaginary CPU", "glibc 2.36", None, "2026-01-02T03:04:05Z"
)
BUDGET = Budget(SweepSpec.min_rounds, SweepSpec.max_time_s)
SLOWDOWNS: dict[GuidelineId, float] = {"G1": 1.5, "G2": 2.0, "G3": 1.1, "G4": 0.95}


def quiet(_text: str, _share: float) -> None: ...


def untimed(setting: SweepSetting, position: int = 0) -> SweepPoint:
    """Access grows by half with each setting."""
    elements = 1_000_000 * (2 + position) // 2
    return SweepPoint(
        setting, mult_adds(setting, 1, 56), 4 * elements, elements, 10 * (1 + position), "mkldnn_convolution", ()
    )


def planned_entry(
    guideline: GuidelineId,
    slowdown: float,
    *,
    noise: float = 0.03,
    seed: int = 0,
    scale: Scale = "x1",
    platform: Platform = "arm",
    budget: Budget = BUDGET,
    progress: Callable[[str, float], None] = quiet,
) -> SweepEntry:
    plan = Plan(default=Cost(noise=noise), guidelines={guideline: slowdown})
    settings = settings_of(guideline, platform, scale)
    points = [untimed(setting, position) for position, setting in enumerate(settings)]
    candidates = planned_candidates(points, plan, 10 * seed)
    entry = measure_entry(candidates, budget, SweepSpec.margin, random.Random(seed), progress, True)
    assert entry is not None
    return entry


def timed_entry(times_s: Sequence[Sequence[float]], guideline: GuidelineId = "G1") -> SweepEntry:
    """The entry with these round medians, one row a setting."""
    settings = settings_of(guideline, "arm", "x1")
    points = tuple(
        replace(untimed(setting, position), rounds_s=tuple(rounds))
        for position, (setting, rounds) in enumerate(zip(settings, times_s, strict=True))
    )
    return SweepEntry(guideline, "x1", points, (3,) * len(points), (), "interval")


def planned_sweep() -> Sweep:
    """All four guidelines at x1 and x2."""
    scales: tuple[Scale, ...] = ("x1", "x2")
    entries = tuple(planned_entry(name, SLOWDOWNS[name], scale=scale) for scale in scales for name in GUIDELINES)
    spec = SweepSpec(other_scales=("x2",), threads=1, command="effprof guidelines")
    device = DeviceInfo("cpu", "Imaginary CPU", "x86_64", 1)
    notes = (Note("governor", "The frequency governor is powersave.", "Set it to performance."),)
    return Sweep(spec, ENVIRONMENT, device, entries, notes)


def mult_adds(setting: SweepSetting, batch_size: int, img_size: int) -> int:
    """Of the whole tiny network, by hand."""
    outer, inner = setting.channels, setting.inner_channels
    if setting.guideline == "G1":
        weights = 2 * outer * inner
    elif setting.guideline == "G4":
        weights = 2 * outer * inner + 9 * inner * inner
    else:
        weights = setting.fragments * outer * outer // setting.groups
    return batch_size * img_size**2 * setting.blocks * weights

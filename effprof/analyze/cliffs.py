"""Where a device has steps around a convolution's own shape, and which neighbouring values cost nothing.

Of each value: time over that of the own value, the median over rounds of the ratio within each round with its 95 %
interval, as for the guidelines, and the same per mult_add. A value is

- **free** when it does more work than the own one and its time is surely (the whole interval) below 1 + margin;
- **cheaper** when its time is surely below 1 - margin, whatever its work;
- **dear** when a mult_add surely takes more than 1 + STEP times as long as at the own value.

A **step** lies between two neighbouring values where the time surely grows by more than STEP beyond the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from effprof.cliff_records import CliffAxis, CliffPoint
from effprof.statistics import MIN_ROUNDS, paired_ratio, paired_ratio_ci95

MARGIN = 0.02
STEP = 0.10
Mark = Literal["own", "free", "cheaper", "dear", ""]


@dataclass(frozen=True)
class CliffValue:
    """One value beside the own one."""

    point: CliffPoint
    time_ratio: float
    time_ratio_ci95: tuple[float, float]
    per_mult_add_ratio: float
    per_mult_add_ratio_ci95: tuple[float, float]
    mark: Mark


@dataclass(frozen=True)
class Step:
    """Between two neighbouring values: how much the time grows beyond the work, surely at least `at_least`."""

    below: int
    above: int
    growth: float
    at_least: float


@dataclass(frozen=True)
class JudgedAxis:
    measured: CliffAxis
    values: tuple[CliffValue, ...]
    steps: tuple[Step, ...]


def judge_axis(measured: CliffAxis) -> JudgedAxis:
    own = next(point for point in measured.points if point.value == measured.own)
    values = tuple(_judged(point, own) for point in measured.points)
    steps = tuple(step for below, above in pairwise(measured.points) if (step := _step(below, above)) is not None)
    return JudgedAxis(measured, values, steps)


def _judged(point: CliffPoint, own: CliffPoint) -> CliffValue:
    ratio, ci95 = paired_ratio(point.rounds_s, own.rounds_s), paired_ratio_ci95(point.rounds_s, own.rounds_s)
    work = point.mult_adds / own.mult_adds
    per_work = (ci95[0] / work, ci95[1] / work)
    return CliffValue(point, ratio, ci95, ratio / work, per_work, _mark(point, own, ci95, per_work))


def _mark(
    point: CliffPoint, own: CliffPoint, time: tuple[float, float], per_mult_add: tuple[float, float]
) -> Mark:
    if point.value == own.value:
        return "own"
    if len(point.rounds_s) < MIN_ROUNDS:
        return ""
    if point.mult_adds > own.mult_adds and time[1] < 1 + MARGIN:
        return "free"
    if time[1] < 1 - MARGIN:
        return "cheaper" if per_mult_add[0] <= 1 + STEP else "dear"
    return "dear" if per_mult_add[0] > 1 + STEP else ""


def _step(below: CliffPoint, above: CliffPoint) -> Step | None:
    if len(below.rounds_s) < MIN_ROUNDS:
        return None
    work = above.mult_adds / below.mult_adds
    growth = paired_ratio(above.rounds_s, below.rounds_s) / max(work, 1.0)
    low = paired_ratio_ci95(above.rounds_s, below.rounds_s)[0] / max(work, 1.0)
    return Step(below.value, above.value, growth, low) if low > 1 + STEP else None

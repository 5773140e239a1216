"""What a guideline is worth: slowdowns measured on this device by `effprof guidelines`, else the paper's.

Each is a curve through the settings of one sweep, from how far a layer is from the recommended setting to how many
times as long a multiply-add takes: G1 over the access of the paper's equation (1) relative to its bound, G2 over the
logarithm of the number of groups. Between settings it is interpolated, beyond the last one held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from effprof.finding_records import Source
from effprof.guidelines.paper import paper_points
from effprof.sweep_records import GuidelineId, Platform, Verdict

Curve = tuple[tuple[float, float], ...]
"""(how far, slowdown), ascending."""
_Place = Callable[[str], float]


@dataclass(frozen=True)
class Slowdowns:
    """The curves of one device, and for each whose they are."""

    curves: dict[GuidelineId, tuple[Curve, Source]]
    failed: frozenset[GuidelineId] = frozenset()
    """Measured here, and found to gain nothing: nothing may be proposed on their account."""

    def gain_s(self, guideline: GuidelineId, how_far: float, time_s: float) -> tuple[float, Source] | None:
        """Seconds gained of `time_s` at the recommended setting with equal mult_adds; None where it gains nothing."""
        curve, source = self.curves.get(guideline, ((), "paper"))
        if guideline in self.failed or not curve:
            return None
        slowdown = interpolate(curve, how_far)
        return (time_s * (1 - 1 / slowdown), source) if slowdown > 1 else None


def slowdowns(verdicts: Sequence[Verdict] = (), platform: Platform = "arm") -> Slowdowns:
    """From the verdicts at hand; guidelines without one take the paper's figures for `platform`."""
    curves: dict[GuidelineId, tuple[Curve, Source]] = {
        "G1": (_paper_curve("G1", platform, _over_of_label), "paper"),
        "G2": (_paper_curve("G2", platform, _groups_of_label), "paper"),
    }
    for verdict in verdicts:
        place = {"G1": _over_of_label, "G2": _groups_of_label}.get(verdict.guideline)
        if place is not None:
            points = ((place(one.point.setting.label), one.slowdown.value) for one in verdict.points)
            curves[verdict.guideline] = (_rising(points), "guidelines")
    return Slowdowns(curves, frozenset(verdict.guideline for verdict in verdicts if verdict.verdict == "fails"))


def interpolate(curve: Curve, at: float) -> float:
    """Linear between points, held beyond the ends."""
    if at <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if at <= x1:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return curve[-1][1]


def access_over_bound(pixels: int, inputs: int, outputs: int) -> float:
    """hw(c1 + c2) + c1 c2 over its least for equal work, 2 sqrt(hw B) + B / hw (Ma et al. 2018, equation 1)."""
    work = pixels * inputs * outputs
    return (pixels * (inputs + outputs) + inputs * outputs) / (2 * math.sqrt(pixels * work) + work / pixels)


def _paper_curve(guideline: GuidelineId, platform: Platform, place: _Place) -> Curve:
    chosen = (p for p in paper_points() if (p.guideline, p.platform, p.scale) == (guideline, platform, "x1"))
    return _rising((place(point.label), 1 / point.relative_speed) for point in chosen)


def _over_of_label(label: str) -> float:
    """`1:6` -> (1 + 6) / (2 sqrt 6): the weights' part is left out, which is below 5 % at 56 x 56."""
    ratio = int(label.partition(":")[2])
    return (1 + ratio) / (2 * math.sqrt(ratio))


def _groups_of_label(label: str) -> float:
    """`g=8` -> 3."""
    return math.log2(int(label.partition("=")[2]))


def _rising(points: Iterable[tuple[float, float]]) -> Curve:
    return tuple(sorted(points))

"""When a guideline holds, fails, or cannot be judged: the one place for it.

`slowdown` = time per mult_add of the severe setting over that of the recommended one, the median over rounds of the
ratio within each round, with a 95 % interval. Per mult_add, because "fixed" work drifts by some per cent between the
settings. With a margin m (2 % unless asked otherwise; a slowdown below it is not worth a guideline):

- **holds**: the whole interval lies above 1 + m;
- **fails**: the whole interval lies below 1 + m;
- **inconclusive**: it straddles 1 + m, or there are fewer than 6 rounds (the range of five values holds their median in
  93.75 %, not in 95).

Settings in between do not change the verdict; what they show against the trend is said in `why`.

The stop rule is here too, because it is about the same interval. Enough rounds are taken when its half-width is at most

- half the margin, and half the distance of the slowdown from 1 + m;
- or 5 % of the slowdown, and a third of that distance;
- or m / 8: what is not clear of the margin by now is about the margin itself, and another process may differ by more.

To stop as soon as the interval clears 1 + m would stop at lucky moments: looking again and again, one of twenty looks
is wrong. Hence two half-widths of distance on the way.
"""

from __future__ import annotations

from effprof.statistics import MIN_ROUNDS, median_ci95, paired_ratio, paired_ratio_ci95
from effprof.sweep_records import Answer, JudgedPoint, Ratio, SweepEntry, SweepPoint, Verdict

MARGIN = 0.02
_COARSEST = 0.05
"""Half-width of an interval that is known well enough far from the margin, as a share of the slowdown."""
_FINEST = 1 / 8
"""Half-width, as a share of the margin, beyond which no more rounds are taken."""


def answer(slowdown: Ratio, rounds: int, margin: float = MARGIN) -> Answer:
    """The verdict rule."""
    low, high = slowdown.ci95
    if rounds < MIN_ROUNDS:
        return "inconclusive"
    if low > 1 + margin:
        return "holds"
    if high < 1 + margin:
        return "fails"
    return "inconclusive"


def is_known(slowdown: Ratio, margin: float = MARGIN) -> bool:
    """The stop rule, from the interval alone."""
    low, high = slowdown.ci95
    half_width = max(high - slowdown.value, slowdown.value - low)
    distance = abs(slowdown.value - (1 + margin))
    enough = (
        _FINEST * margin,
        min(margin / 2 * slowdown.value, distance / 2),
        min(_COARSEST * slowdown.value, distance / 3),
    )
    return half_width <= max(enough)


def slowdown(point: SweepPoint, base: SweepPoint) -> Ratio:
    """Time per mult_add of `point` over that of `base`."""
    return _scaled(_time_ratio(point, base), base.mult_adds / point.mult_adds)


def relative_speed(point: SweepPoint, base: SweepPoint) -> Ratio:
    """Speed of `point` over that of `base`, as they are."""
    ratio = _time_ratio(point, base)
    return Ratio(1 / ratio.value, (1 / ratio.ci95[1], 1 / ratio.ci95[0]))


def judged_points(entry: SweepEntry) -> tuple[JudgedPoint, ...]:
    base = entry.recommended
    return tuple(
        JudgedPoint(
            point=point,
            ci95_s=median_ci95(point.rounds_s),
            time_per_mult_add_s=point.time_s / point.mult_adds,
            slowdown=slowdown(point, base),
            relative_speed=relative_speed(point, base),
        )
        for point in entry.points
    )


def judge_entry(entry: SweepEntry, why: tuple[str, ...], margin: float = MARGIN) -> Verdict:
    found = slowdown(entry.severe, entry.recommended)
    verdict = answer(found, len(entry.severe.rounds_s), margin)
    return Verdict(entry.guideline, entry.scale, verdict, found, why, judged_points(entry))


def _time_ratio(point: SweepPoint, base: SweepPoint) -> Ratio:
    if point is base:
        return Ratio(1.0, (1.0, 1.0))
    times, base_times = point.rounds_s, base.rounds_s
    return Ratio(paired_ratio(times, base_times), paired_ratio_ci95(times, base_times))


def _scaled(ratio: Ratio, factor: float) -> Ratio:
    return Ratio(ratio.value * factor, (ratio.ci95[0] * factor, ratio.ci95[1] * factor))

"""What our own instrumentation costs, found without looking at the latency it will be subtracted from.

The same network runs at smaller inputs, plain and instrumented in turn; the difference of the two, per timed span, is
the cost. The measured size is never part of it, so a residual cannot vanish by construction. A tight loop gives a
lower bound (nothing pushes our code out of the caches there), and a multiple of it an upper one: on a noisy machine
the difference of two noisy lengths may be anything, but a span cannot cost less than in the tight loop.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Sequence
from time import monotonic

from effprof.devices.base import SpanCost, Subject
from effprof.records import Calibration, CalibrationPoint

PAIRS = 24
MAX_SECONDS_PER_POINT = 0.6
MAX_SHARE_PER_POINT = 0.2
"""Of the time that the whole measurement may take."""
SLACK = 0.1
"""A cost may come out so much below its lower bound by noise alone."""
ATTEMPTS, MAX_SHARE = 3, 0.5
"""No attempt begins after this share of the time that the whole measurement may take."""


def calibrate(
    subject: Subject, smaller: Iterable[Subject], method: str, max_time_s: float, rng: random.Random
) -> Calibration:
    """Cost of one span of `subject`, in seconds inside and outside its clock readings.

    Args:
        smaller: the same network at smaller inputs, or a stand-in where it has only one size.
        max_time_s: what the whole measurement may take.
    """
    tight = subject.span_cost()
    tight_s = tight.inside_s + tight.outside_s
    point_s = min(MAX_SECONDS_PER_POINT, MAX_SHARE_PER_POINT * max_time_s)
    points, found = _points(tuple(smaller), tight, point_s, MAX_SHARE * max_time_s, rng)
    cost_s = min(max(statistics.median(found), tight_s), tight.at_most * tight_s) if found else tight_s
    if tight.nested_s is not None:
        return Calibration(tight.inside_s, cost_s - tight.inside_s, method, points, tight.nested_s)
    inside_share = tight.inside_s / tight_s if tight_s else 0.0
    return Calibration(cost_s * inside_share, cost_s * (1 - inside_share), method, points)


def _points(
    sizes: Sequence[Subject], tight: SpanCost, point_s: float, max_time_s: float, rng: random.Random
) -> tuple[tuple[CalibrationPoint, ...], list[float]]:
    """All that was measured, and the costs of a span that follow. Where one lies out of its bounds the machine changed
    its speed meanwhile: all sizes are measured again, and what lies within counts, if anything does."""
    tight_s = tight.inside_s + tight.outside_s
    low_s, high_s = tight_s * (1 - SLACK), tight_s * tight.at_most
    until = monotonic() + max_time_s
    points: list[CalibrationPoint] = []
    found: list[float] = []
    for _ in range(ATTEMPTS):
        fresh = [measure_point(small, point_s, rng) for small in sizes]
        costs_s = [point_cost_s(point, tight.nested_s or 0.0) for point in fresh if point.spans]
        points += fresh
        found += costs_s
        if all(low_s <= cost_s <= high_s for cost_s in costs_s) or monotonic() > until:
            break
    return tuple(points), [cost_s for cost_s in found if low_s <= cost_s <= high_s] or found


def point_cost_s(point: CalibrationPoint, nested_s: float = 0.0) -> float:
    """Cost of one span at one smaller input, without that of ops recorded within spans: the median difference within a
    pair, whose runs were neighbours, so that a machine that is slow for a while slows both."""
    pairs = zip(point.instrumented_s, point.plain_s, strict=True)
    extra_s = statistics.median(instrumented - plain for instrumented, plain in pairs)
    return (extra_s - point.nested * nested_s) / point.spans


def measure_point(small: Subject, max_time_s: float, rng: random.Random) -> CalibrationPoint:
    plain_s: list[float] = []
    instrumented_s: list[float] = []
    small.plain()
    small.timed()
    give_up = monotonic() + max_time_s
    while len(plain_s) < PAIRS and (len(plain_s) < 4 or monotonic() < give_up):
        for instrumented in rng.sample((False, True), 2):
            if instrumented:
                instrumented_s.append(small.timed().time_s)
            else:
                plain_s.append(small.plain().time_s)
    nested = sum(small.nested)
    return CalibrationPoint(small.input_shape, len(small.spans), tuple(plain_s), tuple(instrumented_s), nested)

"""What a design edit would cost or save: each layer's shape timed in turn with its twin, in one process.

Shapes are timed once however many layers have them. The gain is the sum over layers, a value for each round, so that
its interval is of paired differences.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch

from effprof.bench.cliffs import Convolution
from effprof.bench.turns import Budget, seated, take_turns
from effprof.cliff_records import AXES, ConvShape
from effprof.devices.fake import Plan, PlannedRuns
from effprof.measure.guard import threads_set
from effprof.statistics import median, median_ci95

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Price:
    """Of putting twins in the place of some layers."""

    gain_s: float
    """Seconds a run that the twins take less; negative where they take longer."""
    ci95_s: tuple[float, float]
    own_s: float
    """What the layers take alone, one after another."""
    rounds: int
    layers: int
    is_interrupted: bool = False
    """Of the rounds that were finished before Ctrl-C."""


@dataclass(frozen=True)
class Form:
    """How the shapes are run."""

    threads: int
    precision: str = "fp32"
    channels_last: bool = False
    seed: int = 0


def price(
    pairs: Sequence[tuple[ConvShape, tuple[ConvShape, ...]]],
    form: Form,
    budget: Budget,
    progress: Progress,
    plan: Plan | None = None,
) -> Price | None:
    """The price of all pairs together: (a layer's shape, what would stand in its place), one pair a layer.

    `plan` prices on the make-believe clock. None when an interrupt came before a round was finished, or without pairs.
    """
    counts = Counter(pairs)
    shapes = list(dict.fromkeys(shape for own, twins in counts for shape in (own, *twins)))
    if not shapes:
        return None
    with threads_set(form.threads), torch.inference_mode():
        clocks = [
            Convolution(shape, form.precision, form.channels_last, form.seed)
            if plan is None
            else PlannedRuns(plan, shape.mult_adds, _planned_slowdown(plan, shape), form.seed + number)
            for number, shape in enumerate(shapes)
        ]
        taken = take_turns(seated(clocks), budget, random.Random(form.seed), progress, is_make_believe=plan is not None)
    if taken is None:
        return None
    times_s = dict(zip(shapes, taken.rounds_s, strict=True))
    rounds = range(len(taken.rounds_s[0]))
    own_s = [sum(times_s[own][r] * count for (own, _), count in counts.items()) for r in rounds]
    twins_s = [sum(times_s[t][r] * count for (_, twins), count in counts.items() for t in twins) for r in rounds]
    gains_s = [own - twin for own, twin in zip(own_s, twins_s, strict=True)]
    is_interrupted = taken.stopped_because == "interrupted"
    return Price(median(gains_s), median_ci95(gains_s), median(own_s), len(rounds), len(pairs), is_interrupted)


def _planned_slowdown(plan: Plan, shape: ConvShape) -> float:
    """Of all axes together; `width` is another name of `inputs`."""
    return prod(plan.slowdown_at(axis, shape.value(axis)) for axis in AXES if axis != "width")

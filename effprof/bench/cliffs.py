"""One convolution at the neighbouring values of each of its axes, timed side by side.

The values of one axis take turns, as the settings of one guideline do: all are built and warm before the first timed
sample of any.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from math import gcd
from pathlib import Path
from typing import Any

import torch
from torch import nn

from effprof.bench.turns import Budget, Clock, Seat, Taken, round_s, seated, take_turns
from effprof.capture import Inputs
from effprof.cliff_records import AXES, Axis, CliffAxis, CliffMap, CliffPoint, CliffSpec, ConvShape
from effprof.devices.base import PlainRun
from effprof.devices.cpu import cpu_device, plain_run
from effprof.devices.cpuinfo import available_memory_bytes, usable_cores
from effprof.devices.fake import Plan, PlannedRuns, fake_device, read_plan
from effprof.errors import UsageError
from effprof.measure.allocator import set_malloc
from effprof.measure.environment import LoadWatch, environment
from effprof.measure.guard import threads_set
from effprof.measure.prepare import DTYPES
from effprof.units import format_bytes

Progress = Callable[[str, float], None]
GRAIN = 8
"""Channels are looked at in steps of this from half to one and a half times the own number."""
NEAR = (1, 2, 4)
"""And at this distance on both sides: a width may be one off a step."""
MOST_GROUPS = 32
BATCHES = (1, 2, 4, 8, 16)
MAX_VALUES = 24
MOST_PLANNED_ROUNDS = 200
"""About, on the make-believe clock."""


def usual_threads() -> int:
    """Threads of one operator where nobody says otherwise."""
    return torch.get_num_threads()


def values_of(shape: ConvShape, axis: Axis, cores: int) -> tuple[int, ...]:
    """The values of one axis to look at, ascending, the own one among them; alone where there are no others."""
    own = shape.value(axis)
    if axis == "threads":
        found = {count for count in (1, 2, 4, 8, 16, 32, 64, 128) if count <= cores}
    elif axis == "batch":
        found = set(BATCHES)
    elif axis == "groups":
        common = gcd(shape.inputs, shape.outputs)
        found = set() if shape.is_depthwise else {g for g in range(1, MOST_GROUPS + 1) if common % g == 0}
    elif (axis == "width") != shape.is_depthwise:
        found = set()
    else:
        grain = GRAIN * max(1, -(-own // (GRAIN * MAX_VALUES)))
        found = {value for value in range(grain, own * 3 // 2 + 1, grain) if value >= own / 2}
        found |= {own + sign * off for off in NEAR for sign in (-1, 1)}
        least = 2 if axis == "width" else 1
        found = {value for value in found if value >= least and (axis == "width" or value % shape.groups == 0)}
    nearest = sorted(found - {own}, key=lambda value: abs(value - own))[: MAX_VALUES - 1]
    return tuple(sorted({own, *nearest}))


def measure_cliffs(spec: CliffSpec, progress: Progress) -> CliffMap:
    """All axes of `spec`, one after another; an interrupt ends it early and marks it partial.

    Raises:
        UsageError: an axis that this shape does not have.
        KeyboardInterrupt: before anything was measured.
    """
    set_malloc(spec.malloc)
    kind, _, argument = spec.device.partition(":")
    plan = read_plan(Path(argument) if argument else None) if kind == "fake" else None
    device = cpu_device() if plan is None else fake_device(spec.shape.threads)
    started, watch = environment(spec.malloc), LoadWatch()
    axes = _axes(spec, usable_cores())
    if plan is None:
        _check_memory(spec, axes)
    budget = Budget(spec.min_rounds, spec.max_time_s / len(axes))
    rng, measured, reason = random.Random(spec.seed), list[CliffAxis](), "interrupted"
    with threads_set(spec.shape.threads), torch.inference_mode():
        for number, (axis, values) in enumerate(axes):

            def report(text: str, part: float, number: int = number, axis: Axis = axis) -> None:
                progress(f"{axis} {text}", (number + part) / len(axes))

            report("warming", 0.0)
            shapes = [spec.shape.at(axis, value) for value in values]
            clocks = [_clock(spec, axis, shape, plan, spec.seed + at) for at, shape in enumerate(shapes)]
            seats = seated(clocks)
            own = budget if plan is None else _planned_budget(budget, seats)
            taken = take_turns(seats, own, rng, report, is_make_believe=plan is not None)
            if taken is None:
                break
            measured.append(_measured(axis, spec.shape, shapes, taken))
            reason = taken.stopped_because
            if reason == "interrupted":
                break
    if not measured:
        raise KeyboardInterrupt
    partial_map = len(measured) < len(axes) or reason == "interrupted"
    return CliffMap(spec, started, device, tuple(measured), tuple(watch.notes(device, started.emulated)), partial_map)


def _check_memory(spec: CliffSpec, axes: Sequence[tuple[Axis, tuple[int, ...]]]) -> None:
    """All convolutions of one axis are held at once, and one output. Raises UsageError when they cannot be."""
    available = available_memory_bytes()
    item_bytes = DTYPES[spec.precision].itemsize
    needed = max(
        sum(shape.held_items for shape in shapes) + max(shape.output_items for shape in shapes)
        for shapes in ([spec.shape.at(axis, value) for value in values] for axis, values in axes)
    )
    if available is not None and needed * item_bytes > available:
        raise UsageError(
            f"{spec.name} and its neighbours need about {format_bytes(needed * item_bytes)}, and "
            f"{format_bytes(available)} of memory are available. Give fewer channels or places, or some --axes."
        )


def _planned_budget(budget: Budget, seats: Sequence[Seat]) -> Budget:
    """A make-believe clock may hardly move, and the time by it never be up."""
    return replace(budget, max_time_s=min(budget.max_time_s, MOST_PLANNED_ROUNDS * round_s(seats)))


def _axes(spec: CliffSpec, cores: int) -> list[tuple[Axis, tuple[int, ...]]]:
    found = [(axis, values_of(spec.shape, axis, cores)) for axis in spec.axes or AXES]
    missing = [axis for axis, values in found if len(values) < 2 and spec.axes]
    if missing:
        raise UsageError(f"{spec.name} has nothing to vary along {missing[0]} here. Leave it out of --axes.")
    usable = [(axis, values) for axis, values in found if len(values) > 1]
    if not usable:
        raise UsageError(f"{spec.name} has no axis to vary.")
    return usable


def _clock(spec: CliffSpec, axis: Axis, shape: ConvShape, plan: Plan | None, seed: int) -> Clock:
    """Of the make-believe device: so many times as long for a mult_add as the plan says of this value."""
    if plan is None:
        return Convolution(shape, spec.precision, spec.channels_last, seed)
    return PlannedRuns(plan, shape.mult_adds, plan.slowdown_at(axis, shape.value(axis)), seed)


def _measured(axis: Axis, own: ConvShape, shapes: list[ConvShape], taken: Taken) -> CliffAxis:
    points = tuple(
        CliffPoint(shape.value(axis), shape.mult_adds, tuple(rounds_s))
        for shape, rounds_s in zip(shapes, taken.rounds_s, strict=True)
    )
    return CliffAxis(axis, own.value(axis), points, taken.stopped_because)


class Convolution:
    """One convolution on random input, run on its own number of threads."""

    def __init__(self, shape: ConvShape, precision: str, channels_last: bool, seed: int) -> None:
        form: dict[str, Any] = {"dtype": DTYPES[precision]}
        layout = torch.channels_last if channels_last else torch.contiguous_format
        generator = torch.Generator().manual_seed(seed)
        places = shape.padding
        network = nn.Conv2d(
            shape.inputs, shape.outputs, shape.kernel_size, shape.stride, places, groups=shape.groups, bias=False
        )
        with torch.no_grad():
            network.weight.normal_(0, 0.1, generator=generator)
        x = torch.randn(shape.batch, shape.inputs, shape.height, shape.width, generator=generator)
        self._network = network.eval().requires_grad_(False).to(memory_format=layout, **form)
        self._inputs = Inputs((x.to(memory_format=layout, **form),))
        self._threads = shape.threads

    def plain(self) -> PlainRun:
        with threads_set(self._threads) if self._threads != torch.get_num_threads() else nullcontext():
            return plain_run(self._network, self._inputs)

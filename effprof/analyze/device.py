"""What an accelerator's recorded activities add up to: by call, by device, and what lies between them.

kernel_s, memcpy_s and memset_s are sums of durations; busy_s is the length of their union over the streams of a
device; the gaps are the rest of the span from the first activity to the last end. So busy_s + gaps = span_s, and what
several streams did at the same time (overlap_s) is what the sums have too much. Devices are added up.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from effprof.analyze.categories import DepthwiseAs, Placement
from effprof.analyze.kernel_names import NAMES_KEPT, kernel_name
from effprof.analyze.recorded_ops import place_recorded, recorded_op
from effprof.cost import cost_of
from effprof.cost.free_ops import FREE_OPS
from effprof.device_records import (
    Achieved,
    DeviceActivity,
    DeviceRow,
    DeviceTime,
    DeviceTrace,
    Gaps,
    RecordedStep,
    UnknownKernel,
)
from effprof.records import Accounting, Category, CostedOp, Latency, OpCall, OpCost
from effprof.statistics import median, median_ci95

MAX_TURNAROUND_S = 10e-6
"""Between the end of one kernel and the start of the next that was ready: a device needs 1 to 5 µs, with dependencies
between streams up to about 10."""
MIN_STEPS = 3
"""Fewer recorded steps say nothing about a latency."""
UNKNOWN_KERNEL = Placement(Category.OTHER, "unknown")
_MULTIPLYING = (Category.CONV, Category.MATMUL, Category.OTHER)
_COPY = Placement(Category.DATA_IO, "copy")
_PEER_COPY = Placement(Category.COMM, "peer copy")

Array = npt.NDArray[np.float64]


# ------------------------------------------------------------------------------------------------------- call by call


def cost_recorded_calls(
    calls: Sequence[OpCall], trace: DeviceTrace, depthwise_as: DepthwiseAs = "conv"
) -> tuple[CostedOp, ...]:
    """Every call with its category, its cost where shapes were recorded, and the time of its activities."""
    by_call = deque(sorted(trace.activities, key=attrgetter("call")))
    costed = []
    for call in calls:
        own = []
        while by_call and by_call[0].call == call.index:
            own.append(by_call.popleft())
        placement = _place(call, own, trace.names)
        if placement.kind == "depthwise" and placement.category is Category.CONV and depthwise_as == "elemwise":
            placement = Placement(Category.ELEMWISE, "depthwise")
        time_s = math.fsum(activity.duration_s for activity in own)
        cost = _cost(call, own, placement.category)
        costed.append(CostedOp(call, cost, placement.category, placement.kind, time_s, None))
    return tuple(costed)


def _place(call: OpCall, own: Sequence[DeviceActivity], names: Sequence[str]) -> Placement:
    """By the op; by the name of the kernel where no op is known."""
    if not own:
        return UNKNOWN_KERNEL
    name = names[own[0].name]
    if own[0].kind != "kernel":
        return _PEER_COPY if "ptop" in name.lower() else _COPY
    placement = place_recorded(call)
    if placement is None:
        return kernel_name(name).placement or UNKNOWN_KERNEL
    if placement == Placement(Category.CONV, "unrecorded"):
        said = [kernel_name(names[activity.name]).placement for activity in own]
        depthwise = any(one is not None and one.kind == "depthwise" for one in said)
        return Placement(Category.CONV, "depthwise") if depthwise else placement
    return placement


def _cost(call: OpCall, own: Sequence[DeviceActivity], category: Category) -> OpCost:
    if own and own[0].kind != "kernel":
        return _copy_cost(own)
    if call.tensors == "unknown":
        return _shapeless_cost(call.aten, category)
    cost = cost_of(call)
    if cost.mult_adds is None and _shapeless_cost(call.aten, category).mult_adds == 0:
        return replace(cost, mult_adds=0)
    return cost


@lru_cache(maxsize=NAMES_KEPT)
def _shapeless_cost(aten: str, category: Category) -> OpCost:
    """0 multiply-adds where the op, the forward op of a backward one, or the category has none; else nothing known."""
    known = recorded_op(aten)
    free = known.placement is not None and known.forward in FREE_OPS
    return OpCost(0 if free or category not in _MULTIPLYING else None, None, None, None, None)


def _copy_cost(own: Sequence[DeviceActivity]) -> OpCost:
    """A copy reads and writes its bytes, a fill writes them; elements are bytes."""
    sizes = [activity.moved_bytes for activity in own]
    if any(size is None for size in sizes):
        return OpCost(0, None, None, None, None)
    moved = sum(size or 0 for size in sizes)
    read = moved if own[0].kind == "memcpy" else 0
    return OpCost(0, read, moved, read, moved)


# --------------------------------------------------------------------------------------------------- device by device


@dataclass(frozen=True)
class _Timeline:
    """One device."""

    busy_s: float
    span_s: float
    gaps: Gaps


def device_time_of(trace: DeviceTrace, ops: Sequence[CostedOp]) -> DeviceTime:
    """All that follows from when activities ran.

    Args:
        ops: as `cost_recorded_calls` gives them.
    """
    by_device: dict[int, list[DeviceActivity]] = defaultdict(list)
    for activity in trace.activities:
        by_device[activity.device].append(activity)
    rows, timelines = [], []
    for position, own in sorted(by_device.items()):
        timeline = _timeline(own)
        device, streams = trace.devices[position], len({activity.stream for activity in own})
        timelines.append(timeline)
        rows.append(DeviceRow(device.rank, device.number, device.name, streams, timeline.busy_s, timeline.span_s))
    sums = {kind: _duration(a for a in trace.activities if a.kind == kind) for kind in ("kernel", "memcpy", "memset")}
    busy_s = math.fsum(one.busy_s for one in timelines)
    layout = _layout_kernels(trace, ops)
    return DeviceTime(
        kernel_s=sums["kernel"],
        memcpy_s=sums["memcpy"],
        memset_s=sums["memset"],
        busy_s=busy_s,
        span_s=math.fsum(one.span_s for one in timelines),
        overlap_s=max(0.0, math.fsum(sums.values()) - busy_s),
        gaps_s=_added([one.gaps for one in timelines]),
        unknown_kernels=_unknown_kernels(trace, ops),
        forward_s=math.fsum(op.time_s or 0.0 for op in ops if op.call.direction == "forward"),
        backward_s=math.fsum(op.time_s or 0.0 for op in ops if op.call.direction == "backward"),
        layout_s=_duration(layout),
        layout_count=len(layout),
        kernel_count=sum(activity.kind == "kernel" for activity in trace.activities),
        steps=len(_steps_s(trace.steps)),
        achieved=_achieved(ops),
        devices=tuple(rows),
    )


def _timeline(own: Sequence[DeviceActivity]) -> _Timeline:
    starts = np.array([activity.start_s for activity in own])
    ends = starts + np.array([activity.duration_s for activity in own])
    launched = np.array([np.nan if a.launched_s is None else a.launched_s for a in own])
    # Of those that start together, the one that was launched first ended the gap.
    order = np.lexsort((ends, launched, starts))
    starts, ends, launched = starts[order], ends[order], launched[order]
    latest = np.maximum.accumulate(ends)
    idle = np.maximum(starts[1:] - latest[:-1], 0.0)
    span_s = float(latest[-1] - starts[0])
    return _Timeline(span_s - math.fsum(idle), span_s, _split(idle, latest[:-1], launched[1:]))


def _split(idle: Array, since: Array, launched: Array) -> Gaps:
    """Gaps by what ended them: `launched` is when the host had handed over the activity after each."""
    late = launched > since
    quick = ~late & ~np.isnan(launched) & (idle <= MAX_TURNAROUND_S)
    return Gaps(
        host_wait=math.fsum(idle[late]),
        between_kernels=math.fsum(idle[quick]),
        other=math.fsum(idle[~late & ~quick]),
    )


def _added(gaps: Sequence[Gaps]) -> Gaps:
    return Gaps(
        host_wait=math.fsum(gap.host_wait for gap in gaps),
        between_kernels=math.fsum(gap.between_kernels for gap in gaps),
        other=math.fsum(gap.other for gap in gaps),
    )


def _duration(activities: Iterable[DeviceActivity]) -> float:
    return math.fsum(activity.duration_s for activity in activities)


def _layout_kernels(trace: DeviceTrace, ops: Sequence[CostedOp]) -> list[DeviceActivity]:
    is_layout = [kernel_name(name).is_layout for name in trace.names]
    in_conv = [op.category is Category.CONV for op in ops]
    return [a for a in trace.activities if a.kind == "kernel" and is_layout[a.name] and in_conv[a.call]]


def _unknown_kernels(trace: DeviceTrace, ops: Sequence[CostedOp]) -> tuple[UnknownKernel, ...]:
    durations: dict[int, list[float]] = defaultdict(list)
    unknown = [Placement(op.category, op.kind) == UNKNOWN_KERNEL for op in ops]
    for activity in trace.activities:
        if unknown[activity.call]:
            durations[activity.name].append(activity.duration_s)
    rows = [UnknownKernel(trace.names[name], math.fsum(times), len(times)) for name, times in durations.items()]
    return tuple(sorted(rows, key=lambda row: (-row.time_s, row.name)))


def _achieved(ops: Sequence[CostedOp]) -> Achieved:
    """Work over the time of the very calls that did it, so that unknown calls do not make a rate look low."""
    working = [op for op in ops if op.cost.mult_adds]
    moving = [op for op in ops if op.cost.access_bytes and op.call.aten]  # copies have no op: the bus is not the memory
    work_s = math.fsum(op.time_s or 0.0 for op in working)
    move_s = math.fsum(op.time_s or 0.0 for op in moving)
    return Achieved(
        mult_adds_per_s=sum(op.cost.mult_adds or 0 for op in working) / work_s if work_s > 0 else None,
        mult_adds_time_s=work_s,
        bytes_per_s=sum(op.cost.access_bytes or 0 for op in moving) / move_s if move_s > 0 else None,
        bytes_time_s=move_s,
    )


# -------------------------------------------------------------------------------------------------------- the whole


def device_accounting(time: DeviceTime) -> Accounting:
    """ops + gaps + residual = span; the residual is minus what streams did at the same time."""
    ops_s = math.fsum((time.kernel_s, time.memcpy_s, time.memset_s))
    overhead_s = math.fsum((time.gaps_s.host_wait, time.gaps_s.between_kernels, time.gaps_s.other))
    residual_s = time.span_s - ops_s - overhead_s
    if not time.overlap_s:
        residual_s = 0.0  # what is left is rounding
    return Accounting(
        ops_s=ops_s,
        overhead_s=overhead_s,
        residual_s=residual_s,
        residual_ci95_s=None,
        residual_fraction=residual_s / time.span_s if time.span_s > 0 else 0.0,
        profiled_s=None,
        distortion_fraction=None,
        ops_scale=1.0,
    )


def step_latency(trace: DeviceTrace, seed: int) -> Latency | None:
    """The median over the recorded steps, on the host; None for fewer than three."""
    steps = [step_s for step_s in _steps_s(trace.steps) if step_s > 0]
    if len(steps) < MIN_STEPS:
        return None
    return Latency(
        median_s=median(steps),
        ci95_s=median_ci95(steps, seed),
        runs=len(steps),
        p90_s=None,
        p99_s=None,
        throughput_per_s=None,
        page_faults_per_run=None,
        stopped_because="recorded",
    )


def _steps_s(steps: Sequence[RecordedStep]) -> list[float]:
    """A length for each step; of one that several ranks recorded the median over them.

    Ranks that train together wait for each other in every step: their lengths are no samples of their own, and would
    make the interval too narrow.
    """
    lengths: dict[tuple[int, int], list[float]] = defaultdict(list)
    alone: list[float] = []
    seen: dict[tuple[int, int], int] = defaultdict(int)
    for step in steps:
        if step.number is None:
            alone.append(step.time_s)
            continue
        key = (step.rank, step.number)
        lengths[step.number, seen[key]].append(step.time_s)
        seen[key] += 1  # where a rank recorded a number twice, these are two steps
    return [median(times) if len(times) > 1 else times[0] for times in lengths.values()] + alone

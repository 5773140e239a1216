"""The ops of a trace and the calls of the capture pass, one by one; torch-free.

An outermost op of the trace is the next call when it has its name and its layer. One that is not is looked into:
autocast and composite ops stand around calls that the capture pass saw one by one. An op without parts that is not the
next call either, a call that the trace lacks, and a layer that differs are errors: nothing is matched by likeness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effprof.errors import ModelError
from effprof.foreign import one_line
from effprof.importers.attribution import Attribution, attribute, layer_name
from effprof.importers.decoding import NO_ID
from effprof.importers.events import STEP_PREFIX, Floats, Ints, TraceEvents
from effprof.importers.nesting import chains

MAKING_A_TENSOR = frozenset(
    f"aten::{name}" for name in ("empty", "empty_strided", "fill_", "copy_", "to", "_to_copy", "scalar_tensor", "zero_")
)
"""`torch.tensor` hides these from dispatch modes, and profilers see them; the call that follows is `lift_fresh`."""
LIFT = "aten::lift_fresh"


@dataclass(frozen=True)
class ExpectedCall:
    """What a trace must show for one captured call."""

    call: int
    """`OpCall.index`."""
    aten: str
    """Without overload, as traces write it: `aten::add_`."""
    layer: str
    """The path that the ranges of our hooks say."""


@dataclass(frozen=True)
class JoinedRun:
    """One run of a trace, on its clock."""

    start_us: float
    end_us: float
    starts_us: Floats
    """Shape (expected calls,), as `ends_us`: from when to when the host was in each."""
    ends_us: Floats

    @property
    def calls_s(self) -> tuple[float, ...]:
        """Seconds that the host was in each expected call."""
        return tuple(((self.ends_us - self.starts_us) * 1e-6).tolist())


@dataclass(frozen=True)
class JoinedTrace:
    """A trace whose ops are known to be the captured calls."""

    events: TraceEvents
    expected: tuple[ExpectedCall, ...]
    runs: tuple[JoinedRun, ...]
    call_of_op: Ints
    """For each of `events.ops` the captured call that it is or is part of; NO_ID where it is of none."""
    attribution: Attribution | None
    """Of the device activities; None where there are none."""
    activity_call: Ints
    """For each device activity the captured call that launched it; NO_ID where none did."""
    activity_run: Ints
    """For each device activity the run that launched it, as a position in `runs`; NO_ID outside all."""

    def device_times_s(self) -> npt.NDArray[np.float64]:
        """Seconds of kernels, copies and fills that each call launched, shape (runs, expected calls)."""
        places = {one.call: place for place, one in enumerate(self.expected)}
        shape = (len(self.runs), len(self.expected))
        known = np.flatnonzero((self.activity_call != NO_ID) & (self.activity_run != NO_ID))
        columns = np.array([places[call] for call in self.activity_call[known].tolist()], np.int64)
        return _sums_s(self, known, self.activity_run[known] * shape[1] + columns, shape[0] * shape[1]).reshape(shape)

    def unlinked_s(self) -> npt.NDArray[np.float64]:
        """Seconds of device activities in each run that no captured call launched, shape (runs,)."""
        lost = np.flatnonzero((self.activity_call == NO_ID) & (self.activity_run != NO_ID))
        return _sums_s(self, lost, self.activity_run[lost], len(self.runs))


def _sums_s(
    joined: JoinedTrace, activities: npt.NDArray[np.intp], places: Ints, count: int
) -> npt.NDArray[np.float64]:
    """Seconds of these activities, added up in the place of each; shape (count,)."""
    durations_s = joined.events.device.duration[activities] * 1e-6
    return np.bincount(places, durations_s, minlength=count).astype(np.float64)


def join(events: TraceEvents, expected: Sequence[ExpectedCall], *, check_layers: bool = True) -> JoinedTrace:
    """Every run of the trace joined with the captured calls.

    Args:
        events: of `trace_runs`.
        check_layers: False for a trace without ranges for layers: names and order alone.

    Raises:
        ModelError: the trace shows other ops than the capture pass, or others in another layer; it says which.
        ValueError: the trace has no runs.
    """
    call_of_op = np.full(len(events.ops), NO_ID)
    runs = []
    for number, step in enumerate(_steps(events)):
        tree = _Tree.of(events, step, with_layers=check_layers)
        start_us, end_us = float(events.ranges.start[step]), float(events.ranges.end[step])
        runs.append(JoinedRun(start_us, end_us, *_match(tree, expected, call_of_op, number)))
    if not runs:
        raise ValueError("the trace holds no runs")
    return _with_device(events, tuple(expected), tuple(runs), call_of_op)


def _steps(events: TraceEvents) -> list[int]:
    """The runs, as positions in `events.ranges`."""
    is_step = np.array([name.startswith(STEP_PREFIX) for name in events.names] or [False])
    found = np.flatnonzero(is_step[events.ranges.name]) if len(events.ranges) else np.empty(0, np.intp)
    ordered: list[int] = found[np.argsort(events.ranges.start[found], kind="stable")].tolist()
    return ordered


# ------------------------------------------------------------------------------------------------ the ops of one run


@dataclass(frozen=True)
class _Tree:
    """The ops of one run on its thread, each before its parts."""

    rows: npt.NDArray[np.intp]
    """Positions in `TraceEvents.ops`."""
    starts: Floats
    ends: Floats
    past: tuple[int, ...]
    """For each op the place after its last part."""
    names: tuple[str, ...]
    layers: tuple[str, ...] | None
    """None where the trace has none."""

    @classmethod
    def of(cls, events: TraceEvents, step: int, with_layers: bool) -> _Tree:
        ops, ranges = events.ops, events.ranges
        middles = (ops.start + ops.end) / 2
        inside = (ops.thread == ranges.thread[step]) & (middles >= ranges.start[step]) & (middles <= ranges.end[step])
        rows = np.flatnonzero(inside)
        rows = rows[np.lexsort((ops.number[rows], -ops.end[rows], ops.start[rows]))]
        names = tuple(events.names[name] for name in ops.name[rows].tolist())
        layers = tuple(_layers(events, rows)) if with_layers else None
        return cls(rows, ops.start[rows], ops.end[rows], _past(ops.start[rows], ops.end[rows]), names, layers)

    def is_call(self, place: int, call: ExpectedCall) -> bool:
        return self.names[place] == call.aten and (self.layers is None or self.layers[place] == call.layer)

    def said(self, place: int) -> str:
        return in_layer(self.names[place], None if self.layers is None else self.layers[place])


def _past(starts: Floats, ends: Floats) -> tuple[int, ...]:
    """An op is part of the one before it that lasts beyond its middle: ends are sums, and rounded by a nanosecond."""
    past = [len(starts)] * len(starts)
    around: list[int] = []
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        while around and ends[around[-1]] < (start + end) / 2:
            past[around.pop()] = place
        around.append(place)
    return tuple(past)


def _layers(events: TraceEvents, rows: npt.NDArray[np.intp]) -> list[str]:
    """What the ranges of our hooks around each op say; empty where there are none."""
    layers = [""] * len(rows)
    for moment, chain in chains(events.ranges, events.ops.thread[rows], events.ops.start[rows]):
        said = layer_name([events.names[events.ranges.name[one]] for one in chain])
        layers[moment] = said.parts[-1] if said.kind == "path" else ""
    return layers


# ------------------------------------------------------------------------------------------------------ the matching


def _match(tree: _Tree, expected: Sequence[ExpectedCall], call_of_op: Ints, run: int) -> tuple[Floats, Floats]:
    """From when to when each expected call lasts; writes its index for its op and all parts of it."""
    starts, ends = np.zeros(len(expected)), np.zeros(len(expected))
    place = found = looked_into = 0
    begun: int | None = None  # a tensor is being made, by ops from here on
    while place < len(tree.rows):
        call = expected[found] if found < len(expected) else None
        if place >= tree.past[looked_into]:
            looked_into = place  # the outermost op in which nothing has been found
        if call is not None and tree.is_call(place, call):
            first = place if begun is None else begun
            starts[found], ends[found] = tree.starts[first], tree.ends[place]
            call_of_op[tree.rows[first : tree.past[place]]] = call.call
            place, found, begun = tree.past[place], found + 1, None
            looked_into = place
        elif call is not None and call.aten == LIFT and tree.names[place] in MAKING_A_TENSOR:
            begun = place if begun is None else begun
            place = looked_into = tree.past[place]
        elif tree.past[place] > place + 1:
            place += 1
        else:
            raise _mismatch(run, call, tree.said(looked_into))
    if found < len(expected):
        raise _mismatch(run, expected[found], None)
    return starts, ends


def _mismatch(run: int, call: ExpectedCall | None, traced: str | None) -> ModelError:
    where = "the recorded pass has ended"
    if call is not None:
        where = f"call {call.call} of the recorded pass is {in_layer(call.aten, call.layer)}"
    shown = "ends before it" if traced is None else f"shows {traced}"
    return ModelError(
        f"torch.profiler does not show the network's calls: where {where}, run {run} of the trace {shown}. "
        "--timer entry or dispatch can time it."
    )


def in_layer(aten: str, layer: str | None) -> str:
    """An op and where it is, in words."""
    where = "" if layer is None else f" in layer {layer}" if layer else " in the network itself"
    return one_line(f"{aten}{where}")


# ------------------------------------------------------------------------------------------------------- the device


def _with_device(
    events: TraceEvents, expected: tuple[ExpectedCall, ...], runs: tuple[JoinedRun, ...], call_of_op: Ints
) -> JoinedTrace:
    count = len(events.device.start)
    if not count:
        return JoinedTrace(events, expected, runs, call_of_op, None, np.empty(0, np.int64), np.empty(0, np.int64))
    attribution = attribute(events)
    # NO_ID is the last place, which holds NO_ID.
    activity_call = np.append(call_of_op, NO_ID)[attribution.innermost]
    moments = np.where(np.isnan(attribution.launched), events.device.start, attribution.launched)
    return JoinedTrace(events, expected, runs, call_of_op, attribution, activity_call, _run_of(moments, runs))


def _run_of(moments: Floats, runs: Sequence[JoinedRun]) -> Ints:
    """For each moment the run it is in; NO_ID outside all."""
    found = np.searchsorted([run.start_us for run in runs], moments, "right") - 1
    ends = np.array([run.end_us for run in runs])
    return np.where((found >= 0) & (moments <= ends[np.maximum(found, 0)]), found, NO_ID)

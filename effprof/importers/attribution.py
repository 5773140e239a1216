"""Whose work a kernel is: kernel -> the host's call that launched it -> op -> layer, from columns alone.

The route is the correlation id, then time on the launching thread. `External id` is not used: in some traces it
matches no op (it then equals the correlation).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from effprof.analyze.op_tables import REDUCTIONS
from effprof.analyze.recorded_ops import RecordedOp, recorded_op
from effprof.importers.decoding import NO_ID
from effprof.importers.events import (
    LAYER_PREFIX,
    LIGHTNING_MODULE_PREFIX,
    MODULE_PREFIX,
    STEP_PREFIX,
    Floats,
    HostEvents,
    Ints,
    TraceEvents,
)
from effprof.importers.limits import MAX_LAYERS
from effprof.importers.nesting import chains
from effprof.records import Category

SLACK_US = 1.0
"""Old traces have whole microseconds, rounded down: a launch may seem to outlast its op by one."""
MAX_LAYER_DEPTH = 32
"""Layers within layers: what is deeper counts as the work of the last."""
MAX_PATH_CHARS = 1000


@dataclass(frozen=True)
class LayerName:
    """Ranges around an op from the outermost inwards."""

    parts: tuple[str, ...] = ()
    kind: str = "none"
    """`path` (said by our hooks), `module` (torch's `nn.Module:` events), `range` (the user's) or `none`."""


@dataclass(frozen=True)
class Attribution:
    """One entry a device activity in every column."""

    op: Ints
    """The op whose work it is, as a position in `TraceEvents.ops`; NO_ID where no known op launched it."""
    inside: Ints
    """Name of the innermost op around the launch, known or not, as a position in `TraceEvents.names`."""
    innermost: Ints
    """That op itself, as a position in `TraceEvents.ops`; NO_ID where there is none, and once ops were left out."""
    is_backward: npt.NDArray[np.bool_]
    layer: Ints
    launched: Floats
    """When the host had handed it over, in microseconds; nan where that is not known."""
    layers: tuple[LayerName, ...]
    has_too_many_layers: bool = False
    """Ranges were there, in more places than there are layers; `layers` holds none of them."""


@dataclass(frozen=True)
class _Owners:
    """What the ops around each launch say, column by column."""

    op: Ints
    innermost: Ints
    is_backward: npt.NDArray[np.bool_]
    sequence: Ints
    """Of the backward node; NO_ID in a forward pass."""


def attribute(events: TraceEvents) -> Attribution:
    """The owners of all device activities."""
    launch = _launches_of(events)
    linked = np.flatnonzero(launch >= 0)
    asked, position = np.unique(launch[linked], return_inverse=True)
    owners = _owners(events, asked)
    numbers, layers, has_too_many = _layers(events, asked, owners)
    names = np.append(events.ops.name, NO_ID)[owners.innermost]  # NO_ID is the last place too
    count = len(events.device.start)
    op, inside, innermost = (np.full(count, NO_ID) for _ in range(3))
    layer = np.zeros(count, np.int64)
    is_backward, launched = np.zeros(count, bool), np.full(count, np.nan)
    op[linked], inside[linked], layer[linked] = owners.op[position], names[position], numbers[position]
    innermost[linked] = owners.innermost[position]
    is_backward[linked] = owners.is_backward[position]
    launched[linked] = _handed_over(events, launch[linked], linked)
    return Attribution(op, inside, innermost, is_backward, layer, launched, layers, has_too_many)


def keep_needed(events: TraceEvents, attribution: Attribution) -> tuple[TraceEvents, Attribution]:
    """Without the ops and launches that nothing on the device belongs to; of those launches one of each name stays."""
    needed, position = np.unique(attribution.op, return_inverse=True)
    skipped = int(len(needed) > 0 and needed[0] == NO_ID)
    rows = needed[skipped:]
    _, samples = np.unique(events.launches.name, return_index=True)
    kept = replace(
        events, ops=events.ops.take(rows), details=events.details.take(rows), launches=events.launches.take(samples)
    )
    # NO_ID comes first, and becomes -1 again.
    return kept, replace(attribution, op=position - skipped, innermost=np.full(len(position), NO_ID))


def without_layers(attribution: Attribution) -> Attribution:
    """The same, where all ranks together name more layers than are kept."""
    layer = np.zeros_like(attribution.layer)
    return replace(attribution, layer=layer, layers=(LayerName(),), has_too_many_layers=True)


def latest_before(keys: Ints, times: Floats, asked_keys: Ints, asked_times: Floats) -> Ints:
    """For every asked (key, time) the position of the last entry of that key that is not later.

    Where all are later, the first; NO_ID where none has the key, or the key is NO_ID. Of equal entries the last.
    """
    total = len(keys) + len(asked_keys)
    all_keys, is_asked = np.concatenate([keys, asked_keys]), np.arange(total) >= len(keys)
    order = np.lexsort((is_asked, np.concatenate([times, asked_times]), all_keys))
    places = np.arange(total)
    entry = ~is_asked[order]
    before = np.maximum.accumulate(np.where(entry, places, -1))
    after = np.minimum.accumulate(np.where(entry, places, total)[::-1])[::-1]
    found = np.full(total, NO_ID)
    for candidate in (np.minimum(after, total - 1), np.maximum(before, 0)):
        fits = entry[candidate] & (all_keys[order[candidate]] == all_keys[order])
        found[fits] = order[candidate[fits]]
    answers = np.empty(total, np.int64)
    answers[order] = found
    answers = answers[len(keys) :]
    answers[asked_keys == NO_ID] = NO_ID
    return answers


def _launches_of(events: TraceEvents) -> Ints:
    """For every device activity the host's call with the same correlation id; NO_ID where there is none."""
    launches, device = events.launches, events.device
    order = np.flatnonzero(np.isin(launches.number, device.correlation))
    some = launches.take(order)
    order = order[np.lexsort((some.name, some.thread, some.end, some.start, some.number))]
    found = latest_before(launches.number[order], launches.start[order], device.correlation, device.start)
    return np.where(found >= 0, order[found] if len(order) else NO_ID, NO_ID)


def _handed_over(events: TraceEvents, launch: Ints, activity: npt.NDArray[np.intp]) -> Floats:
    """When the host had handed each of these activities over: the end of the call, as far as that says it.

    A copy to or from pageable memory is handed over within a call that returns only after it; that was at the call's
    beginning or later.
    """
    device, starts, ends = events.device, events.launches.start[launch], events.launches.end[launch]
    blocks = (device.kind[activity] != 0) & (ends >= device.start[activity] + device.duration[activity])
    return np.where(blocks, starts, ends)


def _owners(events: TraceEvents, asked: Ints) -> _Owners:
    """The owners of what these launches handed over."""
    launches, count = events.launches, len(asked)
    owners = _Owners(np.full(count, NO_ID), np.full(count, NO_ID), np.zeros(count, bool), np.full(count, NO_ID))
    ends = launches.end[asked]
    last, said = NO_ID, (NO_ID, False, NO_ID)
    for moment, chain in chains(events.ops, launches.thread[asked], launches.start[asked]):
        chain = _covering(chain, events.ops, float(ends[moment]))
        if not chain:
            continue
        if chain[-1] != last:  # the launches of one op come together
            last, said = chain[-1], _owner(events, chain)
        owners.innermost[moment] = last
        owners.op[moment], owners.is_backward[moment], owners.sequence[moment] = said
    return owners


def _covering(chain: list[int], ops: HostEvents, end: float) -> list[int]:
    """Up to the innermost op that lasts as long as the launch; all where none does."""
    for length in range(len(chain), 0, -1):
        if ops.end[chain[length - 1]] + SLACK_US >= end:
            return chain[:length]
    return chain


def _owner(events: TraceEvents, chain: list[int]) -> tuple[int, bool, int]:
    """The op whose work it is, whether that is a backward pass, and the sequence number of the backward node."""
    said = [recorded_op(events.names[events.ops.name[op]]) for op in chain]
    details = events.details
    nodes = [op for op, one in zip(chain, said, strict=True) if one.is_backward or details.is_backward[op]]
    sequences = [int(details.sequence[op]) for op in reversed(nodes) if details.sequence[op] >= 0]
    return _choose(chain, said), bool(nodes), sequences[0] if sequences else NO_ID


def _choose(chain: list[int], said: list[RecordedOp]) -> int:
    """The innermost op that is known says the category; the outermost around it of the same category is the call.

    So a kernel in `cudnn_convolution` in `convolution` in `conv2d` is the work of one conv2d, as on the CPU.
    """
    for position in range(len(chain) - 1, -1, -1):
        if said[position].placement is not None:
            while position > 0 and _is_part_of(said[position], said[position - 1]):
                position -= 1
            return chain[position]
    return NO_ID


def _is_part_of(inner: RecordedOp, outer: RecordedOp) -> bool:
    if outer.placement is None or inner.placement is None:
        return False
    category = outer.placement.category
    averages = category is Category.POOL and inner.forward in REDUCTIONS
    rearranges = category is Category.SHUFFLE or outer.placement.kind == "attention"
    return category is inner.placement.category or averages or rearranges


# --------------------------------------------------------------------------------------------------------- layers


def _layers(events: TraceEvents, asked: Ints, owners: _Owners) -> tuple[Ints, tuple[LayerName, ...], bool]:
    """For each launch the number of its layer, the layers, and whether they are left out; number 0 is no layer.

    A backward op has the layer of the forward op with the same sequence number, else that of its own thread.
    """
    threads, times = events.launches.thread[asked].copy(), events.launches.start[asked].copy()
    forward = _forward_ops(events, owners.sequence, times)
    has_forward = forward >= 0
    threads[has_forward] = events.ops.thread[forward[has_forward]]
    times[has_forward] = events.ops.start[forward[has_forward]]
    names = {LayerName(): 0}
    numbers = np.zeros(len(asked), np.int64)
    by_chain: dict[tuple[int, ...], int] = {}
    for moment, chain in chains(events.ranges, threads, times):
        key = tuple(int(events.ranges.name[one]) for one in chain)
        if key not in by_chain:
            if len(by_chain) > MAX_LAYERS:
                by_chain.clear()  # steps and other ranges that are no layers make chains without end
            by_chain[key] = names.setdefault(layer_name([events.names[name] for name in key]), len(names))
            if len(names) - 1 > MAX_LAYERS:
                return np.zeros(len(asked), np.int64), (LayerName(),), True
        numbers[moment] = by_chain[key]
    return numbers, tuple(names), False


def _forward_ops(events: TraceEvents, sequences: Ints, times: Floats) -> Ints:
    """The last forward op with each sequence number before that time; NO_ID where there is none."""
    ops, details = events.ops, events.details
    candidates = np.flatnonzero((details.sequence >= 0) & ~details.is_backward)
    names, position = np.unique(ops.name[candidates], return_inverse=True)
    says_backward = np.array([recorded_op(events.names[name]).is_backward for name in names], bool)
    candidates = candidates[~says_backward[position]]
    keys = details.sequence[candidates]
    order = np.lexsort((ops.thread[candidates], -ops.end[candidates], ops.start[candidates], keys))
    candidates = candidates[order]
    found = latest_before(details.sequence[candidates], ops.start[candidates], sequences, times)
    return np.where(found >= 0, candidates[found] if len(candidates) else NO_ID, NO_ID)


def layer_name(ranges: list[str]) -> LayerName:
    """The layer that the ranges around a moment, outermost first, say."""
    paths = [path for name in ranges if (path := _said_path(name)) is not None]
    if paths:
        return LayerName((".".join(paths[-1][:MAX_PATH_CHARS].split(".")[:MAX_LAYER_DEPTH]),), "path")
    modules = [name.removeprefix(MODULE_PREFIX) for name in ranges if name.startswith(MODULE_PREFIX)]
    if modules:
        return LayerName(tuple(modules[:MAX_LAYER_DEPTH]), "module")
    own = [name for name in ranges if not name.startswith(STEP_PREFIX)]
    return LayerName(tuple(own[:MAX_LAYER_DEPTH]), "range") if own else LayerName()


def _said_path(name: str) -> str | None:
    """The layer's path where a range says it: our hooks', and PyTorch Lightning's `[pl][module]torch.nn.Relu: a.b`."""
    if name.startswith(LAYER_PREFIX):
        return name.removeprefix(LAYER_PREFIX)
    return name.partition(": ")[2] or None if name.startswith(LIGHTNING_MODULE_PREFIX) else None

"""Attributed events of one or more processes -> Profile: the calls, and what the device did for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from effprof import __version__
from effprof.device_records import UNRECORDED, DeviceActivity, DeviceTrace, RecordedStep, TraceDevice
from effprof.errors import BadFileError
from effprof.importers.attribution import Attribution, LayerName, attribute, keep_needed, without_layers
from effprof.importers.calls import CallTable
from effprof.importers.decoding import DeviceProperties
from effprof.importers.events import KINDS, STEP_PREFIX, AnyArray, TraceEvents
from effprof.importers.layers import LayerPaths
from effprof.importers.limits import MAX_INPUTS, MAX_LAYERS, MAX_TENSORS, Together
from effprof.records import DeviceInfo, Environment, ModelInfo, Note, Profile, RunSpec
from effprof.units import format_percent

_ROWS_AT_ONCE = 1 << 13
_LONGEST_NAME = 80
_MAX_BYTES = 2**60
"""More no device moves in one copy, and no saved profile may say."""
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rocm": (("amd", "gfx", "instinct", "radeon"), ("hip",)),
    "xpu": (("intel",), ("ur", "ze")),
}
"""Words in a device's name, and how the names of its runtime's calls begin; others are `cuda`."""
_DIGITS = 16
"""A step's number with as many is none."""
_MAX_VERSION = 1000
_EPOCH_US = 1e15
"""Time stamps from here on count microseconds from 1970; smaller ones need the base that newer traces state."""


@dataclass
class _Growing:
    """What all processes fill together."""

    calls: CallTable = field(default_factory=CallTable)
    names: dict[str, int] = field(default_factory=dict)
    devices: list[TraceDevice] = field(default_factory=list)
    activities: list[DeviceActivity] = field(default_factory=list)
    steps: list[RecordedStep] = field(default_factory=list)


def to_profile(traces: Iterable[TraceEvents], name: str, command: str = "") -> Profile:
    """The record of all processes together; each device of each process stands for itself.

    Args:
        traces: one a process, every one with device activities; used up one after the other.
        name: what the trace is called.
        command: how it was asked for.

    Raises BadFileError where all processes together hold more than a recording may.
    """
    processes: list[TraceEvents] = []
    attributions: list[Attribution] = []
    together = Together()
    had_ops = False
    for events in traces:
        had_ops |= len(events.ops) > 0
        kept, attribution = keep_needed(events, attribute(events))
        processes.append(kept)
        attributions.append(attribution)
        _count(together, kept, name)
    layers = {layer for one in attributions for layer in one.layers}
    if len(layers - {LayerName()}) > MAX_LAYERS:
        attributions = [without_layers(one) for one in attributions]
    paths = LayerPaths.of(layer for one in attributions for layer in one.layers)
    growing = _Growing()
    for position, (events, attribution) in enumerate(zip(processes, attributions, strict=True)):
        _add_process(growing, position, events, attribution, paths)
    kind = _device_kind(growing.devices, processes)
    return Profile(
        spec=RunSpec(model=name, device=kind, precision=UNRECORDED, command=command),
        model=ModelInfo(name, "trace", None, None, (), UNRECORDED, UNRECORDED, paths.modules),
        environment=_environment(processes),
        device=DeviceInfo(kind, _device_name(growing.devices), _architecture(processes), None),
        calls=growing.calls.calls(),
        notes=(*_limit_notes(processes, attributions, growing.calls), *_notes(processes, attributions, had_ops)),
        device_trace=_trace(growing),
    )


def device_trace_of_process(events: TraceEvents, attribution: Attribution, calls: CallTable) -> DeviceTrace:
    """What the devices of one process did; the calls that activities name are those that `calls` then has.

    Args:
        attribution: of these events, with nothing left out of either.
    """
    growing = _Growing(calls)
    _add_process(growing, events.rank or 0, events, attribution, LayerPaths.of(attribution.layers))
    return _trace(growing)


def _trace(growing: _Growing) -> DeviceTrace:
    return DeviceTrace(
        tuple(growing.names), tuple(growing.devices), tuple(growing.activities), tuple(growing.steps)
    )


def _count(together: Together, events: TraceEvents, name: str) -> None:
    """Raises BadFileError where the traces of all ranks hold more than is kept."""
    try:
        together.add(len(events.device.start), [events.names[one] for one in np.unique(events.device.name).tolist()])
    except BadFileError as error:
        raise BadFileError(f"Cannot import {name}: {error}.") from error


def _add_process(
    growing: _Growing, position: int, events: TraceEvents, attribution: Attribution, paths: LayerPaths
) -> None:
    """In order of device and time, whatever the order in the file."""
    device = events.device
    order = np.lexsort(
        (device.correlation, device.name, device.stream, device.kind, device.duration, device.start, device.device)
    )
    zero = float(device.start.min())
    rank = position if events.rank is None else events.rank
    growing.steps += _steps(events, rank)
    places = _add_devices(growing, events, rank)
    layers = [paths.path(layer) for layer in attribution.layers]
    columns = (
        device.start - zero, device.duration, device.kind, device.name, device.device, device.stream,
        device.moved_bytes, attribution.launched - zero, attribution.op, attribution.inside,
        attribution.is_backward, attribution.layer,
    )  # fmt: skip
    for row in _rows([column[order] for column in columns]):
        start, duration, kind, name, number, stream, moved, launched, op, inside, is_backward, layer = row
        text, path = events.names[name], layers[layer]
        if kind == 0 and op >= 0:
            call = growing.calls.of_op(events, op, is_backward, path)
        else:
            around = events.names[inside] if inside >= 0 else ""
            call = growing.calls.of_activity(text, KINDS[kind], around, is_backward, path)
        growing.activities.append(
            DeviceActivity(
                name=growing.names.setdefault(text, len(growing.names)),
                kind=KINDS[kind],
                device=places[number],
                stream=stream,
                start_s=start * 1e-6,
                duration_s=duration * 1e-6,
                launched_s=launched * 1e-6 if launched == launched else None,  # nan: not launched by anyone we know
                call=call,
                moved_bytes=moved if 0 <= moved <= _MAX_BYTES else None,
            )
        )


def _rows(columns: Sequence[AnyArray]) -> Iterator[tuple[Any, ...]]:
    """Rows as Python's numbers, which take four times as much as numpy's: some at a time."""
    for start in range(0, len(columns[0]), _ROWS_AT_ONCE):
        yield from zip(*(column[start : start + _ROWS_AT_ONCE].tolist() for column in columns), strict=True)


def _add_devices(growing: _Growing, events: TraceEvents, rank: int) -> dict[int, int]:
    """Number in the trace -> position among all devices."""
    names = {one.id: one.name[:_LONGEST_NAME] for one in events.properties if one.name}
    places: dict[int, int] = {}
    for number in np.unique(events.device.device).tolist():
        places[number] = len(growing.devices)
        growing.devices.append(TraceDevice(rank, number, names.get(number)))
    return places


def _steps(events: TraceEvents, rank: int) -> Iterator[RecordedStep]:
    """The profiler's steps on the host, in order of time."""
    ranges = events.ranges
    numbers = {i: name.removeprefix(STEP_PREFIX) for i, name in enumerate(events.names) if name.startswith(STEP_PREFIX)}
    rows = np.flatnonzero(np.isin(ranges.name, list(numbers)))
    order = rows[np.lexsort((ranges.end[rows], ranges.start[rows]))]
    lengths_s = (ranges.end[order] - ranges.start[order]) * 1e-6
    for name, length_s in zip(ranges.name[order].tolist(), lengths_s.tolist(), strict=True):
        said = numbers[name]
        is_number = said.isascii() and said.isdigit() and len(said) < _DIGITS
        yield RecordedStep(rank, int(said) if is_number else None, length_s)


def _device_kind(devices: Sequence[TraceDevice], processes: Sequence[TraceEvents]) -> str:
    """`rocm`, `xpu` or `cuda`, by the device's name, else by the names of the launching calls."""
    named = [device.name.lower() for device in devices if device.name]
    launches = [events.names[name] for events in processes for name in np.unique(events.launches.name).tolist()]
    for kind, (words, starts) in _KINDS.items():
        if any(word in name for name in named for word in words):
            return kind
        if not named and any(name.startswith(starts) for name in launches):
            return kind
    return "cuda"


def _device_name(devices: Sequence[TraceDevice]) -> str:
    names = sorted({device.name or "GPU of unrecorded name" for device in devices})
    return f"{len(devices)} x {', '.join(names)}" if len(devices) > 1 else names[0]


def _architecture(processes: Sequence[TraceEvents]) -> str:
    found = set()
    for events in processes:
        used = set(np.unique(events.device.device).tolist())
        own = {one.id: one for one in events.properties if one.id in used}
        found |= {f"compute {one.major}.{one.minor}" for one in own.values() if _is_version(one)}
    return ", ".join(sorted(found)) or UNRECORDED


def _is_version(one: DeviceProperties) -> bool:
    return all(part is not None and 0 <= part < _MAX_VERSION for part in (one.major, one.minor))


def _environment(processes: Sequence[TraceEvents]) -> Environment:
    """Of the recording, so mostly unknown; but the effprof that read it."""
    starts = [start for events in processes if (start := _started(events)) is not None]
    return Environment(
        effprof=__version__,
        python=UNRECORDED,
        torch=None,
        platform=UNRECORDED,
        cpu=None,
        allocator=UNRECORDED,
        git=None,
        started_utc=min(starts).strftime("%Y-%m-%dT%H:%M:%SZ") if starts else UNRECORDED,
    )


def _started(events: TraceEvents) -> datetime | None:
    start_us = float(events.device.start.min())
    base_us = (events.base_ns or 0) / 1e3
    if base_us + start_us < _EPOCH_US:
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=base_us + start_us)
    except OverflowError:
        return None


def _notes(
    processes: Sequence[TraceEvents], attributions: Sequence[Attribution], had_ops: bool
) -> Iterator[Note]:
    if not had_ops:
        text = "The trace holds no ops: kernels are put into categories by their names alone."
        yield Note("no-ops", text, "Record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA].")
        return
    kernels = sum(int((events.device.kind == 0).sum()) for events in processes)
    lost = sum(
        int(((events.device.kind == 0) & (one.op < 0)).sum())
        for events, one in zip(processes, attributions, strict=True)
    )
    if lost:
        text = f"{lost:,} of {kernels:,} kernels ({format_percent(lost / kernels)}) belong to no op that effprof knows."
        yield Note("unlinked-kernels", text, "Their category is that of their name.")
    yield from _time_notes(processes)


def _limit_notes(
    processes: Sequence[TraceEvents], attributions: Sequence[Attribution], calls: CallTable
) -> Iterator[Note]:
    if any(one.has_too_many_layers for one in attributions):
        text = f"Its ranges stand for more than {MAX_LAYERS:,} places, so that no layer is told."
        yield Note("too-many-layers", text, "Name ranges by layer, not by iteration or request.")
    if any(events.has_too_many_inputs for events in processes):
        text = f"Its ops have more than {MAX_INPUTS:,} different records of inputs, so that no work is counted."
        yield Note("too-many-inputs", text, "Record fewer steps.")
    if calls.lacks_inputs:
        text = f"Its ops have more than {MAX_TENSORS:,} different inputs; the work of those beyond is not counted."
        yield Note("too-many-inputs", text, "Record fewer steps.")


def _time_notes(processes: Sequence[TraceEvents]) -> Iterator[Note]:
    left_out = sum(events.left_out for events in processes)
    if left_out:
        text = f"{left_out:,} events of the host have no possible start or duration and were left out."
        yield Note("impossible-times", text, "What was launched inside them may belong to no op.")

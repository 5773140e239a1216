"""The events of a trace as columns: what a kernel, an op, a launch and a range have, and nothing else.

From here on there is no file. What is not needed to attribute device time is dropped while reading, so that a trace
takes a fraction of its size.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from effprof.device_records import ActivityKind
from effprof.errors import BadFileError
from effprof.importers.decoding import NO_ID, NOTHING, Args, DeviceProperties, Event
from effprof.importers.limits import MAX_INPUT_BYTES, MAX_INPUTS, MAX_THREADS, NameTable, check_activities

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
AnyArray = npt.NDArray[Any]

KINDS: tuple[ActivityKind, ...] = ("kernel", "memcpy", "memset")
"""Of device activities; positions are the codes in `DeviceEvents.kind`."""
MODULE_PREFIX = "nn.Module: "
STEP_PREFIX = "ProfilerStep#"
LIGHTNING_PREFIX = "[pl]"
"""Of the ranges that PyTorch Lightning's profiler opens."""
LIGHTNING_MODULE_PREFIX = "[pl][module]"
"""Of those that name a module: its type, a colon and its path."""
LAYER_PREFIX = "effprof.layer:"
"""A range of that name says the layer's path itself; our own hooks open such ranges."""

METRIC_RANGE = "cuda_profiler_range"
"""Category of ranges with hardware counters, and no times of kernels."""
MAX_OTHER = 16
_RANGE_PREFIXES = (LAYER_PREFIX, LIGHTNING_PREFIX)

_DEVICE, _OP, _LAUNCH, _RANGE, _MODULE, _OTHER = range(6)
_FORMS = {
    "kernel": (_DEVICE, 0),
    "gpu_memcpy": (_DEVICE, 1),
    "memcpy": (_DEVICE, 1),
    "gpu_memset": (_DEVICE, 2),
    "memset": (_DEVICE, 2),
    "cpu_op": (_OP, 0),
    "operator": (_OP, 0),
    "cuda_runtime": (_LAUNCH, 0),
    "cuda_driver": (_LAUNCH, 0),
    "hip_runtime": (_LAUNCH, 0),
    "hip_driver": (_LAUNCH, 0),
    "xpu_runtime": (_LAUNCH, 0),
    "xpu_driver": (_LAUNCH, 0),
    "musa_runtime": (_LAUNCH, 0),
    "musa_driver": (_LAUNCH, 0),
    "mtia_runtime": (_LAUNCH, 0),
    "privateuse1_runtime": (_LAUNCH, 0),
    "privateuse1_driver": (_LAUNCH, 0),
    "runtime": (_LAUNCH, 0),
    "driver": (_LAUNCH, 0),
    "user_annotation": (_RANGE, 0),
    "python_function": (_MODULE, 0),
}
_UNKNOWN_FORM = (_OTHER, 0)
_TIMES, _PLACES, _NUMBERS = [np.float64] * 2, [np.int32] * 2, [np.int64]
_COLUMNS: dict[int, list[Any]] = {
    _DEVICE: _TIMES + _PLACES + _NUMBERS * 4,
    _OP: _TIMES + _PLACES + _NUMBERS * 2 + [np.bool_, np.int32],
    _LAUNCH: _TIMES + _PLACES + _NUMBERS,
    _RANGE: _TIMES + _PLACES + _NUMBERS,
}
"""Types of each form's columns: times, positions in tables, numbers that a trace may choose."""
_MAX_TIME_US = 1e18
_INT64 = 2**63


@dataclass(frozen=True)
class DeviceEvents:
    """Kernels, copies and fills; every column has one entry an event, times in microseconds."""

    start: Floats
    duration: Floats
    kind: Places
    name: Places
    device: Ints
    stream: Ints
    correlation: Ints
    moved_bytes: Ints
    """NO_ID where not recorded, as in `correlation`."""


@dataclass(frozen=True)
class HostEvents:
    """Ranges of time on a thread, times in microseconds."""

    start: Floats
    end: Floats
    thread: Places
    name: Places
    number: Ints
    """Of ops the external id, of launches the correlation; NO_ID where there is none."""

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: npt.NDArray[np.intp]) -> HostEvents:
        """Only these, in this order."""
        return HostEvents(self.start[rows], self.end[rows], self.thread[rows], self.name[rows], self.number[rows])


@dataclass(frozen=True)
class OpDetails:
    """What only ops have; columns beside `TraceEvents.ops`."""

    sequence: Ints
    """Joins a forward op with its backward; NO_ID where there is none."""
    is_backward: npt.NDArray[np.bool_]
    """It names the thread of its forward pass, so it is of a backward one."""
    tensors: Places
    """Position in `TraceEvents.tensors`; NO_ID where no shapes were recorded."""

    def take(self, rows: npt.NDArray[np.intp]) -> OpDetails:
        """Only these, in this order."""
        return OpDetails(self.sequence[rows], self.is_backward[rows], self.tensors[rows])


@dataclass(frozen=True, slots=True)
class RecordedTensors:
    """Inputs of an op as the trace has them, JSON texts; empty where it has not."""

    dims: bytes
    types: bytes
    strides: bytes
    values: bytes


@dataclass(frozen=True)
class TraceEvents:
    """One process's trace."""

    names: tuple[str, ...]
    device: DeviceEvents
    ops: HostEvents
    details: OpDetails
    launches: HostEvents
    ranges: HostEvents
    tensors: tuple[RecordedTensors, ...]
    properties: tuple[DeviceProperties, ...]
    rank: int | None
    base_ns: int | None
    other: dict[str, int]
    """Categories that nobody looks at, the first few of them -> events."""
    left_out: int
    """Events of the host with times that cannot be."""
    has_too_many_inputs: bool = False
    """Shapes were recorded, of more different kinds than are kept; `tensors` is empty."""


def is_needed(category: object) -> bool:
    """Whether events of a category are looked at, in the old spelling (`Operator`) or the new one (`cpu_op`)."""
    return isinstance(category, str) and category.lower() in _FORMS


@dataclass
class EventTable:
    """Collects events chunk by chunk; `finish` makes the columns."""

    _parts: dict[int, list[list[AnyArray]]] = field(
        default_factory=lambda: {form: [[] for _ in kinds] for form, kinds in _COLUMNS.items()}
    )
    _names: NameTable = field(default_factory=NameTable)
    _threads: dict[tuple[object, object], int] = field(default_factory=dict)
    _thread_texts: dict[tuple[str, str], int] = field(default_factory=dict)
    _tensors: dict[tuple[bytes, bytes, bytes, bytes], int] = field(default_factory=dict)
    _tensors_bytes: int = 0
    _has_too_many_inputs: bool = False
    _other: dict[str, int] = field(default_factory=dict)
    _left_out: int = 0
    _activities: int = 0

    def add(self, events: Iterable[Event]) -> None:
        """Raises BadFileError on a device activity without possible times, and beyond what `limits` allows."""
        sorted_out: dict[str, list[Event]] = {}
        for event in events:
            if event.ph == "X":
                try:
                    sorted_out[event.cat].append(event)
                except KeyError:
                    sorted_out[event.cat] = [event]
        for category, found in sorted_out.items():
            form, kind = _FORMS.get(category.lower(), _UNKNOWN_FORM)
            if form == _DEVICE:
                self._add_device(found, kind)
            elif form == _OP:
                # Old traces have the user's ranges and the profiler's steps among the ops, ours those of our hooks.
                ranges = {name for name in {event.name for event in found} if _is_range(name)}
                self._add_host(_OP, [event for event in found if event.name not in ranges])
                self._add_host(_RANGE, [event for event in found if event.name in ranges])
            elif form == _MODULE:
                self._add_host(_RANGE, [event for event in found if event.name.startswith(MODULE_PREFIX)])
            elif form != _OTHER:
                self._add_host(form, found)
            elif category in self._other or category == METRIC_RANGE or len(self._other) < MAX_OTHER:
                self._other[category] = self._other.get(category, 0) + len(found)

    def finish(self, properties: Iterable[DeviceProperties], rank: int | None, base_ns: int | None) -> TraceEvents:
        ops = self._columns(_OP)
        if self._has_too_many_inputs:
            ops[-1].fill(NO_ID)
        return TraceEvents(
            names=self._names.names(),
            device=DeviceEvents(*self._columns(_DEVICE)),
            ops=HostEvents(*ops[:5]),
            details=OpDetails(*ops[5:]),
            launches=HostEvents(*self._columns(_LAUNCH)),
            ranges=HostEvents(*self._columns(_RANGE)),
            tensors=tuple(RecordedTensors(*key) for key in self._tensors),
            properties=tuple(properties),
            rank=rank,
            base_ns=base_ns,
            other=dict(self._other),
            left_out=self._left_out,
            has_too_many_inputs=self._has_too_many_inputs,
        )

    def _columns(self, form: int) -> list[AnyArray]:
        """All parts of a form put together, column by column; they are given up on the way."""
        whole = []
        for kind, parts in zip(_COLUMNS[form], self._parts[form], strict=True):
            whole.append(np.concatenate(parts) if parts else np.empty(0, kind))
            parts.clear()
        return whole

    def _add(self, form: int, columns: Sequence[AnyArray]) -> None:
        for kind, parts, column in zip(_COLUMNS[form], self._parts[form], columns, strict=True):
            parts.append(column.astype(kind, copy=False))

    def _add_device(self, events: list[Event], kind: int) -> None:
        self._activities += len(events)
        check_activities(self._activities)
        starts, durations, possible = _times(events)
        if not possible.all():
            bad = events[int(np.argmin(possible))]
            raise BadFileError(f"a {KINDS[kind]} has the start {bad.ts} and the duration {bad.dur} µs")
        args = [event.args or _NO_ARGS for event in events]
        columns = (
            _ints([kind] * len(events)),
            self._numbered(events),
            _ints([number if number != NO_ID else e.pid for e, number in zip(events, _devices(args), strict=True)]),
            _ints([number if number != NO_ID else e.tid for e, number in zip(events, _streams(args), strict=True)]),
            _ints([one.correlation for one in args]),
            _ints([one.bytes for one in args]),
        )
        self._add(_DEVICE, (starts, durations, *columns))

    def _add_host(self, form: int, events: list[Event]) -> None:
        if not events:
            return
        starts, durations, possible = _times(events)
        args = [event.args or _NO_ARGS for event in events]
        columns: tuple[AnyArray, ...] = (starts, starts + durations, self._threads_of(events), self._numbered(events))
        if form == _OP:
            columns += (_ints([one.external_id for one in args]), _ints([one.sequence for one in args]))
            columns += (_ints([one.fwd_thread for one in args]) > 0, _ints([self._tensors_of(one) for one in args]))
        elif form == _LAUNCH:
            columns += (_ints([one.correlation for one in args]),)
        else:
            columns += (_ints([one.external_id for one in args]),)
        if not possible.all():
            self._left_out += int((~possible).sum())
            columns = tuple(column[possible] for column in columns)
        self._add(form, columns)

    def _numbered(self, events: list[Event]) -> Ints:
        return self._names.numbers([event.name for event in events])

    def _threads_of(self, events: list[Event]) -> Ints:
        known = self._threads
        return np.array(
            [known.get((event.pid, event.tid)) or self._thread(event) for event in events], np.int64
        )

    def _thread(self, event: Event) -> int:
        """Numbered from 1 on; `5555` and `"5555"` are the same thread."""
        key = (str(event.pid), str(event.tid))
        number = self._thread_texts.setdefault(key, len(self._thread_texts) + 1)
        self._threads[event.pid, event.tid] = number
        if number > MAX_THREADS:
            raise BadFileError(f"it names more than {MAX_THREADS:,} threads, which no program has")
        return number

    def _tensors_of(self, args: Args) -> int:
        dims = args.dims if args.dims is not NOTHING else args.old_dims
        if dims is NOTHING or self._has_too_many_inputs:
            return NO_ID
        key = (bytes(dims), bytes(args.types), bytes(args.strides), bytes(args.values))
        number = self._tensors.get(key)
        if number is None:
            number = self._tensors[key] = len(self._tensors)
            self._tensors_bytes += sum(map(len, key))
            if number >= MAX_INPUTS or self._tensors_bytes > MAX_INPUT_BYTES:
                # All or none: which come first is chance.
                self._has_too_many_inputs = True
                self._tensors.clear()
        return number


_NO_ARGS = Args()


def _is_range(op: str) -> bool:
    return "#" in op or op.startswith(_RANGE_PREFIXES)


def _devices(args: list[Args]) -> list[int | None]:
    return [one.device for one in args]


def _streams(args: list[Args]) -> list[int | None]:
    return [one.stream for one in args]


def _times(events: list[Event]) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Starts, durations, and which of them can be."""
    starts = np.array([event.ts for event in events], np.float64)  # None becomes nan
    durations = np.array([event.dur for event in events], np.float64)
    return starts, durations, (np.abs(starts) < _MAX_TIME_US) & (durations >= 0) & (durations < _MAX_TIME_US)


def _ints(values: list[Any]) -> Ints:
    try:
        return np.array(array("q", values), np.int64)
    except (TypeError, OverflowError):
        return np.array([_id(value) for value in values], np.int64)


def _id(value: object) -> int:
    """A whole number, or the one in a text such as `stream 7`; NO_ID where there is none."""
    if isinstance(value, str):
        digits = value.rpartition(" ")[2]
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    return int(value) if isinstance(value, (int, float)) and 0 <= value < _INT64 else NO_ID

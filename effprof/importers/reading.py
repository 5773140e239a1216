"""Files to columns: one trace, or a folder with one a rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from effprof.errors import BadFileError
from effprof.importers.decoding import (
    DeviceProperties,
    DistributedInfo,
    Number,
    Surroundings,
    decode_events,
    decode_lenient,
    decode_surroundings,
)
from effprof.importers.events import METRIC_RANGE, EventTable, TraceEvents, is_needed
from effprof.importers.stream import EventList, Source, open_source

ENDINGS = (".json", ".json.gz")
MAX_FILES = 4096
MAX_DEVICES = 4096
_NAMED, _LONGEST_NAME = 3, 30


def trace_files(path: Path) -> tuple[Path, ...]:
    """The file, or the traces in the folder by name. Raises BadFileError where there is none."""
    try:
        if not path.is_dir():
            return (path,)
        found = sorted(child for child in path.iterdir() if child.name.endswith(ENDINGS) and child.is_file())
    except OSError as error:
        raise BadFileError(f"Cannot read {path}: {error.strerror or error}. Give a profiler's trace.") from error
    if not found:
        raise BadFileError(f"There is no trace in {path}. Give a .json or .json.gz file, or a folder with one a rank.")
    if len(found) > MAX_FILES:
        raise BadFileError(f"{path} holds {len(found):,} traces. Give a folder with at most {MAX_FILES:,}.")
    return tuple(found)


def read_trace(path: Path) -> TraceEvents:
    """Raises BadFileError, with the path and the reason, on anything but a whole trace with device activities."""
    try:
        with open_source(path) as source:
            events = read_events(source)
        _check(events)
    except BadFileError as error:
        raise BadFileError(f"Cannot import {path}: {error}.") from error
    return events


def read_events(source: Source) -> TraceEvents:
    """All events of one trace. Raises BadFileError, without the path, on what is not a whole trace."""
    events, table = EventList(source), EventTable()
    for chunk in events.chunks():
        table.add(decode_events(chunk, is_needed))
    around = decode_surroundings(events.surroundings)
    return table.finish(_properties(around), _rank(around), decode_lenient(around.base_ns, Number))


def _properties(around: Surroundings) -> list[DeviceProperties]:
    return decode_lenient(around.devices, list[DeviceProperties]) or []


def _rank(around: Surroundings) -> int | None:
    info = decode_lenient(around.distributed, DistributedInfo)
    return info.rank if info is not None else None


def _check(events: TraceEvents) -> None:
    if not len(events.device.start):
        raise BadFileError(_why_no_activities(events))
    devices = len(np.unique(events.device.device))
    if devices > MAX_DEVICES:
        raise BadFileError(f"it names {devices:,} devices, which no machine has")


def _why_no_activities(events: TraceEvents) -> str:
    ops, launches, ranges = len(events.ops), len(events.launches), events.other.get(METRIC_RANGE, 0)
    others = sum(events.other.values())
    if others and not (ops or launches or ranges):
        most = sorted(events.other, key=lambda name: (-events.other[name], name))[:_NAMED]
        named = ", ".join(" ".join(name.split())[:_LONGEST_NAME] or "none" for name in most)
        return (
            f"it holds no kernels, copies or fills of a GPU and no ops: its {others:,} events are of other categories "
            f"({named}). Give a trace that torch.profiler wrote"
        )
    has = [f"{ops:,} ops", f"{launches:,} calls of the GPU's runtime"]
    has += [f"{ranges:,} profiler ranges, which have no times of kernels"] if ranges else []
    remedy = "Record it with ProfilerActivity.CUDA (XPU), while the GPU works"
    if ops and not launches:
        remedy += "; what a CPU does, effprof run measures"
    return f"it holds no kernels, copies or fills of a GPU, only {' and '.join(has)}. {remedy}"

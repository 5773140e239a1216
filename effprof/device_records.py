"""The words of a recorded trace as data: what an accelerator did, activity by activity, and what follows from it.

Part of `Profile` and `Analysis`. Everything is frozen, torch-free and JSON-able; times are seconds, sizes bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ActivityKind = Literal["kernel", "memcpy", "memset"]

UNRECORDED = "unrecorded"
"""Stands where a record needs a text that the trace does not have; null in report.json."""


@dataclass(frozen=True)
class TraceDevice:
    """One accelerator of one process. Clocks of different processes are not comparable, so each stands alone."""

    rank: int
    """The process: as recorded, or the position of its file in the folder."""
    number: int
    name: str | None
    """As the driver calls it; None where the trace does not say."""


@dataclass(frozen=True, slots=True)
class DeviceActivity:
    """One kernel, copy or fill. There may be hundreds of thousands, hence slots and a table of names."""

    name: int
    """Position in `DeviceTrace.names`."""
    kind: ActivityKind
    device: int
    """Position in `DeviceTrace.devices`."""
    stream: int
    start_s: float
    """From the first activity of the process on."""
    duration_s: float
    launched_s: float | None
    """End of the host's call that handed it over, on the same clock; None where the trace holds no such call. Of a
    copy whose call returns only after it, the beginning of the call."""
    call: int
    """Index of the OpCall whose work it is."""
    moved_bytes: int | None = None
    """Of a copy or fill, where recorded."""


@dataclass(frozen=True)
class TracedRun:
    """One forward pass under the profiler, by the host's events on the activities' clock (so it may begin before 0)."""

    start_s: float
    end_s: float
    """When the host knew that the device had finished."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One step of the profiler (`ProfilerStep#7`) on the host of one process."""

    rank: int
    number: int | None
    """As the profiler counts; the same step has the same number on all ranks of a job."""
    time_s: float


@dataclass(frozen=True)
class DeviceTrace:
    """What accelerators did during one recording."""

    names: tuple[str, ...]
    devices: tuple[TraceDevice, ...]
    activities: tuple[DeviceActivity, ...]
    """In order of device and start."""
    steps: tuple[RecordedStep, ...] = ()
    """Process by process, in order of time."""
    runs: tuple[TracedRun, ...] = ()
    """Where this is a measurement of ours: its profiled runs, in order. Empty in an imported trace."""


@dataclass(frozen=True)
class GpuRound:
    """What a round on a GPU has beside its samples, which are in the GPU's own time (CUDA events)."""

    wall_s: tuple[float, ...]
    """Each plain run by the host's clock: from before its first call until the GPU had finished."""
    trace: DeviceTrace | None = None
    """None where the round was interrupted before anything was profiled."""
    peak_memory_bytes: int | None = None
    """The most that torch had allocated at once in plain runs, weights included."""


# ------------------------------------------------------------------------------------------------- what is derived


@dataclass(frozen=True)
class Gaps:
    """Seconds in which a device did nothing, between its first activity and its last, by what ended the wait."""

    host_wait: float
    """The host had not yet handed over the next piece of work when the device ran out of it."""
    between_kernels: float
    """The next piece was handed over, and followed within the time a device takes to turn around."""
    other: float
    """Handed over and kept waiting for longer, or nothing is known of its launch."""

    @property
    def total_s(self) -> float:
        return math.fsum((self.host_wait, self.between_kernels, self.other))


@dataclass(frozen=True)
class UnknownKernel:
    """A kernel that neither its op nor its name puts into a category."""

    name: str
    time_s: float
    count: int


@dataclass(frozen=True)
class DeviceRow:
    """One accelerator of the trace."""

    rank: int
    number: int
    name: str | None
    streams: int
    busy_s: float
    span_s: float


@dataclass(frozen=True)
class Achieved:
    """Rates over the time of the calls whose work, or traffic, is known; None where that of none is."""

    mult_adds_per_s: float | None
    """Of convolutions and matrix products alone: others have none to achieve."""
    mult_adds_time_s: float
    bytes_per_s: float | None
    bytes_time_s: float


@dataclass(frozen=True)
class DeviceTime:
    """busy_s + gaps = span_s; kernel_s + memcpy_s + memset_s - overlap_s = busy_s. Sums over devices."""

    kernel_s: float
    memcpy_s: float
    memset_s: float
    busy_s: float
    """Union over the streams of a device."""
    span_s: float
    """From the first activity of a device to the last end."""
    overlap_s: float
    """What streams did at the same time as other streams."""
    gaps_s: Gaps
    unknown_kernels: tuple[UnknownKernel, ...]
    """Longest first."""
    forward_s: float
    backward_s: float
    layout_s: float
    """Kernels inside convolutions that only turn NCHW into NHWC or back; part of conv."""
    layout_count: int
    kernel_count: int
    steps: int
    """Different ones: a step that several ranks recorded counts once."""
    achieved: Achieved
    devices: tuple[DeviceRow, ...]
    lead_s: float | None = None
    """From the beginning of a run on the host to its first activity; None, like the next, in an imported trace."""
    waits_s: Gaps | None = None
    """What the device would wait without the profiler, `lead_s` included."""

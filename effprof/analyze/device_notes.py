"""Doubts and findings that follow from recorded device time. Thresholds are named here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effprof.device_records import DeviceTime
from effprof.records import Category, CostedOp, Note, Profile
from effprof.units import format_percent, format_seconds

MAX_HOST_WAIT = 0.2
"""Of the span: above, the device is launch-bound."""
MIN_LAYOUT = 0.02
"""Of the kernels' time."""
MIN_OVERLAP = 0.02
MAX_UNKNOWN = 0.01
MAX_SLEEP = 0.01
_MORE_A_LAUNCH = "Larger batches, CUDA graphs or torch.compile give each launch more to do"


def device_notes(profile: Profile, time: DeviceTime, ops: Sequence[CostedOp]) -> tuple[Note, ...]:
    """The profile's own notes, then those derived here."""
    derived = (*_launches(time), *_layout(time), *_overlap(time), *_sleeping(time, ops), *_unknown(time), *_costs(ops))
    return (*profile.notes, *derived)


def gpu_notes(time: DeviceTime, latency_s: float) -> tuple[Note, ...]:
    """What follows from the device time of a measurement of ours, beside what follows from its samples."""
    return (*_idle(time, latency_s), *_layout(time), *_overlap(time), *_unknown(time))


def _launches(time: DeviceTime) -> Iterator[Note]:
    waited = time.gaps_s.host_wait / time.span_s if time.span_s > 0 else 0.0
    if waited > MAX_HOST_WAIT:
        text = f"For {format_percent(waited)} of the span the device waits for the host to hand over work."
        yield Note("launch-bound", text, f"{_MORE_A_LAUNCH}; late input shows alike.")


def _idle(time: DeviceTime, latency_s: float) -> Iterator[Note]:
    """By plain runs: the device is busy as long as under the profiler, and the rest of the latency it is not."""
    idle, waits = 1 - time.busy_s / latency_s, time.waits_s
    if waits is not None and idle > MAX_HOST_WAIT and waits.host_wait >= max(waits.between_kernels, waits.other):
        text = (
            f"The GPU works for {format_seconds(time.busy_s)} of the {format_seconds(latency_s)}: for "
            f"{format_percent(idle)} it waits, mostly for the host to hand over work."
        )
        yield Note("launch-bound", text, f"{_MORE_A_LAUNCH}.")


def _layout(time: DeviceTime) -> Iterator[Note]:
    share = time.layout_s / time.kernel_s if time.kernel_s > 0 else 0.0
    if share > MIN_LAYOUT:
        text = (
            f"{time.layout_count:,} kernels inside convolutions ({format_seconds(time.layout_s)}, "
            f"{format_percent(share)} of kernel time) only turn NCHW into NHWC or back."
        )
        yield Note("layout-kernels", text, "Keep images channels_last from the input on.")


def _overlap(time: DeviceTime) -> Iterator[Note]:
    share = time.overlap_s / time.span_s if time.span_s > 0 else 0.0
    if share > MIN_OVERLAP:
        text = f"Streams overlap for {format_seconds(time.overlap_s)}: device time is not wall-clock time."
        yield Note("overlap", text, "The residual is minus this overlap.")


def _sleeping(time: DeviceTime, ops: Sequence[CostedOp]) -> Iterator[Note]:
    asleep_s = sum(op.time_s or 0.0 for op in ops if (op.category, op.kind) == (Category.OTHER, "sleep"))
    share = asleep_s / time.kernel_s if time.kernel_s > 0 else 0.0
    if share > MAX_SLEEP:
        text = f"{format_percent(share)} of kernel time is in kernels that only wait, those of torch.cuda._sleep."
        yield Note("sleeping-kernels", text, "They are under other: they do no work, and are no gap. Leave them out.")


def _unknown(time: DeviceTime) -> Iterator[Note]:
    unknown_s = sum(kernel.time_s for kernel in time.unknown_kernels)
    share = unknown_s / time.kernel_s if time.kernel_s > 0 else 0.0
    if share > MAX_UNKNOWN:
        text = f"{format_percent(share)} of kernel time is in kernels that neither their op nor their name places."
        yield Note("unknown-kernels", text, "They are listed by name, under other.")


def _costs(ops: Sequence[CostedOp]) -> Iterator[Note]:
    worked = [op for op in ops if op.category in (Category.CONV, Category.MATMUL)]
    unknown = sum(op.call.count for op in worked if op.cost.mult_adds is None)
    if unknown:
        total = sum(op.call.count for op in worked)
        text = f"The multiply-adds of {unknown:,} of {total:,} convolutions and matrix products are unknown."
        yield Note("unrecorded-shapes", text, "Record with record_shapes=True; backward convolutions are not counted.")
    kernels = [op for op in ops if op.call.aten]
    silent = sum(op.cost.access_bytes is None for op in kernels)
    if 0 < silent < len(kernels):
        text = f"The bytes of {silent:,} of {len(kernels):,} calls are unknown; sums of access are of the others."
        yield Note("unrecorded-traffic", text, "Read them as lower bounds.")

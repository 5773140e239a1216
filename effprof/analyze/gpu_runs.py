"""Runs of ours on a GPU: what each call took on the device, what the device waited, and how both make the latency.

Device times are means over the middle half of the profiled runs of each process (by length): means add up where medians
do not, and a run in which the host was held up counts for nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from effprof.analyze.categories import DepthwiseAs
from effprof.analyze.device import cost_recorded_calls, device_time_of
from effprof.analyze.replay import host_slowdown, waits_without_profiler
from effprof.analyze.timing import RESAMPLES, account
from effprof.device_records import DeviceActivity, DeviceTime, DeviceTrace, Gaps, UnknownKernel
from effprof.records import Accounting, Category, CostedOp, Round
from effprof.statistics import bootstrap_medians, interval95, iqr, median


@dataclass(frozen=True)
class GpuRun:
    """One profiled run; `trace` holds its activities alone."""

    trace: DeviceTrace
    waits: Gaps
    """As they would be without the profiler, from the beginning of the run on the host."""
    lead_s: float
    """From there to the first activity, as recorded."""
    ops_s: float
    call_s: dict[int, float]
    """Seconds on the device by index of the call."""

    @property
    def parts_s(self) -> float:
        """What the run takes by its parts."""
        return self.ops_s + self.waits.total_s


@dataclass(frozen=True)
class GpuProcess:
    """The profiled runs of one round."""

    measured: Round
    runs: tuple[GpuRun, ...]
    """All of them."""
    middle: tuple[GpuRun, ...]
    """Those that count."""


def gpu_processes(rounds: Sequence[Round]) -> tuple[GpuProcess, ...]:
    """Of the rounds in which something was profiled."""
    processes = []
    for measured in rounds:
        if measured.gpu is None or measured.gpu.trace is None:
            continue
        if not (measured.plain.times_s and measured.instrumented.times_s):
            continue
        runs = _runs(measured.gpu.trace, host_slowdown(measured.calibration))
        if runs:
            by_length = sorted(runs, key=lambda run: run.parts_s)
            processes.append(GpuProcess(measured, runs, tuple(by_length[len(runs) // 4 : len(runs) - len(runs) // 4])))
    return tuple(processes)


def _runs(trace: DeviceTrace, slowdown: float) -> tuple[GpuRun, ...]:
    """What started between a run's beginning and the next one's is its work; what is before the first is nobody's."""
    own: dict[int, list[DeviceActivity]] = defaultdict(list)
    starts = [run.start_s for run in trace.runs]
    for activity in trace.activities:
        own[bisect_right(starts, activity.start_s) - 1].append(activity)
    return tuple(_run(trace, own[place], began_s, slowdown) for place, began_s in enumerate(starts) if own[place])


def _run(trace: DeviceTrace, activities: list[DeviceActivity], began_s: float, slowdown: float) -> GpuRun:
    by_call: dict[int, list[float]] = defaultdict(list)
    for activity in activities:
        by_call[activity.call].append(activity.duration_s)
    call_s = {call: math.fsum(durations) for call, durations in by_call.items()}
    return GpuRun(
        trace=replace(trace, activities=tuple(activities), steps=(), runs=()),
        waits=waits_without_profiler(activities, began_s, slowdown),
        lead_s=max(0.0, activities[0].start_s - began_s),
        ops_s=math.fsum(call_s.values()),
        call_s=call_s,
    )


def gpu_ops(
    costed: Sequence[CostedOp], processes: Sequence[GpuProcess], depthwise_as: DepthwiseAs
) -> tuple[CostedOp, ...]:
    """The calls with their times on the device.

    A call without work there took 0 s of it; of a view no time is known, it is part of the overhead. What belongs to no
    captured call is placed by the names of its kernels, as in an imported trace.
    """
    middle = [run for process in processes for run in process.middle]
    everything = [run for process in processes for run in process.runs]
    ops = list(costed)
    for place, op in enumerate(_placed(costed, everything, depthwise_as)):
        index = op.call.index
        time_s = _mean([run.call_s.get(index, 0.0) for run in middle])
        if op.category is Category.OVERHEAD:
            if not time_s:
                ops[place] = op
                continue
            op = replace(op, category=Category.DATA_IO, kind="copy")  # what did work is no view
        ops[place] = replace(op, time_s=time_s, iqr_s=iqr([run.call_s.get(index, 0.0) for run in everything]))
    return tuple(ops)


def _placed(costed: Sequence[CostedOp], runs: Sequence[GpuRun], depthwise_as: DepthwiseAs) -> list[CostedOp]:
    placed = list(costed)
    missing = {op.call.index: place for place, op in enumerate(costed) if op.call.tensors == "unknown"}
    for run in runs:
        here = [index for index in run.call_s if index in missing]
        if not here:
            continue
        activities = tuple(one for one in run.trace.activities if one.call in here)
        calls = [costed[missing[index]].call for index in sorted(here)]
        for op in cost_recorded_calls(calls, replace(run.trace, activities=activities), depthwise_as):
            placed[missing.pop(op.call.index)] = op
    return placed


def gpu_time(processes: Sequence[GpuProcess], ops: Sequence[CostedOp]) -> DeviceTime:
    """Of one run: means, so that its sums hold as those of an imported trace do."""
    runs = [run for process in processes for run in process.middle]
    times = [device_time_of(run.trace, ops) for run in runs]

    def mean(of: Callable[[DeviceTime], float]) -> float:
        return _mean([of(time) for time in times])

    first = times[0]
    return replace(
        first,
        kernel_s=mean(lambda time: time.kernel_s),
        memcpy_s=mean(lambda time: time.memcpy_s),
        memset_s=mean(lambda time: time.memset_s),
        busy_s=mean(lambda time: time.busy_s),
        span_s=mean(lambda time: time.span_s),
        overlap_s=mean(lambda time: time.overlap_s),
        gaps_s=_mean_gaps([time.gaps_s for time in times]),
        unknown_kernels=_unknown(times),
        layout_s=mean(lambda time: time.layout_s),
        layout_count=round(mean(lambda time: time.layout_count)),
        kernel_count=round(mean(lambda time: time.kernel_count)),
        steps=len(times),
        devices=(
            replace(
                first.devices[0], busy_s=mean(lambda time: time.busy_s), span_s=mean(lambda time: time.span_s)
            ),
        ),
        lead_s=_mean([run.lead_s for run in runs]),
        waits_s=_mean_gaps([run.waits for run in runs]),
    )


def _unknown(times: Sequence[DeviceTime]) -> tuple[UnknownKernel, ...]:
    """Of one run; a kernel that is not in every run counts for its share of them."""
    found: dict[str, list[UnknownKernel]] = defaultdict(list)
    for time in times:
        for kernel in time.unknown_kernels:
            found[kernel.name].append(kernel)
    rows = []
    for name, own in found.items():
        time_s, count = math.fsum(one.time_s for one in own), sum(one.count for one in own)
        rows.append(UnknownKernel(name, time_s / len(times), max(1, round(count / len(times)))))
    return tuple(sorted(rows, key=lambda row: (-row.time_s, row.name)))


def gpu_accounting(processes: Sequence[GpuProcess], latency_s: float, seed: int) -> Accounting:
    """Ops and waits of a run make its latency, but for the residual.

    The residual holds what the estimate of the waits got wrong, what lies between the last activity and the event after
    it, and minus what streams did at the same time.
    """
    runs = [run for process in processes for run in process.middle]
    ops_s, overhead_s = _mean([run.ops_s for run in runs]), _mean([run.waits.total_s for run in runs])
    profiled_s = median([median(process.measured.instrumented.times_s) for process in processes])
    return account(latency_s, ops_s, overhead_s, profiled_s, _residual_ci95(processes, seed))


def _residual_ci95(processes: Sequence[GpuProcess], seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap: plain and profiled runs of each process are drawn anew, and processes where there are
    several."""
    rng = np.random.default_rng(seed)
    latencies, parts = [], []
    for process in processes:
        latencies.append(bootstrap_medians(process.measured.plain.times_s, rng, RESAMPLES))
        sums = np.array([run.parts_s for run in process.middle])
        parts.append(sums[rng.integers(0, len(sums), (RESAMPLES, len(sums)))].mean(axis=1))
    drawn = rng.integers(0, len(processes), (len(processes), RESAMPLES))
    if len(processes) == 1:
        drawn = np.zeros_like(drawn)
    latency = np.take_along_axis(np.array(latencies), drawn, axis=0)
    own = np.take_along_axis(np.array(parts), drawn, axis=0)
    return interval95(np.median(latency, axis=0) - own.mean(axis=0))


def peak_memory_bytes(rounds: Sequence[Round]) -> int | None:
    """The most that torch had allocated at once on the GPU in any process; None where nobody looked."""
    found = [one.gpu.peak_memory_bytes for one in rounds if one.gpu is not None]
    return max((peak for peak in found if peak is not None), default=None)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _mean_gaps(gaps: Sequence[Gaps]) -> Gaps:
    return Gaps(
        host_wait=_mean([gap.host_wait for gap in gaps]),
        between_kernels=_mean([gap.between_kernels for gap in gaps]),
        other=_mean([gap.other for gap in gaps]),
    )

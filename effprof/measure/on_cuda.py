"""A round on a GPU: plain runs timed by CUDA events, then runs under torch.profiler for what the calls take.

The two kinds are not interleaved as on the CPU: to start and stop the profiler takes far longer than a run, and a GPU
lowers its clocks meanwhile. Kernels last as long under the profiler as without it; only the host is slower, and how
much is measured at a small input, where nothing else counts.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np
import torch
from torch import nn

from effprof.capture import Capture, Inputs
from effprof.device_records import DeviceTrace, GpuRound, TracedRun
from effprof.devices.base import PlainRun
from effprof.devices.cpu import FreshInputs
from effprof.devices.cuda import CudaSubject, cuda_device, forget_peak, ordinal_of, peak_bytes, target
from effprof.edits.copying import copied
from effprof.errors import ModelError
from effprof.interrupts import interrupts_deferred
from effprof.measure.fold_bn import fold_batch_norms
from effprof.measure.prepare import smaller_inputs
from effprof.measure.rounds import CHECK_GROWTH, MIN_RUNS, Limits, Progress, is_known, warm_up_plain
from effprof.measure.standin import stand_ins
from effprof.measure.static import run_forward, run_unseen
from effprof.records import Calibration, CalibrationPoint, DeviceInfo, Note, OpCall, Round, RunSpec, Samples
from effprof.settings import AMP
from effprof.tracing import JoinedTrace, device_trace_of, expected_calls, join, trace_runs

PROFILED_RUNS = 12
MIN_PROFILED_RUNS = 3
SMALL_RUNS = 12
TIMER = "kineto"
EVENT_RECORD = "cudaEventRecord"
"""How the trace calls what `Event.record` does, with what follows in some versions (`...WithFlags`)."""
NOTHING_SEEN = Note(
    "no-device-trace",
    "torch.profiler saw no work of the GPU, so there are no times of calls; the latency is as sure as ever.",
    "Look whether this user may use NVIDIA's profiling interface (CUPTI), and whether another profiler runs.",
)


@dataclass(frozen=True)
class CudaSetup:
    """All that is ready before the clock starts."""

    model: nn.Module
    device: DeviceInfo
    calls: tuple[OpCall, ...]
    subject: CudaSubject
    small: CudaSubject
    """What shows how much the profiler slows the host down: the network at a smaller input, or a stand-in."""
    method: str
    """Which of the two, as `Calibration.method`."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class GpuMeasured:
    measured: Round
    calls: tuple[OpCall, ...]
    """Those of the setup, and one for each kind of work that none of them did."""
    notes: tuple[Note, ...] = ()


# -------------------------------------------------------------------------------------------------------------- ready


def on_cuda(model: nn.Module, inputs: Inputs, spec: RunSpec, was_counted: bool) -> CudaSetup:
    """Network and input on the GPU, one recorded pass there; within `devices.cuda.on_gpu`.

    Args:
        was_counted: shapes alone have shown what the forward does; else it is watched for writes to its parameters.
    """
    ordinal = ordinal_of(spec.device) or 0
    device, amp = target(ordinal), spec.precision == AMP
    model, inputs = moved(model, inputs, device)
    captured = _recorded(model, inputs, device, amp, was_counted)
    notes: tuple[Note, ...] = ()
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = _recorded(model, inputs, device, amp, True), (note,)
    small, method = _small(model, inputs, captured, device, amp)
    subject = _subject(model, inputs, captured, device, amp)
    return CudaSetup(model, cuda_device(ordinal), captured.calls, subject, small, method, notes)


def moved(model: nn.Module, inputs: Inputs, device: torch.device) -> tuple[nn.Module, Inputs]:
    """Both on the device; a copy of the network where it is not there yet.

    Raises:
        ModelError: the network cannot be copied.
    """
    tensors = (*model.parameters(), *model.buffers())
    with torch.inference_mode(False), torch.no_grad():
        if any(tensor.device != device for tensor in tensors):
            model = copied(model).to(device)
        return model, inputs.map(lambda tensor: tensor.to(device))


def _recorded(model: nn.Module, inputs: Inputs, device: torch.device, amp: bool, was_counted: bool) -> Capture:
    around = CudaSubject(model, FreshInputs(inputs, ()), device, amp).precision
    return (run_forward if was_counted else run_unseen)(model, inputs, find_spans=True, around=around)


def _subject(model: nn.Module, inputs: Inputs, captured: Capture, device: torch.device, amp: bool) -> CudaSubject:
    fresh = FreshInputs.of(inputs, captured.calls)
    return CudaSubject(model, fresh, device, amp, is_marked=captured.spans is not None)


def _small(
    model: nn.Module, inputs: Inputs, captured: Capture, device: torch.device, amp: bool
) -> tuple[CudaSubject, str]:
    for smaller in smaller_inputs(inputs):
        subject = _subject(model, smaller, captured, device, amp)
        try:
            subject.plain()
        except ModelError:  # it has only one size
            break
        return subject, "smaller-inputs"
    network, its_inputs, its_capture = next(stand_ins())
    network, its_inputs = moved(network, its_inputs, device)
    return _subject(network, its_inputs, its_capture, device, amp), "stand-in"


# ------------------------------------------------------------------------------------------------------------ a round


def measure_gpu_round(setup: CudaSetup, spec: RunSpec, limits: Limits, progress: Progress) -> GpuMeasured | None:
    """Plain runs until the stop rule is met, then profiled ones; an interrupt ends it early. None without a plain run.

    Raises:
        ModelError: the profiler shows other calls than the recorded pass.
    """
    ordinal = ordinal_of(spec.device) or 0
    forget_peak(ordinal)
    taken, reason = _Plain(), "interrupted"
    try:
        taken.warmup_s = warm_up_plain(setup.subject, limits.warmup)
        reason = _take_plain(setup.subject, taken, limits, progress)
    except KeyboardInterrupt:
        pass
    if not taken.runs:
        return None
    peak, profiled = peak_bytes(ordinal), _Profiled(setup.calls)
    if reason != "interrupted":
        try:
            profiled = _take_profiled(setup, limits, statistics.median(run.time_s for run in taken.runs), progress)
        except KeyboardInterrupt:
            reason = "interrupted"
    wall_s = tuple(run.wall_s or 0.0 for run in taken.runs)
    measured = Round(
        plain=Samples(tuple(run.time_s for run in taken.runs), taken.warmup_s),
        instrumented=Samples(profiled.lengths_s),
        ops=(),
        calibration=Calibration(0.0, 0.0, setup.method, profiled.points),
        order="A" * len(taken.runs) + "B" * len(profiled.lengths_s),
        stopped_because=reason,
        timer=TIMER,
        gpu=GpuRound(wall_s, profiled.trace, peak),
    )
    return GpuMeasured(measured, profiled.calls, profiled.notes)


@dataclass
class _Plain:
    runs: list[PlainRun] = field(default_factory=list)
    warmup_s: tuple[float, ...] = ()


def _take_plain(subject: CudaSubject, taken: _Plain, limits: Limits, progress: Progress) -> str:
    """The reason for which it stopped."""
    started, next_check = monotonic(), MIN_RUNS
    while True:
        with interrupts_deferred():
            taken.runs.append(subject.plain())
        times_s, elapsed_s = [run.time_s for run in taken.runs], monotonic() - started
        progress(f"{len(times_s)} runs", limits.share_done(len(times_s), sum(times_s), elapsed_s))
        if elapsed_s >= limits.max_time_s:
            return "max-time"
        if len(times_s) >= next_check and sum(times_s) >= limits.min_time_s:
            if is_known(times_s):
                return "interval"
            next_check = math.ceil(CHECK_GROWTH * len(times_s))


# --------------------------------------------------------------------------------------------------- under the profiler


@dataclass(frozen=True)
class _Profiled:
    calls: tuple[OpCall, ...]
    lengths_s: tuple[float, ...] = ()
    trace: DeviceTrace | None = None
    points: tuple[CalibrationPoint, ...] = ()
    notes: tuple[Note, ...] = ()


def _take_profiled(setup: CudaSetup, limits: Limits, run_s: float, progress: Progress) -> _Profiled:
    """Layers are joined once, from a run whose modules open ranges; those that count carry none, and must show the same
    ops in the same order."""
    subject, runs = setup.subject, _how_many(limits, run_s)
    progress("profiling", 1.0)
    with interrupts_deferred():  # a session is ended in good order
        expected = expected_calls(setup.model, subject.watched(1, by_modes=True).run, setup.calls)
        watched = subject.watched(1)
        join(trace_runs(setup.model, watched.run, 1, cuda=True, finish=watched.finish), expected)
    with interrupts_deferred():
        watched = subject.watched(runs)
        events = trace_runs(None, watched.run, runs, cuda=True, finish=watched.finish)
    joined = join(events, expected, check_layers=False)
    if joined.attribution is None:
        return _Profiled(setup.calls, notes=(NOTHING_SEEN,))
    trace, calls = device_trace_of(joined, setup.calls)
    point = _host_cost(setup.small)
    return _Profiled(
        calls=_counted_by_run(calls, len(setup.calls), runs),
        lengths_s=watched.lengths_s(),
        trace=replace(trace, steps=(), runs=tuple(_runs_of(joined))),
        points=(point,),
    )


def _how_many(limits: Limits, run_s: float) -> int:
    """No more than fit into the time that a measurement may take."""
    fitting = int(limits.max_time_s / run_s) if run_s > 0 else PROFILED_RUNS
    return min(max(fitting, MIN_PROFILED_RUNS), PROFILED_RUNS)


def _runs_of(joined: JoinedTrace) -> Iterator[TracedRun]:
    """On the clock of the trace's activities, which begins with the first of them. A run begins where the event before
    it was recorded, as its latency does; what we do before that is none of it."""
    events = joined.events
    zero_us = float(events.device.start.min())
    records = np.array([name.startswith(EVENT_RECORD) for name in events.names] or [False])[events.launches.name]
    recorded_us = np.sort(events.launches.end[records])
    for run in joined.runs:
        after = recorded_us[(recorded_us >= run.start_us) & (recorded_us <= run.end_us)]
        began_us = float(after[0]) if len(after) else run.start_us
        yield TracedRun((began_us - zero_us) * 1e-6, (run.end_us - zero_us) * 1e-6)


def _counted_by_run(calls: tuple[OpCall, ...], captured: int, runs: int) -> tuple[OpCall, ...]:
    """What no captured call did was counted over all runs."""
    return (*calls[:captured], *(replace(call, count=max(1, round(call.count / runs))) for call in calls[captured:]))


def _host_cost(small: CudaSubject) -> CalibrationPoint:
    with interrupts_deferred():
        for _ in range(3):
            small.plain()
        plain_s = tuple(small.plain().time_s for _ in range(SMALL_RUNS))
        watched = small.watched(SMALL_RUNS)
        trace_runs(None, watched.run, SMALL_RUNS, cuda=True, finish=watched.finish)
    return CalibrationPoint(small.input_shape, 0, plain_s, watched.lengths_s())

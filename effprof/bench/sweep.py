"""A whole sweep: every network built once, counted and warmed before the first timed sample of any, then timed.

Everything happens in this process: the networks are our own, and all of them have run before any is timed, so that
none finds the allocator in another state than the others (docs/how-we-measure.md).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic

import torch
from torch import nn

from effprof.analyze.memory import peak_activation_bytes
from effprof.bench.kernels import convolution_kernels
from effprof.bench.networks import build, input_shape
from effprof.bench.planned import planned_candidates
from effprof.bench.rounds import Candidate, measure_entry
from effprof.bench.settings import settings_of
from effprof.bench.turns import GRACE_S, Budget, round_s, warm
from effprof.capture import Inputs
from effprof.cost import cost_of
from effprof.devices.base import PlainRun
from effprof.devices.cpu import FreshInputs, cpu_device, plain_run
from effprof.devices.cuda import (
    CudaSubject,
    cuda_device,
    cuda_state,
    free_bytes,
    gpu_uuid,
    on_gpu,
    ordinal_of,
    target,
)
from effprof.devices.fake import FakeSubject, Plan, fake_device, read_plan
from effprof.measure.allocator import set_malloc
from effprof.measure.environment import GpuWatch, LoadWatch, environment
from effprof.measure.guard import threads_for, threads_set
from effprof.measure.on_cuda import moved
from effprof.measure.prepare import DTYPES
from effprof.measure.static import refuse_too_large, static_capture
from effprof.records import DeviceInfo, Environment, OpCall
from effprof.sensors.affinity import kept_to
from effprof.settings import AMP, check_precision
from effprof.sweep_records import Sweep, SweepEntry, SweepPoint, SweepSetting, SweepSpec

Progress = Callable[[str, float], None]
Entry = tuple[Candidate, ...]


@dataclass
class CpuClock:
    """A tiny network and its input on the CPU."""

    network: nn.Module
    inputs: Inputs

    def plain(self) -> PlainRun:
        return plain_run(self.network, self.inputs)

    def kernels(self) -> str | None:
        """Which convolution kernels torch picks."""
        return convolution_kernels(self.network, *self.inputs.tensors())


class CudaClock(CudaSubject):
    """The same on the current GPU, timed by CUDA events."""

    def kernels(self) -> str | None:
        with self.precision():
            return convolution_kernels(self.model, *self.inputs.inputs.tensors())


def measure_sweep(spec: SweepSpec, progress: Progress) -> Sweep:
    """All entries of `spec`, one after another; an interrupt ends it early and marks it partial.

    Raises:
        KeyboardInterrupt: before anything was measured.
        BadFileError: the make-believe device's plan cannot be read.
    """
    set_malloc(spec.malloc)
    deadline = monotonic() + (1 + len(spec.other_scales)) * len(spec.guidelines) * (spec.max_time_s + GRACE_S)
    rng = random.Random(spec.seed)
    check_precision("--precision", spec.precision, spec.device)
    ordinal = ordinal_of(spec.device)
    gpu = nullcontext() if ordinal is None else on_gpu(ordinal, spec.batch_size)
    with kept_to(spec.cpus), threads_set(threads_for(spec.threads, spec.cpus)), gpu, torch.inference_mode():
        kind, _, argument = spec.device.partition(":")
        is_fake = kind == "fake"
        plan = read_plan(Path(argument) if argument else None) if is_fake else None
        device, started, gpu_watch = _machine(spec, is_fake)
        watch = LoadWatch()
        entries = _prepared(spec, plan, progress)
        measured = tuple(_measured(entries, spec, rng, progress, is_fake, deadline))
        if not measured:
            raise KeyboardInterrupt
        cut_short = len(measured) < len(entries) or measured[-1].stopped_because == "interrupted"
        started, gpu_notes = gpu_watch.finish(started)
        notes = (*watch.notes(device, started.emulated), *gpu_notes)
        if device.kind == "cpu" and not cut_short:
            progress("looking at kernels", 1.0)
            with suppress(KeyboardInterrupt):  # all is measured: an interrupt only ends the looking
                measured = _with_kernels_elsewhere(entries, measured, deadline)
        return Sweep(spec, started, device, measured, notes, cut_short)


def _machine(spec: SweepSpec, is_fake: bool) -> tuple[DeviceInfo, Environment, GpuWatch]:
    """What is measured on, and the watch over it where it is a GPU."""
    started, ordinal = environment(spec.malloc), ordinal_of(spec.device)
    if ordinal is not None:
        started = replace(started, cuda=cuda_state(ordinal))
        return cuda_device(ordinal), started, GpuWatch(spec.device, gpu_uuid(ordinal))
    return fake_device(spec.threads or 1) if is_fake else cpu_device(), started, GpuWatch(spec.device)


def _prepared(spec: SweepSpec, plan: Plan | None, progress: Progress) -> list[Entry]:
    """Every network of every entry, built, counted and warm; the judged scale first."""
    wanted = [(guideline, scale) for scale in (spec.scale, *spec.other_scales) for guideline in spec.guidelines]
    entries = []
    for guideline, scale in wanted:
        progress(f"warming {guideline} {scale}", 0.0)
        settings = settings_of(guideline, spec.platform, scale)
        entries.append(_for_real(settings, spec) if plan is None else _on_fake(settings, spec, plan))
    return entries


def _measured(
    entries: Sequence[Entry],
    spec: SweepSpec,
    rng: random.Random,
    progress: Progress,
    is_fake: bool,
    deadline: float,
) -> Iterator[SweepEntry]:
    """In turn, each with its share of the progress by the time it is expected to take.

    Args:
        deadline: of `monotonic`; where warming all networks took long, less is left for each entry.
    """
    # Nobody knows how many rounds the stop rule will want; three times the least is usual.
    expected = [max(min(3 * spec.min_rounds * round_s(entry), spec.max_time_s), round_s(entry)) for entry in entries]
    total, done = sum(expected), 0.0
    for number, (entry, share) in enumerate(zip(entries, expected, strict=True)):
        left_s = math.inf if is_fake else (deadline - monotonic()) / (len(entries) - number)
        name = f"{entry[0].point.setting.guideline} {entry[0].point.setting.scale}"

        def report(text: str, part: float, name: str = name, done: float = done, share: float = share) -> None:
            reached = done + part * share
            progress(f"{name} {text}, about {_duration(total - reached)} to go", reached / total)

        finished = measure_entry(entry, _budget(spec, max(left_s, 0.0)), spec.margin, rng, report, is_fake)
        if finished is not None:
            yield finished
        if finished is None or finished.stopped_because == "interrupted":
            return
        done += share


def _budget(spec: SweepSpec, left_s: float) -> Budget:
    max_time_s = min(spec.max_time_s, left_s)
    return Budget(spec.min_rounds, max_time_s, min(GRACE_S, left_s - max_time_s))


def _with_kernels_elsewhere(
    entries: Sequence[Entry], measured: Sequence[SweepEntry], deadline: float
) -> tuple[SweepEntry, ...]:
    """What torch would pick with another number of threads. Asked last: it starts or stops threads."""
    other = 2 if torch.get_num_threads() == 1 else 1
    with threads_set(other):
        return tuple(
            replace(entry, points=tuple(map(partial(_looked_at, other, deadline), candidates, entry.points)))
            for candidates, entry in zip(entries, measured, strict=True)
        )


def _looked_at(threads: int, deadline: float, candidate: Candidate, point: SweepPoint) -> SweepPoint:
    clock = candidate.clock
    kernel = clock.kernels() if isinstance(clock, CpuClock) and monotonic() < deadline else None
    return point if kernel is None else replace(point, kernel_elsewhere=(threads, kernel))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _for_real(settings: Sequence[SweepSetting], spec: SweepSpec) -> Entry:
    candidates = []
    for setting in settings:
        network, calls = _counted(setting, spec)
        clock = _clock(network, Inputs((_input(setting, spec),)), spec)
        point = _point(setting, calls, clock.kernels())  # its first run
        candidates.append(Candidate(clock, warm(clock), point=point))
    return tuple(candidates)


def _clock(network: nn.Module, inputs: Inputs, spec: SweepSpec) -> CpuClock | CudaClock:
    ordinal = ordinal_of(spec.device)
    if ordinal is None:
        return CpuClock(network, inputs)
    network, inputs = moved(network, inputs, target(ordinal))
    return CudaClock(network, FreshInputs(inputs, ()), target(ordinal), spec.precision == AMP)


def _on_fake(settings: Sequence[SweepSetting], spec: SweepSpec, plan: Plan) -> Entry:
    points, clocks = [], []
    for number, setting in enumerate(settings):
        _, calls = _counted(setting, spec)
        points.append(_point(setting, calls, None))
        shape = input_shape(setting, spec.batch_size, spec.img_size)
        clocks.append(FakeSubject(calls, plan, (shape,), seed=spec.seed + number))
    if settings[0].guideline in plan.guidelines:
        return planned_candidates(points, plan, spec.seed)
    return tuple(Candidate(clock, warm(clock), point=point) for point, clock in zip(points, clocks, strict=True))


def _counted(setting: SweepSetting, spec: SweepSpec) -> tuple[nn.Module, tuple[OpCall, ...]]:
    """The network and its calls, from shapes alone; a batch that cannot fit is refused."""
    dtype, layout = _form(spec)
    network = build(setting, spec.seed).to(dtype=dtype)
    network = network.to(memory_format=layout)
    shape = input_shape(setting, spec.batch_size, spec.img_size)
    x = torch.empty(shape, dtype=dtype, device="meta", memory_format=layout)
    calls = static_capture(network, Inputs((x,))).calls
    ordinal = ordinal_of(spec.device)
    gpu_bytes = None if ordinal is None else free_bytes(ordinal)
    refuse_too_large(0, peak_activation_bytes(calls), spec.batch_size, gpu_bytes)
    return network, calls


def _input(setting: SweepSetting, spec: SweepSpec) -> torch.Tensor:
    dtype, layout = _form(spec)
    generator = torch.Generator().manual_seed(spec.seed)
    x = torch.randn(input_shape(setting, spec.batch_size, spec.img_size), generator=generator)
    return x.to(dtype=dtype, memory_format=layout)


def _form(spec: SweepSpec) -> tuple[torch.dtype, torch.memory_format]:
    dtype = DTYPES["fp32" if spec.precision == AMP else spec.precision]
    return dtype, torch.channels_last if spec.channels_last else torch.contiguous_format


def _point(setting: SweepSetting, calls: Sequence[OpCall], kernel: str | None) -> SweepPoint:
    costs = [cost_of(call) for call in calls]
    return SweepPoint(
        setting=setting,
        mult_adds=sum(cost.mult_adds or 0 for cost in costs),
        access_bytes=sum(cost.access_bytes or 0 for cost in costs),
        access_elements=sum(cost.access_elements or 0 for cost in costs),
        op_count=len(calls),
        kernel=kernel,
        rounds_s=(),
    )

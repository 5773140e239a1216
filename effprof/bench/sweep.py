"""A whole sweep: every network built once, counted and warmed before the first timed sample of any, then timed.

Everything happens in this process: the networks are our own, and all of them have run before any is timed, so that
none finds the allocator in another state than the others (docs/how-we-measure.md).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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
from effprof.bench.rounds import GRACE_S, Budget, Candidate, measure_entry, round_s, warm
from effprof.bench.settings import settings_of
from effprof.capture import Inputs
from effprof.cost import cost_of
from effprof.devices.base import PlainRun
from effprof.devices.cpu import cpu_device, plain_run
from effprof.devices.fake import FakeSubject, Plan, fake_device, read_plan
from effprof.measure.allocator import set_malloc
from effprof.measure.environment import LoadWatch, environment
from effprof.measure.guard import threads_for, threads_set
from effprof.measure.prepare import DTYPES
from effprof.measure.static import refuse_too_large, static_capture
from effprof.records import OpCall
from effprof.sensors.affinity import kept_to
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


def measure_sweep(spec: SweepSpec, progress: Progress) -> Sweep:
    """All entries of `spec`, one after another; an interrupt ends it early and marks it partial.

    Raises:
        KeyboardInterrupt: before anything was measured.
        BadFileError: the make-believe device's plan cannot be read.
    """
    set_malloc(spec.malloc)
    deadline = monotonic() + (1 + len(spec.other_scales)) * len(spec.guidelines) * (spec.max_time_s + GRACE_S)
    rng = random.Random(spec.seed)
    with kept_to(spec.cpus), threads_set(threads_for(spec.threads, spec.cpus)), torch.inference_mode():
        kind, _, argument = spec.device.partition(":")
        is_fake = kind == "fake"
        plan = read_plan(Path(argument) if argument else None) if is_fake else None
        device = cpu_device() if plan is None else fake_device(spec.threads or 1)
        started, watch = environment(spec.malloc), LoadWatch()
        entries = _prepared(spec, plan, progress)
        measured = tuple(_measured(entries, spec, rng, progress, is_fake, deadline))
        if not measured:
            raise KeyboardInterrupt
        cut_short = len(measured) < len(entries) or measured[-1].stopped_because == "interrupted"
        notes = tuple(watch.notes(device, started.emulated))
        if not (is_fake or cut_short):
            progress("looking at kernels", 1.0)
            with suppress(KeyboardInterrupt):  # all is measured: an interrupt only ends the looking
                measured = _with_kernels_elsewhere(entries, measured, deadline)
        return Sweep(spec, started, device, measured, notes, cut_short)


def _prepared(spec: SweepSpec, plan: Plan | None, progress: Progress) -> list[Entry]:
    """Every network of every entry, built, counted and warm; the judged scale first."""
    wanted = [(guideline, scale) for scale in (spec.scale, *spec.other_scales) for guideline in spec.guidelines]
    entries = []
    for guideline, scale in wanted:
        progress(f"warming {guideline} {scale}", 0.0)
        settings = settings_of(guideline, spec.platform, scale)
        entries.append(_on_cpu(settings, spec) if plan is None else _on_fake(settings, spec, plan))
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

        finished = measure_entry(entry, _budget(spec, max(left_s, 0.0)), rng, report, is_fake)
        if finished is not None:
            yield finished
        if finished is None or finished.stopped_because == "interrupted":
            return
        done += share


def _budget(spec: SweepSpec, left_s: float) -> Budget:
    max_time_s = min(spec.max_time_s, left_s)
    return Budget(spec.min_rounds, max_time_s, spec.margin, min(GRACE_S, left_s - max_time_s))


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
    clock, kernel = candidate.clock, None
    if isinstance(clock, CpuClock) and monotonic() < deadline:
        kernel = convolution_kernels(clock.network, *clock.inputs.tensors())
    return point if kernel is None else replace(point, kernel_elsewhere=(threads, kernel))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _on_cpu(settings: Sequence[SweepSetting], spec: SweepSpec) -> Entry:
    candidates = []
    for setting in settings:
        network, calls = _counted(setting, spec)
        x = _input(setting, spec)
        clock = CpuClock(network, Inputs((x,)))
        point = _point(setting, calls, convolution_kernels(network, x))  # its first run
        candidates.append(Candidate(point, clock, warm(clock)))
    return tuple(candidates)


def _on_fake(settings: Sequence[SweepSetting], spec: SweepSpec, plan: Plan) -> Entry:
    points, clocks = [], []
    for number, setting in enumerate(settings):
        _, calls = _counted(setting, spec)
        points.append(_point(setting, calls, None))
        shape = input_shape(setting, spec.batch_size, spec.img_size)
        clocks.append(FakeSubject(calls, plan, (shape,), seed=spec.seed + number))
    if settings[0].guideline in plan.guidelines:
        return planned_candidates(points, plan, spec.seed)
    return tuple(Candidate(point, clock, warm(clock)) for point, clock in zip(points, clocks, strict=True))


def _counted(setting: SweepSetting, spec: SweepSpec) -> tuple[nn.Module, tuple[OpCall, ...]]:
    """The network and its calls, from shapes alone; a batch that cannot fit is refused."""
    dtype, layout = _form(spec)
    network = build(setting, spec.seed).to(dtype=dtype)
    network = network.to(memory_format=layout)
    shape = input_shape(setting, spec.batch_size, spec.img_size)
    x = torch.empty(shape, dtype=dtype, device="meta", memory_format=layout)
    calls = static_capture(network, Inputs((x,))).calls
    refuse_too_large(0, peak_activation_bytes(calls), spec.batch_size)
    return network, calls


def _input(setting: SweepSetting, spec: SweepSpec) -> torch.Tensor:
    dtype, layout = _form(spec)
    generator = torch.Generator().manual_seed(spec.seed)
    x = torch.randn(input_shape(setting, spec.batch_size, spec.img_size), generator=generator)
    return x.to(dtype=dtype, memory_format=layout)


def _form(spec: SweepSpec) -> tuple[torch.dtype, torch.memory_format]:
    return DTYPES[spec.precision], torch.channels_last if spec.channels_last else torch.contiguous_format


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

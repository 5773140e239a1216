"""What a measuring process does for `effprof advise` (started by `measure/processes.py`)."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from time import time

import msgspec
import torch
from torch import nn

from effprof import zoo
from effprof.advice_records import EDIT_TEXTS, Advice, AdviceSpec
from effprof.advise.contest import Stopwatch, warmed
from effprof.advise.pricing import prices
from effprof.advise.selection import Build, Chooser, Selection
from effprof.advise.tasks import ProfileTask, SettingTask, SettingTimes, Task
from effprof.advise.versions import CpuBuilder, PlannedBuilder
from effprof.bench.turns import Progress
from effprof.capture import Inputs
from effprof.devices.cpu import cpu_device
from effprof.devices.fake import fake_device, read_plan
from effprof.edits import apply_edits, in_order
from effprof.measure.allocator import set_malloc
from effprof.measure.environment import LoadWatch, environment
from effprof.measure.fold_bn import fold_batch_norms
from effprof.measure.guard import threads_for, threads_set
from effprof.measure.named import input_shapes, measure_by_name
from effprof.measure.prepare import model_info, random_inputs, with_setting
from effprof.measure.session import check_before, measure
from effprof.measure.static import run_forward, static_capture
from effprof.measure.worker import serve
from effprof.records import DeviceInfo, ModelInfo, Note, Profile, RunSpec
from effprof.sensors.affinity import kept_to
from effprof.store import dumps_profile

MIN_RUNS = 5
FEW_COMBINATIONS = Note(
    "few-combinations",
    "No time was left to try all edits with the kept ones: whether one adds to them is not known.",
    "Give more --max-time.",
)


def main(arguments: list[str]) -> int:
    return serve(arguments, lambda form, task, progress: work(task, progress))


def work(task: bytes, progress: Progress) -> bytes:
    """Does a `Task`; gives an `Advice`, `SettingTimes`, a `Profile` or `Prices` as JSON."""
    asked = msgspec.json.decode(task, type=Task)
    if asked.advise is not None:
        return msgspec.json.encode(advise(asked.advise, progress, asked.since_s))
    if asked.profile is not None:
        return dumps_profile(profile(asked.profile, progress))
    if asked.prices is not None:
        return msgspec.json.encode(prices(asked.prices, progress, asked.since_s))
    assert asked.time is not None
    return msgspec.json.encode(time_setting(asked.time))


def advise(spec: AdviceSpec, progress: Progress, since_s: float | None = None) -> Advice:
    """The exact edits of a network by name, applied, checked and measured in this process within `spec.max_time_s`.

    Args:
        since_s: Unix time at which `spec.max_time_s` began to run; None: now.

    Raises:
        EffprofError: the network cannot be built or run.
        KeyboardInterrupt: before anything was measured.
    """
    started_s = time() if since_s is None else since_s
    with kept_to(spec.run.cpus), threads_set(threads_for(spec.run.threads, spec.run.cpus)):
        progress("building", 0.0)
        subject = _subject(spec.run, in_order(spec.applied))
        before_s = 0.0 if subject.is_fake else time() - started_s
        watch = Stopwatch(spec.max_time_s - before_s, subject.is_fake)
        load = LoadWatch()
        machine = environment(spec.run.malloc)
        selection = _choose(spec, subject.builder.build, watch, progress)
        if selection.is_partial and not selection.contests:
            raise KeyboardInterrupt
        return Advice(
            spec=spec,
            model=subject.model,
            environment=machine,
            device=subject.device,
            trials=tuple(selection.trials),
            contests=tuple(selection.contests),
            chosen=selection.chosen,
            notes=(*load.notes(subject.device, machine.emulated), *([FEW_COMBINATIONS] if selection.is_short else [])),
            took_s=watch.elapsed_s,
            partial=selection.is_partial,
        )


def _choose(spec: AdviceSpec, build: Build, watch: Stopwatch, progress: Progress) -> Selection:
    chooser = Chooser(
        build=build,
        in_order=in_order,
        watch=watch,
        rng=random.Random(spec.run.seed),
        progress=progress,
    )
    return chooser.choose(in_order([name for name in spec.edits or EDIT_TEXTS if name in EDIT_TEXTS]))


def time_setting(task: SettingTask) -> SettingTimes:
    """One version in this process's setting, warm."""
    with kept_to(task.run.cpus), threads_set(threads_for(task.run.threads, task.run.cpus)):
        subject = _subject(task.run, (), task.number)
        names = (*task.edits, *([task.setting] if subject.is_fake and task.setting else []))
        clock = subject.builder.build(names).clock
        watch = Stopwatch(task.time_s, subject.is_fake)
        warmed(task.edits, clock, watch)
        watch = Stopwatch(task.time_s, subject.is_fake)
        times_s: list[float] = []
        faults: list[int] = []
        while len(times_s) < MIN_RUNS or watch.left_s > 0:
            run = clock.plain()
            watch.spend(run.time_s)
            times_s.append(run.time_s)
            faults += [] if run.page_faults is None else [run.page_faults]
    return SettingTimes(statistics.median(times_s), len(times_s), statistics.median(faults) if faults else None)


def profile(task: ProfileTask, progress: Progress) -> Profile:
    """The network as asked for, with the edits that it has had, timed with its calls; not counted by other libraries.

    Raises:
        EffprofError: the network cannot be built, edited, run or measured.
        KeyboardInterrupt: before anything was measured.
    """
    spec = task.run
    if not task.applied or spec.device.partition(":")[0] == "fake":
        return measure_by_name(spec, progress, with_crosscheck=False)
    with kept_to(spec.cpus):
        set_malloc(spec.malloc)
        torch.manual_seed(spec.seed)
        loaded = zoo.load(spec.model)
        shapes = input_shapes(spec, loaded.input_shapes)
        progress("applying edits", 0.0)
        model, inputs = _in_setting(loaded.module.eval(), random_inputs(shapes, spec.batch_size, spec.seed), spec)
        model = apply_edits(model, in_order(task.applied), inputs).model
        own = replace(spec, threads=threads_for(spec.threads, spec.cpus), fold_bn=False)  # they are folded
        return measure(model, inputs, own, name=loaded.name, source=loaded.source, progress=progress)


@dataclass(frozen=True)
class _Subject:
    """A network in its setting, and what makes versions of it."""

    builder: CpuBuilder | PlannedBuilder
    model: ModelInfo
    device: DeviceInfo
    is_fake: bool


def _subject(spec: RunSpec, applied: tuple[str, ...], number: int = 0) -> _Subject:
    kind, _, argument = spec.device.partition(":")
    set_malloc(spec.malloc)
    torch.manual_seed(spec.seed)
    loaded = zoo.load(spec.model)
    model = loaded.module.eval()
    shapes = input_shapes(spec, loaded.input_shapes)
    on_meta = random_inputs(shapes, spec.batch_size, spec.seed, "meta")
    if kind == "fake":
        calls = static_capture(model, on_meta).calls
        taken = tuple(tuple(tensor.shape) for tensor in on_meta.tensors())
        plan = read_plan(Path(argument) if argument else None)
        builder = PlannedBuilder(calls, taken, plan, spec.seed + 1000 * number, applied)
        info = model_info(model, on_meta, loaded.name, loaded.source, spec)
        return _Subject(builder, info, fake_device(spec.threads or 1), True)
    if not number:  # processes that time settings come after one that has looked
        check_before(model, on_meta, spec)
    model, inputs = _in_setting(model, random_inputs(shapes, spec.batch_size, spec.seed), spec)
    info = model_info(model, inputs, loaded.name, loaded.source, spec)
    return _Subject(CpuBuilder(model, inputs, spec.seed, applied), info, cpu_device(), False)


def _in_setting(model: nn.Module, inputs: Inputs, spec: RunSpec) -> tuple[nn.Module, Inputs]:
    model, inputs = with_setting(model, inputs, spec)
    if spec.fold_bn:
        with torch.no_grad():
            captured = run_forward(model, inputs)
        model, _ = fold_batch_norms(model, captured)
    return model.eval(), inputs

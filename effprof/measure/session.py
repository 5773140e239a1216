"""A whole measurement in this process: from a network and its input to a Profile with one round."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from effprof.analyze.memory import peak_activation_bytes
from effprof.capture import Capture, Inputs
from effprof.devices.base import Subject
from effprof.devices.cpu import EntrySubject, cpu_device
from effprof.devices.dispatch import DispatchSubject
from effprof.devices.fake import FakeSubject, fake_device, read_plan
from effprof.errors import EffprofError, ModelError
from effprof.measure.calibrate import calibrate
from effprof.measure.environment import LoadWatch, environment
from effprof.measure.fold_bn import fold_batch_norms
from effprof.measure.guard import left_as_found
from effprof.measure.prepare import model_info, smaller_inputs, with_setting
from effprof.measure.rounds import Limits, Progress, measure_round
from effprof.measure.standin import stand_ins
from effprof.measure.static import (
    forward_error,
    refuse_too_large,
    refuse_writes_to_parameters,
    run_forward,
    static_capture,
)
from effprof.records import DeviceInfo, Note, OpCall, Profile, RunSpec


@dataclass(frozen=True)
class Setup:
    """All that is ready before the clock starts."""

    model: nn.Module
    device: DeviceInfo
    calls: tuple[OpCall, ...]
    subject: Subject
    smaller: tuple[Subject, ...]
    """What calibration runs, and how it is called in the record."""
    method: str
    notes: tuple[Note, ...] = ()


def measure(
    model: nn.Module, inputs: Inputs, spec: RunSpec, *, name: str, source: str, progress: Progress | None = None
) -> Profile:
    """One round of `spec` on the device it names; `model` and torch's state are left as found.

    Raises:
        ModelError: the forward raises, writes its own parameters, or does not repeat itself.
        UsageError: the batch is too large for the memory available.
        KeyboardInterrupt: Ctrl-C before anything was measured; later it ends the round, marked partial.
    """
    report: Progress = progress or (lambda text, share: None)
    with left_as_found(model, spec.threads):
        report("counting", 0.0)
        counted = count_before(model, inputs, spec)
        prepared, inputs = with_setting(model, inputs, spec)
        report("recording every call", 0.0)
        kind, _, argument = spec.device.partition(":")
        if kind == "fake":
            setup = _on_fake(prepared, inputs, spec, counted, Path(argument) if argument else None)
        else:
            setup = _on_cpu(prepared, inputs, spec)
        return _measure(setup, inputs, spec, name, source, report)


def _measure(setup: Setup, inputs: Inputs, spec: RunSpec, name: str, source: str, report: Progress) -> Profile:
    rng = random.Random(spec.seed)
    started = environment(spec.malloc)
    watch = LoadWatch()
    try:
        report("calibrating", 0.0)
        calibration = calibrate(setup.subject, setup.smaller, setup.method, spec.max_time_s, rng)
        limits = Limits(spec.min_time_s, spec.max_time_s, spec.warmup)
        finished = measure_round(setup.subject, calibration, limits, rng, report)
    except EffprofError:
        raise
    except Exception as error:
        raise forward_error(error, inputs) from None
    if finished is None:
        raise KeyboardInterrupt
    return Profile(
        spec=replace(spec, threads=setup.device.threads),
        model=model_info(setup.model, inputs, name, source, spec),
        environment=started,
        device=setup.device,
        calls=setup.calls,
        rounds=(finished,),
        notes=(*setup.notes, *watch.notes(setup.device)),
        partial=finished.stopped_because == "interrupted",
    )


def count_before(model: nn.Module, inputs: Inputs, spec: RunSpec) -> Capture | None:
    """What can be said from shapes alone before anything large is allocated; None where the network needs values."""
    try:
        counted = static_capture(model, inputs)
    except ModelError as error:
        if "--run" in str(error) and spec.device.partition(":")[0] != "fake":
            return None
        raise
    refuse_writes_to_parameters(counted.calls)
    weights_bytes = sum(t.numel() * t.element_size() for t in {id(p): p for p in model.parameters()}.values())
    refuse_too_large(weights_bytes, peak_activation_bytes(counted.calls), spec.batch_size)
    return counted


def _on_fake(model: nn.Module, inputs: Inputs, spec: RunSpec, counted: Capture | None, plan_file: Path | None) -> Setup:
    plan = read_plan(plan_file)
    captured = counted if counted is not None else static_capture(model, inputs)
    notes: tuple[Note, ...] = ()
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = static_capture(model, inputs), (note,)

    def subject(of: Inputs, calls: tuple[OpCall, ...], full_size: bool, seed: int) -> FakeSubject:
        return FakeSubject(calls, plan, tuple(tuple(t.shape) for t in of.tensors()), full_size, seed)

    smaller = tuple(
        subject(small, static_capture(model, small).calls, False, spec.seed + 1 + i)
        for i, small in enumerate(smaller_inputs(inputs))
    )
    device = fake_device(spec.threads or 1)
    return Setup(
        model, device, captured.calls, subject(inputs, captured.calls, True, spec.seed), smaller, "planned", notes
    )


def _on_cpu(model: nn.Module, inputs: Inputs, spec: RunSpec) -> Setup:
    captured = run_forward(model, inputs, find_spans=True)
    notes: tuple[Note, ...] = ()
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = run_forward(model, inputs, find_spans=True), (note,)
    subject = _cpu_subject(model, inputs, captured)
    if captured.spans is None and captured.uncovered:
        notes += (_dispatch_note(captured.uncovered),)
    smaller, method = tuple(_cpu_smaller(model, inputs)), "smaller-inputs"
    if not smaller:
        smaller, method = tuple(_cpu_subject(*stand_in) for stand_in in stand_ins()), "stand-in"
    return Setup(model, cpu_device(), captured.calls, subject, smaller, method, notes)


def _cpu_subject(model: nn.Module, inputs: Inputs, captured: Capture) -> Subject:
    if captured.spans is not None:
        return EntrySubject(model, inputs, captured.spans)
    return DispatchSubject(model, inputs, captured.calls)


def _cpu_smaller(model: nn.Module, inputs: Inputs) -> Iterator[Subject]:
    """The network at smaller inputs; none where it has only one size (it raises, or ends up elsewhere)."""
    for small in smaller_inputs(inputs):
        try:
            captured = run_forward(model, small, find_spans=True)
        except ModelError:
            return
        yield _cpu_subject(model, small, captured)


def _dispatch_note(uncovered: tuple[str, ...]) -> Note:
    names = ", ".join(uncovered[:3]) + (" ..." if len(uncovered) > 3 else "")
    return Note(
        "dispatch-timer",
        f"{names} could not be timed at torch's entry points (called through a reference kept by the network), so a "
        "dispatch mode timed all calls; it disturbs them more.",
        "Call torch's functions by their names in torch, Tensor or torch.nn.functional.",
    )

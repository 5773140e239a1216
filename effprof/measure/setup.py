"""All that is ready before the clock starts: the calls, a subject that can be run, and what calibration runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from effprof.capture import Capture, Inputs
from effprof.devices.base import Subject
from effprof.devices.cpu import EntrySubject, FreshInputs, cpu_device
from effprof.devices.dispatch import DispatchSubject
from effprof.devices.fake import FakeSubject, fake_device, read_plan
from effprof.devices.kineto import KinetoSubject
from effprof.errors import ModelError, UsageError
from effprof.measure.fold_bn import fold_batch_norms
from effprof.measure.prepare import smaller_inputs
from effprof.measure.standin import stand_ins
from effprof.measure.static import run_forward, run_unseen, static_capture
from effprof.records import DeviceInfo, Note, OpCall, RunSpec
from effprof.settings import AUTO_TIMER


@dataclass(frozen=True)
class Setup:
    model: nn.Module
    device: DeviceInfo
    calls: tuple[OpCall, ...]
    subject: Subject
    smaller: tuple[Subject, ...]
    """What calibration runs: the same network at smaller inputs, or a stand-in."""
    method: str
    """Which of the two, as `Calibration.method`."""
    notes: tuple[Note, ...] = ()


def on_fake(model: nn.Module, inputs: Inputs, spec: RunSpec, plan_file: Path | None) -> Setup:
    """The make-believe device: nothing is run, the calls come from shapes alone."""
    plan = read_plan(plan_file)
    captured = static_capture(model, inputs)
    notes: tuple[Note, ...] = ()
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = static_capture(model, inputs), (note,)

    def subject(of: Inputs, calls: tuple[OpCall, ...], full_size: bool, seed: int) -> FakeSubject:
        return FakeSubject(calls, plan, tuple(tuple(t.shape) for t in of.tensors()), full_size, seed)

    smaller = tuple(
        subject(small, calls, False, spec.seed + 1 + i)
        for i, (small, calls) in enumerate(_counted_smaller(model, inputs))
    )
    device = fake_device(spec.threads or 1)
    return Setup(
        model, device, captured.calls, subject(inputs, captured.calls, True, spec.seed), smaller, "planned", notes
    )


def _counted_smaller(model: nn.Module, inputs: Inputs) -> Iterator[tuple[Inputs, tuple[OpCall, ...]]]:
    """The network's calls at smaller inputs; none where it has only one size."""
    for small in smaller_inputs(inputs):
        try:
            captured = static_capture(model, small)
        except ModelError:
            return
        yield small, captured.calls


def on_cpu(model: nn.Module, inputs: Inputs, spec: RunSpec, was_counted: bool) -> Setup:
    """The CPU: one recorded pass, and the timer that was asked for, or that the network allows.

    Args:
        was_counted: shapes alone have shown what the forward does; else it is watched for writes to its parameters.

    Raises:
        ModelError: the timer that was asked for cannot time this network.
    """
    _require_cpu(model, inputs)
    captured = (run_forward if was_counted else run_unseen)(model, inputs, find_spans=True)
    notes: tuple[Note, ...] = ()
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = run_forward(model, inputs, find_spans=True), (note,)
    timer = _timer_for(spec.timer, captured)
    notes += _timer_notes(captured, spec.timer)
    subject = _subject(model, inputs, captured, timer)
    smaller, method = tuple(_smaller(model, inputs, timer)), "smaller-inputs"
    if not smaller:  # calibration is of the timer that is used; a session of the profiler costs something by itself
        like = len(subject.spans) if timer == "kineto" else 0
        smaller, method = tuple(_subject(m, i, c, timer) for m, i, c in stand_ins(like)), "stand-in"
    return Setup(model, cpu_device(), captured.calls, subject, smaller, method, notes)


def _timer_for(wanted: str, captured: Capture) -> str:
    if wanted == AUTO_TIMER:
        return "dispatch" if captured.spans is None else "entry"
    if wanted == "entry" and captured.spans is None:
        names = f": {_some(captured.uncovered)} came past them" if captured.uncovered else ""
        raise ModelError(
            f"The network's calls cannot all be timed at torch's entry points{names}. --timer auto takes a dispatch "
            "mode."
        )
    return wanted


def _subject(model: nn.Module, inputs: Inputs, captured: Capture, timer: str) -> Subject:
    fresh = FreshInputs.of(inputs, captured.calls)
    if timer == "kineto":
        return KinetoSubject.of(model, fresh, captured.calls, is_marked=captured.spans is not None)
    if timer == "entry" and captured.spans is not None:
        return EntrySubject(model, fresh, captured.spans)
    return DispatchSubject(model, fresh, captured.calls)


def _smaller(model: nn.Module, inputs: Inputs, timer: str) -> Iterator[Subject]:
    """The network at smaller inputs; none where it has only one size."""
    for small in smaller_inputs(inputs):
        try:
            captured = run_forward(model, small, find_spans=True)
            if timer == "entry" and captured.spans is None:
                return
            subject = _subject(model, small, captured, timer)
        except ModelError:
            return
        yield subject


def _require_cpu(model: nn.Module, inputs: Inputs) -> None:
    for tensor in (*model.parameters(), *model.buffers(), *inputs.tensors()):
        if tensor.device.type != "cpu":
            raise UsageError(
                f"The network or its input has a tensor on {tensor.device}, and --device cpu measures on the CPU. "
                "Move all of it there: model.to('cpu')."
            )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def _timer_notes(captured: Capture, wanted: str) -> tuple[Note, ...]:
    notes = []
    if captured.uncovered and captured.spans is None and wanted == AUTO_TIMER:
        notes.append(
            Note(
                "dispatch-timer",
                f"{_some(captured.uncovered)} could not be timed at torch's entry points (called through a reference "
                "kept by the network), so a dispatch mode timed all calls; it disturbs them more.",
                "Call torch's functions by their names in torch, Tensor or torch.nn.functional.",
            )
        )
    if captured.in_other_threads:
        notes.append(
            Note(
                "other-threads",
                "The network called torch from threads of its own: their calls are neither counted nor timed, and "
                "show as overhead.",
                "Run the network in one thread to see them.",
            )
        )
    return tuple(notes)

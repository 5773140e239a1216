"""Measuring and counting a network given by name, or handed over as a module."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from effprof import zoo
from effprof.capture import Capture, Inputs
from effprof.devices.cuda import on_gpu, ordinal_of, require_cuda, target
from effprof.errors import ModelError, UsageError, ValuesNeededError
from effprof.foreign import exits_raise
from effprof.measure.allocator import set_malloc
from effprof.measure.crosscheck import crosscheck
from effprof.measure.environment import environment
from effprof.measure.fold_bn import fold_batch_norms
from effprof.measure.guard import left_as_found, threads_for
from effprof.measure.on_cuda import moved
from effprof.measure.prepare import Shape, model_info, own_precision, random_inputs, with_setting
from effprof.measure.rounds import Progress
from effprof.measure.session import measure
from effprof.measure.static import refuse_writes_to_parameters, run_unseen, static_capture
from effprof.records import Crosscheck, Note, Profile, RunSpec
from effprof.sensors.affinity import kept_to
from effprof.settings import check_precision, check_timer, checked


def measure_by_name(spec: RunSpec, progress: Progress | None = None, *, with_crosscheck: bool = True) -> Profile:
    """One round of `effprof run`: cores and allocator set, the network built, measured, counted by other libraries.

    Raises:
        UsageError: this process may not use all of `spec.cpus`, or the device has no such timer or precision.
        UnavailableError: torch cannot use the GPU.
    """
    check_timer("--timer", spec.timer, spec.device)
    check_precision("--precision", spec.precision, spec.device)
    if (ordinal := ordinal_of(spec.device)) is not None:
        require_cuda(ordinal)  # before the network is built
    with kept_to(spec.cpus):  # before anything of the network is in some core's memory
        threads = threads_for(spec.threads, spec.cpus)
        return _measure_by_name(replace(spec, threads=threads), progress, with_crosscheck)


def _measure_by_name(spec: RunSpec, progress: Progress | None, with_crosscheck: bool) -> Profile:
    set_malloc(spec.malloc)
    torch.manual_seed(spec.seed)
    loaded = zoo.load(spec.model)
    shapes = input_shapes(spec, loaded.input_shapes)

    def real_inputs() -> Inputs:
        return random_inputs(shapes, spec.batch_size, spec.seed)

    profile = measure(
        loaded.module,
        random_inputs(shapes, spec.batch_size, spec.seed, "meta"),
        spec,
        name=loaded.name,
        source=loaded.source,
        progress=progress,
        make_inputs=real_inputs,
    )
    if profile.partial or not with_crosscheck:
        return profile
    if progress is not None:
        progress("counting with other libraries", 1.0)
    try:
        return replace(profile, crosscheck=_crosschecked(loaded.module, real_inputs(), profile))
    except KeyboardInterrupt:
        return replace(profile, partial=True)


def _crosschecked(model: nn.Module, inputs: Inputs, profile: Profile) -> Crosscheck:
    """Where the network was measured: a batch for a GPU takes a CPU long."""
    ordinal = ordinal_of(profile.spec.device)
    if ordinal is None:
        return crosscheck(model, inputs, profile.calls)
    with on_gpu(ordinal, profile.spec.batch_size):
        model, inputs = moved(model, inputs, target(ordinal))
        return crosscheck(model, inputs, profile.calls)


def count_by_name(spec: RunSpec, *, run: bool, with_crosscheck: bool) -> Profile:
    """`effprof count`: from shapes alone, or from one real pass with `run`."""
    torch.manual_seed(spec.seed)
    loaded = zoo.load(spec.model) if run or with_crosscheck else load_on_meta(spec.model)
    device = "cpu" if run or with_crosscheck else "meta"
    inputs = random_inputs(input_shapes(spec, loaded.input_shapes), spec.batch_size, spec.seed, device)
    try:
        with exits_raise():
            profile = count_module(loaded.module, inputs, spec, name=loaded.name, source=loaded.source, run=run)
    except ValuesNeededError as error:
        raise ValuesNeededError(f"{error} Add --run to count from one real pass.") from None
    return replace(profile, crosscheck=crosscheck(loaded.module, inputs, profile.calls)) if with_crosscheck else profile


def count_module(
    model: nn.Module, inputs: Inputs, spec: RunSpec, *, name: str, source: str, run: bool = False
) -> Profile:
    """The calls of one forward pass, nothing timed; `model` is left as found."""
    notes: tuple[Note, ...] = ()
    model, inputs = with_setting(model, inputs, spec)
    captured = _pass(model, inputs, run)
    if spec.fold_bn:
        model, note = fold_batch_norms(model, captured)
        captured, notes = _pass(model, inputs, run), (note,)
    return Profile(
        spec=spec,
        model=model_info(model, inputs, name, source, spec),
        environment=environment(spec.malloc),
        device=None,
        calls=captured.calls,
        notes=notes,
    )


def _pass(model: nn.Module, inputs: Inputs, run: bool) -> Capture:
    """One pass that is known to leave the parameters alone (`run_unseen` refuses the others itself)."""
    if run:
        with left_as_found(model):
            return run_unseen(model, inputs)
    captured = static_capture(model, inputs)
    refuse_writes_to_parameters(captured.calls)
    return captured


def load_on_meta(name: str) -> zoo.LoadedModel:
    """The network with no weights allocated; built on the CPU where its constructor needs real tensors."""
    try:
        return zoo.load(name, build_on="meta")
    except ModelError:
        return zoo.load(name)


def input_shapes(spec: RunSpec, default: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """What --input-shape says, else the network's default with --img-size applied to its images."""
    if spec.input_shape:
        return spec.input_shape
    if spec.img_size is None:
        return default
    if not any(len(shape) == 3 for shape in default):
        raise UsageError(f"--img-size is for images, and {spec.model} takes {default}: give --input-shape.")
    return tuple((shape[0], spec.img_size, spec.img_size) if len(shape) == 3 else shape for shape in default)


def spec_for(model: nn.Module, inputs: Inputs, *, precision: str | None = None, **settings: Any) -> RunSpec:
    """The spec of a module handed over from Python; the first input's first axis is taken as the batch.

    Raises:
        UsageError, UnavailableError: a setting that cannot be used.
    """
    tensors = inputs.tensors()
    batch_size = tensors[0].shape[0] if tensors and tensors[0].dim() else 1
    shapes = tuple(tuple(t.shape[1:]) for t in tensors)
    spec = checked(RunSpec(type(model).__name__, batch_size=max(batch_size, 1), input_shape=shapes, **settings))
    if precision is None:
        return replace(spec, precision=own_precision(model, inputs))
    return checked(replace(spec, precision=precision))


def check_module(model: object) -> None:
    """Raises ModelError for what is not a plain nn.Module."""
    zoo.require_eager(model, "The caller")

"""A whole measurement in this process: from a network and its input to a Profile with one round."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from effprof.analyze.memory import peak_activation_bytes
from effprof.capture import Inputs
from effprof.devices.cuda import cuda_state, free_bytes, gpu_uuid, on_gpu, ordinal_of
from effprof.errors import ModelError
from effprof.measure.calibrate import calibrate
from effprof.measure.energy import INTERRUPTED, measure_energy, start_meter
from effprof.measure.environment import GpuWatch, LoadWatch, environment
from effprof.measure.guard import left_as_found
from effprof.measure.on_cuda import CudaSetup, measure_gpu_round, on_cuda
from effprof.measure.prepare import model_info, own_precision, with_setting
from effprof.measure.rounds import Limits, Progress, measure_round
from effprof.measure.setup import Setup, on_cpu, on_fake
from effprof.measure.static import refuse_too_large, refuse_writes_to_parameters, static_capture
from effprof.records import Energy, Note, OpCall, Profile, Round, RunSpec


def measure(
    model: nn.Module,
    inputs: Inputs,
    spec: RunSpec,
    *,
    name: str,
    source: str,
    progress: Progress | None = None,
    make_inputs: Callable[[], Inputs] | None = None,
) -> Profile:
    """One round of `spec` on the device it names; `model` and torch's state are left as found.

    Args:
        make_inputs: gives the real input where `inputs` has only its shapes (on meta), once it is known to fit.

    Raises:
        ModelError: the forward raises, writes its own parameters, or does not repeat itself.
        UsageError: the batch is too large for the memory available.
        KeyboardInterrupt: Ctrl-C before anything was measured; later it ends the round, marked partial.
    """
    report: Progress = progress or (lambda text, share: None)
    kind, _, argument = spec.device.partition(":")
    ordinal = ordinal_of(spec.device)
    gpu = nullcontext() if ordinal is None else on_gpu(ordinal, spec.batch_size)
    with left_as_found(model, spec.threads), gpu:
        report("counting", 0.0)
        was_counted = check_before(model, inputs, spec)
        if kind != "fake":  # a copy: a forward may write its input
            inputs = make_inputs() if make_inputs is not None else inputs.map(torch.clone)
        prepared, inputs = with_setting(model, inputs, spec)
        report("recording every call", 0.0)
        setup: Setup | CudaSetup
        if ordinal is not None:
            setup = on_cuda(prepared, inputs, spec, was_counted)
        elif kind == "fake":
            setup = on_fake(prepared, inputs, spec, Path(argument) if argument else None)
        else:
            setup = on_cpu(prepared, inputs, spec, was_counted)
        return _measure(setup, inputs, spec, name, source, report)


def _measure(
    setup: Setup | CudaSetup, inputs: Inputs, spec: RunSpec, name: str, source: str, report: Progress
) -> Profile:
    ordinal = ordinal_of(spec.device)
    uuid, cuda = (None, None) if ordinal is None else (gpu_uuid(ordinal), cuda_state(ordinal))
    started = replace(environment(spec.malloc), cuda=cuda)
    watch, gpu_watch = LoadWatch(), GpuWatch(spec.device, uuid)
    finished, calls, notes = _round(setup, spec, report)
    started, gpu_notes = gpu_watch.finish(started)
    energy = Energy(None, reason=INTERRUPTED)
    if finished.stopped_because != INTERRUPTED:
        report("measuring energy", 1.0)
        meter = partial(start_meter, spec.device, started.emulated, uuid)
        energy = measure_energy(setup.subject, meter, spec.min_time_s)
    return Profile(
        spec=replace(spec, threads=setup.device.threads or spec.threads),
        model=model_info(setup.model, inputs, name, source, spec),
        environment=started,
        device=setup.device,
        calls=calls,
        rounds=(replace(finished, energy=energy),),
        notes=(*setup.notes, *notes, *watch.notes(setup.device, started.emulated), *gpu_notes),
        partial=energy.reason == INTERRUPTED,
    )


def _round(
    setup: Setup | CudaSetup, spec: RunSpec, report: Progress
) -> tuple[Round, tuple[OpCall, ...], tuple[Note, ...]]:
    """Raises KeyboardInterrupt where nothing was measured before it."""
    limits = Limits(spec.min_time_s, spec.max_time_s, spec.warmup)
    if isinstance(setup, CudaSetup):
        on_it = measure_gpu_round(setup, spec, limits, report)
        if on_it is None:
            raise KeyboardInterrupt
        return on_it.measured, on_it.calls, on_it.notes
    rng = random.Random(spec.seed)
    report("calibrating", 0.0)
    calibration = calibrate(setup.subject, setup.smaller, setup.method, spec.max_time_s, rng)
    finished = measure_round(setup.subject, calibration, limits, rng, report)
    if finished is None:
        raise KeyboardInterrupt
    return finished, setup.calls, ()


def check_before(model: nn.Module, inputs: Inputs, spec: RunSpec) -> bool:
    """Refuses what shapes alone show to be hopeless; False where they show nothing (the network needs values, or an
    operator of its own has no rule for shapes: the real pass will tell whether that is a mistake)."""
    try:
        counted = static_capture(model, inputs)
    except ModelError:
        return False
    refuse_writes_to_parameters(counted.calls)
    weights_bytes = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    peak_bytes, ordinal = peak_activation_bytes(counted.calls), ordinal_of(spec.device)
    if ordinal is None:
        refuse_too_large(weights_bytes, peak_bytes, spec.batch_size)
    else:  # counted before the precision is applied: what may be half as large is refused by torch, if at all
        share = 1 if spec.precision == own_precision(model, inputs) else 2
        there_bytes = sum(p.numel() * p.element_size() for p in model.parameters() if p.is_cuda)
        gpu_bytes = free_bytes(ordinal) + there_bytes
        refuse_too_large(weights_bytes // share, peak_bytes // share, spec.batch_size, gpu_bytes)
    return True

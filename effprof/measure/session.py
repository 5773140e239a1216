"""A whole measurement in this process: from a network and its input to a Profile with one round."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from effprof.analyze.memory import peak_activation_bytes
from effprof.capture import Inputs
from effprof.errors import ModelError
from effprof.measure.calibrate import calibrate
from effprof.measure.energy import INTERRUPTED, measure_energy, start_meter
from effprof.measure.environment import GpuWatch, LoadWatch, environment
from effprof.measure.guard import left_as_found
from effprof.measure.prepare import model_info, with_setting
from effprof.measure.rounds import Limits, Progress, measure_round
from effprof.measure.setup import Setup, on_cpu, on_fake
from effprof.measure.static import refuse_too_large, refuse_writes_to_parameters, static_capture
from effprof.records import Energy, Profile, RunSpec


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
    with left_as_found(model, spec.threads):
        report("counting", 0.0)
        was_counted = check_before(model, inputs, spec)
        if kind != "fake":  # a copy: a forward may write its input
            inputs = make_inputs() if make_inputs is not None else inputs.map(torch.clone)
        prepared, inputs = with_setting(model, inputs, spec)
        report("recording every call", 0.0)
        if kind == "fake":
            setup = on_fake(prepared, inputs, spec, Path(argument) if argument else None)
        else:
            setup = on_cpu(prepared, inputs, spec, was_counted)
        return _measure(setup, inputs, spec, name, source, report)


def _measure(setup: Setup, inputs: Inputs, spec: RunSpec, name: str, source: str, report: Progress) -> Profile:
    rng = random.Random(spec.seed)
    started = environment(spec.malloc)
    watch, gpu_watch = LoadWatch(), GpuWatch(spec.device)
    report("calibrating", 0.0)
    calibration = calibrate(setup.subject, setup.smaller, setup.method, spec.max_time_s, rng)
    limits = Limits(spec.min_time_s, spec.max_time_s, spec.warmup)
    finished = measure_round(setup.subject, calibration, limits, rng, report)
    if finished is None:
        raise KeyboardInterrupt
    started, gpu_notes = gpu_watch.finish(started)
    energy = Energy(None, reason=INTERRUPTED)
    if finished.stopped_because != INTERRUPTED:
        report("measuring energy", 1.0)
        meter = partial(start_meter, spec.device, started.emulated)
        energy = measure_energy(setup.subject, meter, spec.min_time_s)
    return Profile(
        spec=replace(spec, threads=setup.device.threads),
        model=model_info(setup.model, inputs, name, source, spec),
        environment=started,
        device=setup.device,
        calls=setup.calls,
        rounds=(replace(finished, energy=energy),),
        notes=(*setup.notes, *watch.notes(setup.device, started.emulated), *gpu_notes),
        partial=energy.reason == INTERRUPTED,
    )


def check_before(model: nn.Module, inputs: Inputs, spec: RunSpec) -> bool:
    """Refuses what shapes alone show to be hopeless; False where they show nothing (the network needs values, or an
    operator of its own has no rule for shapes: the real pass will tell whether that is a mistake)."""
    try:
        counted = static_capture(model, inputs)
    except ModelError:
        return False
    refuse_writes_to_parameters(counted.calls)
    weights_bytes = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    refuse_too_large(weights_bytes, peak_activation_bytes(counted.calls), spec.batch_size)
    return True

"""What must be true of a profile beyond its types, before any arithmetic is done on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from effprof.device_records import DeviceTrace, GpuRound
from effprof.records import OpCall, Profile, Round, Samples, TensorSpec

MAX_TIME_S = 1e13
"""Longer than any trace that can be imported; sums of such times stay far from what a float can hold."""
MAX_COUNT = 2**60
"""Elements, bytes, parameters; products of a few stay far from what a float can hold."""


def find_problem(profile: Profile) -> str | None:
    """The first contradiction, in words; None when the profile is sound."""
    return next(_problems(profile), None)


def _problems(profile: Profile) -> Iterator[str]:
    yield from _spec_problems(profile)
    yield from _model_problems(profile)
    for position, call in enumerate(profile.calls):
        if call.index != position:
            yield f"call {position} says that its index is {call.index}"
        yield from (f"call {position} {text}" for text in _call_problems(call))
    if profile.device_trace is not None:
        yield from _trace_problems(profile.device_trace, len(profile.calls))
    for position, one_round in enumerate(profile.rounds):
        yield from (f"round {position} {text}" for text in _round_problems(one_round, len(profile.calls)))


def _spec_problems(profile: Profile) -> Iterator[str]:
    spec = profile.spec
    if not 1 <= spec.batch_size <= MAX_COUNT:
        yield f"the batch size is {spec.batch_size}"
    if _bad_time((spec.min_time_s, spec.max_time_s)) is not None:
        yield f"min_time_s is {spec.min_time_s} and max_time_s {spec.max_time_s}"


def _model_problems(profile: Profile) -> Iterator[str]:
    model, crosscheck = profile.model, profile.crosscheck
    if (bad := _bad_count((model.parameters, model.weights_bytes))) is not None:
        yield f"the model's parameters or their bytes are {bad}"
    if (bad := _bad_count(module.parameters for module in model.modules)) is not None:
        yield f"a module has {bad} parameters"
    if crosscheck is not None and (bad := _bad_count((crosscheck.fvcore_mult_adds, crosscheck.torch_mult_adds))):
        yield f"another library counts {bad} multiply-adds"


def _call_problems(call: OpCall) -> Iterator[str]:
    if len(call.inputs) != len(call.input_names):
        yield f"has {len(call.inputs)} inputs and {len(call.input_names)} input names"
    if not 1 <= call.count <= MAX_COUNT:
        yield f"was executed {call.count} times"
    for position in call.written:
        if not 0 <= position < len(call.inputs):
            yield f"writes to input {position} of {len(call.inputs)}"
    for spec in (*call.inputs, *call.outputs):
        yield from _tensor_problems(spec)


def _tensor_problems(spec: TensorSpec) -> Iterator[str]:
    if spec.strides and len(spec.shape) != len(spec.strides):  # sparse and nested tensors have none
        yield f"has a tensor with {len(spec.shape)} axes and {len(spec.strides)} strides"
    elements = math.prod(max(size, 1) for size in spec.shape)
    if min(spec.shape, default=0) < 0 or _bad_count((elements, spec.item_bytes, *spec.strides)) is not None:
        yield f"has a tensor of shape {spec.shape} with {spec.item_bytes} bytes an element"


def _trace_problems(trace: DeviceTrace, call_count: int) -> Iterator[str]:
    if not trace.activities:
        yield "its device trace holds no activities"
    for position, one in enumerate(trace.activities):
        if (bad := _bad_time((one.start_s, one.duration_s))) is not None:
            yield f"device activity {position} has the time {bad}"
        if one.launched_s is not None and not abs(one.launched_s) <= MAX_TIME_S:
            yield f"device activity {position} was launched at {one.launched_s}"
        if (size := _bad_count((one.moved_bytes,))) is not None:
            yield f"device activity {position} moved {size} bytes"
        for name, index, count in (
            ("call", one.call, call_count),
            ("name", one.name, len(trace.names)),
            ("device", one.device, len(trace.devices)),
        ):
            if not 0 <= index < count:
                yield f"device activity {position} names {name} {index}; there are {count}"
    if (bad := _bad_time(step.time_s for step in trace.steps)) is not None:
        yield f"a step has the time {bad}"
    for position, run in enumerate(trace.runs):
        if not -MAX_TIME_S <= run.start_s <= run.end_s <= MAX_TIME_S:
            yield f"profiled run {position} lasts from {run.start_s} to {run.end_s}"
    if any(one.start_s > other.start_s for one, other in zip(trace.runs, trace.runs[1:], strict=False)):
        yield "its profiled runs are not in order"


def _gpu_problems(gpu: GpuRound, plain_runs: int, call_count: int) -> Iterator[str]:
    if (bad := _bad_time(gpu.wall_s)) is not None:
        yield f"has the wall-clock time {bad}"
    if len(gpu.wall_s) != plain_runs:
        yield f"has {plain_runs} plain runs and {len(gpu.wall_s)} wall-clock times"
    if (size := _bad_count((gpu.peak_memory_bytes,))) is not None:
        yield f"had {size} bytes allocated"
    if gpu.trace is not None:
        if not gpu.trace.runs:
            yield "has a device trace without runs"
        yield from _trace_problems(gpu.trace, call_count)


def _round_problems(one_round: Round, call_count: int) -> Iterator[str]:
    yield from _samples_problems("plain", one_round.plain)
    yield from _samples_problems("instrumented", one_round.instrumented)
    runs = len(one_round.instrumented.times_s)
    for position, op in enumerate(one_round.ops):
        if len(op.times_s) != runs:
            yield f"has {runs} instrumented runs but {len(op.times_s)} times for op {position}"
        if (bad := _bad_time(op.times_s)) is not None:
            yield f"has the time {bad} for op {position}"
        if (count := _bad_count((op.nested,))) is not None:
            yield f"has {count} ops within op {position}"
        for index in op.calls:
            if not 0 <= index < call_count:
                yield f"names call {index} in op {position}; there are {call_count}"
    if one_round.gpu is not None:
        yield from _gpu_problems(one_round.gpu, len(one_round.plain.times_s), call_count)
    calibration = one_round.calibration
    # An estimate may come out below zero, a reading may not.
    estimates_s = (calibration.inside_s, calibration.outside_s, calibration.nested_s)
    if not all(abs(estimate_s) <= MAX_TIME_S for estimate_s in estimates_s):
        yield f"has the calibration {', '.join(map(str, estimates_s))}"
    for point in calibration.points:
        if (bad := _bad_time((*point.plain_s, *point.instrumented_s))) is not None:
            yield f"has the time {bad} in a calibration point"
    energy = one_round.energy
    if energy is not None and (bad := _bad_time((energy.energy_j or 0.0, energy.window_s or 0.0))) is not None:
        yield f"has the value {bad} in its energy"
    if strange := set(one_round.order) - {"A", "B"}:
        yield f"has {min(strange)!r} in its order; known are A and B"


def _samples_problems(name: str, samples: Samples) -> Iterator[str]:
    if (bad := _bad_time((*samples.times_s, *samples.warmup_s))) is not None:
        yield f"has the time {bad} among its {name} runs"
    if samples.page_faults and len(samples.page_faults) != len(samples.times_s):
        yield f"has {len(samples.times_s)} {name} runs and {len(samples.page_faults)} page fault counts"
    if (count := _bad_count(samples.page_faults)) is not None:
        yield f"has {count} page faults in a {name} run"


def _bad_time(times_s: Iterable[float]) -> float | None:
    return next((time_s for time_s in times_s if not 0 <= time_s <= MAX_TIME_S), None)


def _bad_count(counts: Iterable[int | None]) -> int | None:
    return next((count for count in counts if count is not None and not 0 <= count <= MAX_COUNT), None)

"""Profile -> Analysis: every call costed, categorised and timed, and the sums by category and layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from effprof.analyze.categories import DepthwiseAs, Placement, place
from effprof.analyze.device import cost_recorded_calls, device_accounting, device_time_of, step_latency
from effprof.analyze.device_notes import device_notes, gpu_notes
from effprof.analyze.gpu_runs import gpu_accounting, gpu_ops, gpu_processes, gpu_time
from effprof.analyze.layers import layer_totals
from effprof.analyze.memory import peak_activation_bytes
from effprof.analyze.notes import derive_notes
from effprof.analyze.shuffle import find_shuffles
from effprof.analyze.sums import known_sum, mult_adds_of, total_costs
from effprof.analyze.timing import (
    RoundTimes,
    accounting_of,
    latency_of,
    round_times,
    span_times,
    total_work_s,
    working_spans,
)
from effprof.cost import cost_of
from effprof.device_records import DeviceTime, DeviceTrace
from effprof.records import Accounting, Analysis, Category, CostedOp, OpCall, Profile, Round, Share


def analyze(profile: Profile, *, depthwise_as: DepthwiseAs = "conv") -> Analysis:
    """All that follows from a profile.

    Without timed runs (`effprof count`) latency, accounting and all times are None. Fractions are of the latency;
    those of all categories and the residual's add up to 1.

    Of an imported trace times are the device's, and fractions are of its span, from the first activity to the last end.

    On a GPU times are the device's too, and the latency is that of CUDA events around plain runs.

    Raises BadFileError when the profile contradicts itself.
    """
    if profile.device_trace is not None:
        return _analyze_trace(profile, profile.device_trace, depthwise_as)
    ops = cost_calls(profile.calls, depthwise_as)
    latency = latency_of(profile.rounds, profile.spec.batch_size, profile.spec.seed)
    accounting = device_time = latency_s = None
    if latency is not None:
        latency_s = latency.median_s
        if any(one.gpu is not None for one in profile.rounds):
            ops, accounting, device_time = _timed_by_device(profile, ops, latency_s, depthwise_as)
        else:
            ops, accounting = _timed_by_host(profile, ops, latency_s)
    totals = total_costs(ops)
    seen = () if device_time is None or latency_s is None else gpu_notes(device_time, latency_s)
    return Analysis(
        latency=latency,
        accounting=accounting,
        totals=totals,
        categories=category_shares(ops, accounting, latency_s),
        layers=layer_totals(ops, profile.model.modules, latency_s, timed=accounting is not None),
        ops=ops,
        peak_activation_bytes=peak_activation_bytes(profile.calls),
        notes=(*derive_notes(profile, latency, accounting, totals), *seen),
        device_time=device_time,
    )


def _analyze_trace(profile: Profile, trace: DeviceTrace, depthwise_as: DepthwiseAs) -> Analysis:
    ops = cost_recorded_calls(profile.calls, trace, depthwise_as)
    device_time = device_time_of(trace, ops)
    accounting = device_accounting(device_time)
    totals = total_costs(ops)
    return Analysis(
        latency=step_latency(trace, profile.spec.seed),
        accounting=accounting,
        totals=totals,
        categories=category_shares(ops, accounting, device_time.span_s),
        layers=layer_totals(ops, profile.model.modules, device_time.span_s, timed=True),
        ops=ops,
        peak_activation_bytes=None,
        notes=device_notes(profile, device_time, ops),
        device_time=device_time,
    )


def _timed_by_host(
    profile: Profile, ops: tuple[CostedOp, ...], latency_s: float
) -> tuple[tuple[CostedOp, ...], Accounting | None]:
    """The calls with their times, and how they make the latency; as they are and None where none was timed."""
    works = {op.call.index for op in ops if op.category is not Category.OVERHEAD}
    rounds = round_times(profile.rounds, works.__contains__)
    if not rounds:
        return ops, None
    timed, scale = _with_times(ops, profile.rounds, rounds)
    return timed, accounting_of(rounds, latency_s, scale, profile.spec.seed)


def _timed_by_device(
    profile: Profile, ops: tuple[CostedOp, ...], latency_s: float, depthwise_as: DepthwiseAs
) -> tuple[tuple[CostedOp, ...], Accounting | None, DeviceTime | None]:
    """The same of runs on a GPU, and what it did; times are the device's."""
    processes = gpu_processes(profile.rounds)
    if not processes:
        return ops, None, None
    timed = gpu_ops(ops, processes, depthwise_as)
    return timed, gpu_accounting(processes, latency_s, profile.spec.seed), gpu_time(processes, timed)


def cost_calls(calls: Sequence[OpCall], depthwise_as: DepthwiseAs = "conv") -> tuple[CostedOp, ...]:
    """Every call with its cost and category, not timed."""
    shuffles = find_shuffles(calls)
    costed = []
    for call in calls:
        placement = place(call, depthwise_as)
        if call.index in shuffles and not call.is_view:
            placement = Placement(Category.SHUFFLE, shuffles[call.index])
        costed.append(CostedOp(call, cost_of(call), placement.category, placement.kind, None, None))
    return tuple(costed)


def category_shares(
    ops: Sequence[CostedOp], accounting: Accounting | None, latency_s: float | None
) -> tuple[Share, ...]:
    """All categories in their fixed order, empty ones too. The row `overhead` is `Accounting.overhead_s`."""
    rows = []
    for category in Category:
        own = [op for op in ops if op.category is category]
        time_s = None
        if accounting is not None:
            time_s = accounting.overhead_s if category is Category.OVERHEAD else sum(op.time_s or 0.0 for op in own)
        rows.append(
            Share(
                category=category,
                time_s=time_s,
                fraction=None if time_s is None or not latency_s else time_s / latency_s,
                mult_adds=mult_adds_of(own),
                access_bytes=known_sum(op.cost.access_bytes for op in own),
                op_count=sum(op.call.count for op in own),
            )
        )
    return tuple(rows)


def _with_times(
    ops: tuple[CostedOp, ...], measured: Sequence[Round], rounds: Sequence[RoundTimes]
) -> tuple[tuple[CostedOp, ...], float]:
    """The calls with their times, and the factor that makes them add up to `ops_s`.

    Calls that share a span divide its time by the memory they access, views among them get nothing. A span of views
    alone is divided evenly; its times are part of the overhead and are not scaled.
    """
    by_index = {op.call.index: position for position, op in enumerate(ops)}
    working = {op.call.index for op in ops if op.category is not Category.OVERHEAD}
    spans = next(r for r in measured if r.plain.times_s and r.instrumented.times_s)
    works = working_spans(spans, working.__contains__)
    times = span_times(rounds, works)
    worked_s = float(times.median_s[works].sum())
    scale = total_work_s(rounds) / worked_s if worked_s > 0 else 1.0
    timed = list(ops)
    for number, span in enumerate(spans.ops):
        factor = scale if works[number] else 1.0
        inside = [ops[by_index[index]] for index in span.calls]
        for op, share in zip(inside, span_shares(inside), strict=True):
            timed[by_index[op.call.index]] = replace(
                op,
                time_s=float(times.median_s[number]) * factor * share,
                iqr_s=float(times.iqr_s[number]) * factor * share,
            )
    return tuple(timed), scale


def span_shares(inside: Sequence[CostedOp]) -> list[float]:
    """How the calls of one span divide its time; adds up to 1 where there are any."""
    working = [op.category is not Category.OVERHEAD for op in inside]
    if not any(working):
        return [1 / len(inside) for _ in inside]
    weights = [(op.cost.access_bytes or 0) if works else 0 for op, works in zip(inside, working, strict=True)]
    if not any(weights):
        weights = [int(works) for works in working]
    return [weight / sum(weights) for weight in weights]

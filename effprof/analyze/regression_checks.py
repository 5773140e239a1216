"""How far a regression can be trusted: errors on networks it never saw, ranking, error bars, a device as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from effprof.analyze.regression import (
    CONV,
    CONV3X3,
    DEPTHWISE,
    GROUPED,
    MATMUL,
    MOVED,
    POINTWISE,
    Array,
    Formula,
    Latencies,
    Networks,
    Table,
    Work,
    fit_devices,
)
from effprof.records import Category, CostedOp

FUSED_ACTIVATIONS = frozenset({"relu", "relu6", "hardtanh"})
FORMAT = "effprof.device-regression/1"
MIN_NETWORKS = 5


def works_of(ops: Sequence[CostedOp], *, fused: bool = False) -> tuple[Work, ...]:
    """The ops of a counted network as formulas see them, views left out.

    Args:
        fused: as an inference engine runs the network: batch-norms folded and ReLUs inside the op before them.
    """
    works = []
    for op in ops:
        if op.category is Category.OVERHEAD:
            continue
        if fused and (op.call.op == "batch_norm" or op.call.op in FUSED_ACTIVATIONS):
            continue
        works.append(_work_of(op))
    return tuple(works)


def _work_of(op: CostedOp) -> Work:
    work, access = op.cost.mult_adds or 0, op.cost.access_bytes or 0
    weight = op.call.tensor("weight")
    output = op.call.outputs[0].shape if op.call.outputs else ()
    if op.category is Category.CONV and weight is not None and len(weight.shape) > 2 and len(output) > 2:
        area = math.prod(weight.shape[2:])
        return Work(
            _conv_kind(op, area),
            work,
            access,
            positions=output[0] * math.prod(output[2:]),
            columns=output[1],
            depth=weight.shape[1] * area,
            group_channels=weight.shape[1],
        )
    return Work(MATMUL if op.category is Category.MATMUL else MOVED, work, access)


def _conv_kind(op: CostedOp, area: int) -> int:
    if op.kind == "depthwise":
        return DEPTHWISE
    if op.kind == "grouped":
        return GROUPED
    if area == 1:
        return POINTWISE
    stride = op.call.arguments.get("stride", 1)
    steps = stride if isinstance(stride, tuple) else (stride,)
    return CONV3X3 if area == 9 and set(steps) == {1} else CONV


def leave_out(
    formula: Formula, networks: Networks, latencies: Latencies, group: Callable[[str], str] = lambda name: name
) -> dict[str, dict[str, float]]:
    """Predicted seconds by device and network, each from a fit that saw no network of its group on any device."""
    predicted: dict[str, dict[str, float]] = {device: {} for device in latencies}
    names = [name for name in networks if any(name in of_device for of_device in latencies.values())]
    for left_out in dict.fromkeys(group(name) for name in names):
        seen = {name: networks[name] for name in names if group(name) != left_out}
        unseen = [name for name in names if group(name) == left_out]
        training = {
            device: {name: value for name, value in of_device.items() if name in seen}
            for device, of_device in latencies.items()
            if any(name in of_device for name in unseen) or formula.shared is not None
        }
        fitted = fit_devices(formula, seen, {device: of_device for device, of_device in training.items() if of_device})
        for device, values in fitted.items():
            asked = [name for name in unseen if name in latencies[device]]
            if asked:
                seconds = formula.seconds(values, Table.of([networks[name] for name in asked]))
                predicted[device].update(zip(asked, seconds.tolist(), strict=True))
    return predicted


def mape(predicted: Mapping[str, float], measured: Mapping[str, float]) -> float:
    """Mean over the predicted networks of |predicted / measured - 1|."""
    return float(np.mean([abs(value / measured[name] - 1) for name, value in predicted.items()]))


def spearman(first: Sequence[float] | Array, second: Sequence[float] | Array) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN where one side is constant."""
    one, two = _ranks(np.asarray(first, dtype=np.float64)), _ranks(np.asarray(second, dtype=np.float64))
    if one.std() == 0 or two.std() == 0:
        return math.nan
    return float(np.corrcoef(one, two)[0, 1])


def rank_agreement(predicted: Mapping[str, float], measured: Mapping[str, float]) -> float:
    return spearman(list(predicted.values()), [measured[name] for name in predicted])


def _ranks(values: Array) -> Array:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], dtype=np.float64)


def error_bars(
    formula: Formula,
    networks: Networks,
    latencies: Latencies,
    resamples: int = 100,
    seed: int = 0,
    group: Callable[[str], str] = lambda name: name,
) -> dict[str, Array]:
    """95 % percentile bootstrap over networks, (coefficients, 2) by device: what other networks would have given.

    A draw holds the same networks for all devices, and the profile they share is fitted anew. Names of one `group` are
    drawn together.
    """
    names = [name for name in networks if any(name in of_device for of_device in latencies.values())]
    groups = list(dict.fromkeys(group(name) for name in names))
    rng = np.random.default_rng(seed)
    draws: dict[str, list[Array]] = {device: [] for device in latencies}
    for _ in range(resamples):
        times = np.bincount(rng.integers(len(groups), size=len(groups)), minlength=len(groups))
        drawn = dict(zip(groups, times.tolist(), strict=True))
        weights = {name: float(drawn[group(name)]) for name in names}
        for device, values in fit_devices(formula, networks, latencies, weights).items():
            draws[device].append(values)
    return {
        device: np.asarray(np.quantile(np.array(values), (0.025, 0.975), axis=0, method="nearest").T)
        for device, values in draws.items()
    }


def device_record(
    formula: Formula,
    device: str,
    values: Array,
    bars: Array,
    figures: Mapping[str, float | None],
    source: Mapping[str, Any],
) -> dict[str, Any]:
    """A fitted device for a JSON file."""
    return {
        "format": FORMAT,
        "device": device,
        "formula": formula.name,
        "says": formula.says,
        "coefficients": coefficient_records(formula, values, bars),
        "leave_one_network_out": {name: rounded(value) for name, value in figures.items()},
        "source": dict(source),
    }


def coefficient_records(formula: Formula, values: Array, bars: Array) -> list[dict[str, Any]]:
    """Plain data; a rate that the networks do not bound (nothing left for it) is None."""
    return [
        {
            "name": coefficient.name,
            "unit": coefficient.unit,
            "value": rounded(value),
            "ci95": [rounded(low), rounded(high)],
        }
        for coefficient, value, (low, high) in zip(formula.coefficients, values, bars, strict=True)
    ]


def rounded(value: float | None) -> float | None:
    """Four digits that count; None for what is not finite, which JSON cannot say."""
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None

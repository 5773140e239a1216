"""The formulas that were compared, on the tables that the choice rests on and on no other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from effprof.analyze.regression import FEATURES, WORK_AND_BYTES, WORK_ONLY, Formula, arm_roofline, gpu_roofline
from effprof.analyze.regression_checks import Latencies, Networks, leave_out, mape, rank_agreement
from effprof.analyze.regression_study import family

GPU_CHOICE = "TITAN RTX"


@dataclass(frozen=True)
class Candidate:
    table: str
    formula: str
    options: str
    network_mape: float
    """Leave-one-network-out, mean over devices."""
    family_mape: float | None
    spearman: float
    """Median over devices."""


def gpu_candidates(networks: Networks, latencies: Latencies) -> list[Candidate]:
    """On TITAN RTX alone; best family-left-out error first."""
    only = {GPU_CHOICE: latencies[GPU_CHOICE]}
    rows = [_judged(formula, "", GPU_CHOICE, networks, only, True) for formula in (WORK_ONLY, WORK_AND_BYTES, FEATURES)]
    either = dict.fromkeys(("filling", "kernels", "padded", "queued"), (True, False))
    for options in _choices(summed=(False, True), **either):
        rows.append(_judged(gpu_roofline(**options), _words(options), GPU_CHOICE, networks, only, True))
    return sorted(rows, key=lambda row: row.family_mape or 0.0)


def arm_candidates(networks: Networks, history: Latencies) -> list[Candidate]:
    """On the history of ncnn's table alone; best mean error first."""
    name = "ncnn_benchmark_history"
    rows = [_judged(formula, "", name, networks, history, False) for formula in (WORK_ONLY, WORK_AND_BYTES, FEATURES)]
    for options in _choices(summed=(False, True), filling=(True, False), shared=(0.3, 1.0, 3.0, 30.0)):
        rows.append(_judged(arm_roofline(**options), _words(options), name, networks, history, False))
    return sorted(rows, key=lambda row: row.network_mape)


def _choices(**values: tuple[object, ...]) -> Iterator[dict[str, object]]:
    for combination in itertools.product(*values.values()):
        yield dict(zip(values, combination, strict=True))


def _words(options: dict[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in options.items())


def _judged(
    formula: Formula, options: str, table: str, networks: Networks, latencies: Latencies, families: bool
) -> Candidate:
    predicted = leave_out(formula, networks, latencies)
    errors = [mape(predicted[device], latencies[device]) for device in latencies]
    ranks = [rank_agreement(predicted[device], latencies[device]) for device in latencies]
    by_family = None
    if families:
        unseen = leave_out(formula, networks, latencies, family)
        by_family = float(np.mean([mape(unseen[device], latencies[device]) for device in latencies]))
    return Candidate(table, formula.name, options, float(np.mean(errors)), by_family, float(np.median(ranks)))

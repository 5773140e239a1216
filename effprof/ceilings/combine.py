"""What the processes saw -> `Ceilings`. Torch-free arithmetic.

A ceiling is the median over fresh processes of what the chosen trial reached in each; its interval is that median's.
The spread between processes is the standard deviation of the logarithms of a network's median latency, the larger of
two networks', with the interval that normal logarithms would have: s sqrt((n - 1) / chi2).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from effprof.ceiling_records import (
    ComputeCeiling,
    DispatchCeiling,
    Estimate,
    NetworkSpread,
    ProcessSpread,
    TrafficCeiling,
)
from effprof.ceilings.tasks import Observed, grouped
from effprof.ceilings.trials import CONVOLUTIONS, DISPATCHES, STREAMS, Trial, name_of
from effprof.statistics import median, median_ci95

_TAILS = (0.975, 0.025)


def estimate(values: Sequence[float]) -> Estimate:
    """Of one value a process."""
    return Estimate(median(values), median_ci95(values), tuple(values))


def compute_ceilings(searched: Observed, timed: Sequence[Observed]) -> tuple[ComputeCeiling, ...]:
    return tuple(
        ComputeCeiling(trial.kind, _rates(trial, fast_s), name_of(trial), count)
        for trial, count, fast_s in _rows(searched, timed)
        if trial.kind == "matmul" or trial.kind in CONVOLUTIONS
    )


def traffic_ceilings(searched: Observed, timed: Sequence[Observed]) -> tuple[TrafficCeiling, ...]:
    return tuple(
        TrafficCeiling(trial.kind, trial.shape[0], _rates(trial, fast_s), name_of(trial))
        for trial, _, fast_s in _rows(searched, timed)
        if trial.kind in STREAMS
    )


def dispatch_ceilings(searched: Observed, timed: Sequence[Observed]) -> tuple[DispatchCeiling, ...]:
    return tuple(
        DispatchCeiling(trial.kind, estimate([one / trial.work for one in fast_s]), name_of(trial))
        for trial, _, fast_s in _rows(searched, timed)
        if trial.kind in DISPATCHES
    )


def spread_of(malloc: str, networks: Sequence[str], ran: Sequence[Observed]) -> ProcessSpread:
    """From the latencies of two processes or more, all above 0."""
    own = tuple(
        NetworkSpread(name, medians_s, statistics.stdev(math.log(median_s) for median_s in medians_s))
        for name, medians_s in zip(networks, grouped([one.networks_s for one in ran]), strict=True)
    )
    widest = max(network.spread for network in own)
    low, high = (widest * factor for factor in _deviation_factors(len(ran)))
    return ProcessSpread(malloc, widest, (low, high), len(ran), own)


def _deviation_factors(count: int) -> tuple[float, float]:
    """Of a standard deviation of `count` normal values, the 95 % interval's ends."""
    from scipy.special import chdtri  # not at the top, as in `statistics`: most of what imports this asks for none

    freedom = count - 1
    # chdtri takes the upper tail.
    low, high = (math.sqrt(freedom / float(chdtri(freedom, 1 - tail))) for tail in _TAILS)
    return low, high


def _rows(searched: Observed, timed: Sequence[Observed]) -> list[tuple[Trial, int, tuple[float, ...]]]:
    columns = grouped([one.fast_s for one in timed])
    return list(zip(searched.chosen, searched.candidates, columns, strict=True))


def _rates(trial: Trial, fast_s: Sequence[float]) -> Estimate:
    return estimate([trial.work / one for one in fast_s])

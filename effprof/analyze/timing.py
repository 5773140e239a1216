"""From samples to times: the headline, the accounting, and what each call took.

Notation of one round: o[k, j] = raw time of span k in instrumented run j, i[j] = length of that run, n = number of
spans, c_in and c_out = what the instrumentation costs inside and outside one span. A span works when any of its calls
does more than make a view. (With the timer `kineto`, c_in of a span holds the cost of the ops recorded within it.)

    work[j] = sum over working spans of (o[k, j] - c_in)
    rest[j] = i[j] - sum over all spans of o[k, j] - n * c_out + sum over the other spans of (o[k, j] - c_in)

`ops_s` and `overhead_s` are the medians of work and rest, and the residual is what they leave of the latency of the
runs that were not instrumented. Over several rounds each is the median of the rounds' own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effprof.errors import BadFileError
from effprof.records import Accounting, Latency, Round
from effprof.statistics import bootstrap_medians, interval95, median, median_ci95, quantile

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MIN_RUNS_P90 = 64
MIN_RUNS_P99 = 662
RESAMPLES = 1000


@dataclass(frozen=True)
class RoundTimes:
    """One round with the instrumentation taken off."""

    plain_s: Array
    """Shape (runs without instrumentation,)."""
    profiled_s: Array
    """Shape (instrumented runs,): whole lengths, instrumentation included."""
    work_s: Array
    rest_s: Array
    spans_s: Array
    """Shape (spans, instrumented runs)."""
    pairs: npt.NDArray[np.intp]
    """Shape (pairs, 2): positions in `plain_s` and in `profiled_s` of runs that were neighbours."""


@dataclass(frozen=True)
class SpanTimes:
    """Shape (spans,) each; not yet scaled to the accounting."""

    median_s: Array
    iqr_s: Array


def round_times(rounds: Sequence[Round], does_work: Callable[[int], bool]) -> list[RoundTimes]:
    """The rounds in which both kinds of runs were finished.

    Raises BadFileError when the rounds timed different spans or a span has not one time for each instrumented run.
    """
    complete = [r for r in rounds if r.plain.times_s and r.instrumented.times_s]
    if any([op.calls for op in r.ops] != [op.calls for op in complete[0].ops] for r in complete):
        raise BadFileError("The rounds timed different spans; all rounds must be of the same network and input.")
    return [_round_times(r, does_work) for r in complete]


def _round_times(measured: Round, does_work: Callable[[int], bool]) -> RoundTimes:
    profiled = np.array(measured.instrumented.times_s)
    if any(len(op.times_s) != len(profiled) for op in measured.ops):
        raise BadFileError(f"A span has not one time for each of the {len(profiled)} instrumented runs.")
    spans = np.array([op.times_s for op in measured.ops]).reshape(len(measured.ops), len(profiled))
    works = working_spans(measured, does_work)
    calibration = measured.calibration
    nested = np.array([op.nested for op in measured.ops], dtype=float).reshape(len(measured.ops), 1)
    net = spans - calibration.inside_s - nested * calibration.nested_s
    between = profiled - spans.sum(axis=0) - len(spans) * calibration.outside_s
    return RoundTimes(
        plain_s=np.array(measured.plain.times_s),
        profiled_s=profiled,
        work_s=net[works].sum(axis=0),
        rest_s=between + net[~works].sum(axis=0),
        spans_s=net,
        pairs=neighbours(measured.order, len(measured.plain.times_s), len(profiled)),
    )


def working_spans(measured: Round, does_work: Callable[[int], bool]) -> Mask:
    """Shape (spans,): which of them hold a call that is no view."""
    return np.array([any(map(does_work, op.calls)) for op in measured.ops], dtype=bool)


def neighbours(order: str, plain_runs: int, instrumented_runs: int) -> npt.NDArray[np.intp]:
    """Positions (of A, of B) of runs that came right after one another; from the left, each run in one pair at most.

    `ABBAAB` gives (0, 0), (1, 1), (2, 2); of `AAB` the first A stays alone.
    """
    pairs: list[tuple[int, int]] = []
    seen = {"A": 0, "B": 0}
    waiting: str | None = None
    for kind in order:
        if waiting is not None and kind != waiting:
            waiting = None
            pairs.append((seen["A"] - (kind == "B"), seen["B"] - (kind == "A")))
        else:
            waiting = kind
        seen[kind] += 1
    known = [(a, b) for a, b in pairs if a < plain_runs and b < instrumented_runs]
    return np.array(known, dtype=np.intp).reshape(len(known), 2)


def latency_of(rounds: Sequence[Round], batch_size: int, seed: int) -> Latency | None:
    """The headline: plain runs only. None when nothing was timed, or by a clock that never moved.

    Over several rounds: the median of their medians, with an interval bootstrapped over rounds, because processes
    differ by more than the runs of one.
    """
    timed = [r for r in rounds if r.plain.times_s]
    medians = [r.plain.median_s for r in timed]
    if not timed or median(medians) <= 0:
        return None
    times = [time_s for r in timed for time_s in r.plain.times_s]
    faults = [count for r in timed for count in r.plain.page_faults]
    reasons = [r.stopped_because for r in timed]
    walls = [r.gpu.wall_s for r in timed if r.gpu is not None and r.gpu.wall_s]
    return Latency(
        median_s=median(medians),
        ci95_s=median_ci95(medians if len(medians) > 1 else times, seed),
        runs=len(times),
        p90_s=quantile(times, 0.9) if len(times) >= MIN_RUNS_P90 else None,
        p99_s=quantile(times, 0.99) if len(times) >= MIN_RUNS_P99 else None,
        throughput_per_s=batch_size / median(medians),
        page_faults_per_run=median(faults) if faults else None,
        stopped_because=next((r for r in ("interrupted", "max-time") if r in reasons), reasons[0]),
        wall_median_s=median([median(wall) for wall in walls]) if walls else None,
    )


def accounting_of(rounds: Sequence[RoundTimes], latency_s: float, ops_scale: float, seed: int) -> Accounting:
    """Ops, overhead and residual of rounds on a processor."""
    ops_s, overhead_s = total_work_s(rounds), median([median(r.rest_s) for r in rounds])
    profiled_s = median([median(r.profiled_s) for r in rounds])
    return account(latency_s, ops_s, overhead_s, profiled_s, residual_ci95(rounds, seed), ops_scale)


def account(
    latency_s: float,
    ops_s: float,
    overhead_s: float,
    profiled_s: float,
    residual_ci95_s: tuple[float, float],
    ops_scale: float = 1.0,
) -> Accounting:
    """Ops, overhead and residual; they add up to the latency exactly."""
    residual_s = latency_s - ops_s - overhead_s
    low, high = residual_ci95_s
    return Accounting(
        ops_s=ops_s,
        overhead_s=overhead_s,
        residual_s=residual_s,
        # What is drawn anew need not hold every plain run, so the interval may just miss the residual of all of them.
        residual_ci95_s=(min(low, residual_s), max(high, residual_s)),
        residual_fraction=residual_s / latency_s,
        profiled_s=profiled_s,
        distortion_fraction=profiled_s / latency_s - 1,
        ops_scale=ops_scale,
    )


def total_work_s(rounds: Sequence[RoundTimes]) -> float:
    """`ops_s`; not below 0, which only noise around nothing can give."""
    return max(0.0, median([median(r.work_s) for r in rounds]))


def residual_ci95(rounds: Sequence[RoundTimes], seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the residual: A/B pairs are drawn anew, and rounds where there are several.

    A pair keeps its two runs together, so a machine that is slow for a while slows both and does not widen the
    interval.
    """
    rng = np.random.default_rng(seed)
    medians = np.stack([_paired_medians(r, rng) for r in rounds], axis=1)
    if len(rounds) > 1:
        drawn = rng.integers(0, len(rounds), (RESAMPLES, len(rounds), 1))
        medians = np.take_along_axis(medians, drawn, axis=1)
    plain, work, rest = np.median(medians, axis=1).T
    return interval95(plain - np.maximum(work, 0) - rest)


def _paired_medians(times: RoundTimes, rng: np.random.Generator) -> Array:
    """Medians of plain, work and rest over resampled pairs, shape (resamples, 3)."""
    if not len(times.pairs):
        parts = (times.plain_s, times.work_s, times.rest_s)
        return np.stack([bootstrap_medians(part, rng, RESAMPLES) for part in parts], axis=1)
    plain, profiled = times.pairs.T
    samples = np.stack([times.plain_s[plain], times.work_s[profiled], times.rest_s[profiled]])
    drawn = rng.integers(0, len(times.pairs), (RESAMPLES, len(times.pairs)))
    return np.stack([np.median(part[drawn], axis=1) for part in samples], axis=1)


def span_times(rounds: Sequence[RoundTimes], works: Mask) -> SpanTimes:
    """What each span took: the median of its runs (of the rounds' medians), never below 0."""
    middles = np.median([np.median(r.spans_s, axis=1) for r in rounds], axis=0)
    together = np.concatenate([r.spans_s for r in rounds], axis=1)
    if not (middles[works] > 0).any():
        # Work that shows in a minority of runs alone: only its mean can be divided.
        middles = together.mean(axis=1)
    low, high = np.quantile(together, (0.25, 0.75), axis=1)
    return SpanTimes(median_s=np.maximum(middles, 0), iqr_s=high - low)

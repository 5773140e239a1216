"""What the report says about latencies and counted work, before any markup."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from effprof import units
from effprof.analyze.regression import Coefficient
from effprof.analyze.regression_study import Figure, LeftOut, Regression
from effprof.report.untrusted import cut_middle, printable

TITLE = "FLOPs are not latency"
UNBOUNDED = "no limit seen"
_WITH_UNIT = ("s", "bytes/s")
"""Their numbers carry the unit, scaled."""
DEVICE_CELLS, REASON_CELLS = 48, 160
"""Names of devices and reasons may be anybody's."""


@dataclass(frozen=True)
class FormulaRow:
    formula: str
    error: str
    ranking: str
    family_error: str


@dataclass(frozen=True)
class CoefficientRow:
    formula: str
    coefficient: str
    value: str
    interval: str


def device_name(device: str) -> str:
    return cut_middle(printable(device), DEVICE_CELLS)


def statement(regression: Regression) -> str:
    """How much was judged, and what its error means."""
    devices = len(regression.latencies)
    rows = sum(len(of_device) for of_device in regression.latencies.values())
    most = max(row.networks for row in regression.figures)
    return (
        f"{rows} latencies of {'up to ' if devices > 1 else ''}{_some(most, 'network')} on {_some(devices, 'device')}, "
        f"from {printable(regression.table)}. Error is the mean of |predicted / measured - 1| over networks, each left "
        "out of the fit at all its sizes; ranking is Spearman's correlation of the same predictions."
    )


def left_out(regression: Regression) -> str:
    """How many rows of the table are in no figure, and why; each name once."""
    if not regression.left_out:
        return "Nothing of the table was left out."
    rows = sum(one.rows for one in regression.left_out)
    said = [f"{device_name(one.name)} ({_some(one.rows, 'row')}): {_reason(one)}" for one in regression.left_out]
    count = _some(len(regression.left_out), "network or device", "networks or devices")
    return f"Left out: {count} with {_some(rows, 'row')}. {'; '.join(said)}."


def formula_rows(regression: Regression, device: str) -> Iterator[FormulaRow]:
    for formula in regression.formulas:
        row = regression.figure(device, formula.name)
        error, family = units.format_percent(row.network_mape), units.format_percent(row.family_mape)
        yield FormulaRow(formula.name, error, ranking(row.spearman), family)


def device_rows(regression: Regression) -> Iterator[tuple[str, str, str, str, str, str]]:
    """device, networks, error and ranking of mult_adds alone, the same of the full formula; last the medians."""
    first, last = regression.formulas[0].name, regression.full.name
    for device in regression.latencies:
        pair = [regression.figure(device, name) for name in (first, last)]
        yield device_name(device), str(pair[0].networks), *_error_and_ranking(pair[:1]), *_error_and_ranking(pair[1:])
    pairs = [[row for row in regression.figures if row.formula == name] for name in (first, last)]
    yield "median", "", *_error_and_ranking(pairs[0]), *_error_and_ranking(pairs[1])


def coefficient_rows(regression: Regression, device: str) -> Iterator[CoefficientRow]:
    """What each formula says this device achieves."""
    for formula in regression.formulas:
        values, bars = regression.coefficients[formula.name][device], regression.bars[formula.name][device]
        for coefficient, value, (low, high) in zip(formula.coefficients, values, bars, strict=True):
            interval = _interval(coefficient, low, high)
            yield CoefficientRow(formula.name, coefficient.name, amount(coefficient, value), interval)


def amount(coefficient: Coefficient, value: float) -> str:
    """`15.00 G mult_adds/s`, `12.30 GB/s`, `20.00 µs`; a rate without limit explains nothing."""
    if not math.isfinite(value):
        return UNBOUNDED
    unit = "" if coefficient.unit in _WITH_UNIT else f" {coefficient.unit}"
    return f"{_number(coefficient, value)}{unit}"


def _interval(coefficient: Coefficient, low: float, high: float) -> str:
    """`14.20 G to 16.00 G`, `19.00 µs to 21.00 µs`; nothing where nothing is known."""
    ends = [_number(coefficient, end) if math.isfinite(end) else UNBOUNDED for end in (low, high)]
    return "" if ends[0] == UNBOUNDED else " to ".join(ends)


def _number(coefficient: Coefficient, value: float) -> str:
    if coefficient.unit == "s":
        return units.format_seconds(value)
    if coefficient.unit == "bytes/s":
        return f"{units.format_bytes(value)}/s"
    return units.format_count(float(value)) if coefficient.unit == "mult_adds/s" else f"{value:.3g}"


def ranking(spearman: float) -> str:
    return f"{spearman:.3f}" if math.isfinite(spearman) else units.UNKNOWN


def _error_and_ranking(rows: Sequence[Figure]) -> tuple[str, str]:
    error = statistics.median(row.network_mape for row in rows)
    return units.format_percent(error), ranking(statistics.median(row.spearman for row in rows))


def _reason(one: LeftOut) -> str:
    return cut_middle(printable(one.reason), REASON_CELLS)


def _some(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"

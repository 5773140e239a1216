"""What is shown, in what order and how rounded; the renderers only lay it out.

Numbers that stand in one sum are rounded together, so that the printed parts add up to the printed whole.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof import units
from effprof.analyze.sums import known_sum, mult_adds_of
from effprof.records import Accounting, Category, CostedOp, LayerTotal, Note, Share
from effprof.report.palette import RESIDUAL
from effprof.report.to_json import all_notes, is_imported
from effprof.report.untrusted import printable

if TYPE_CHECKING:
    from effprof.report import Report

ROWS_SHOWN = 8


@dataclass(frozen=True)
class PartRow:
    """One category, or the residual, beside the whole."""

    name: str
    fraction: float | None
    """Of the latency, exact; what the bars are drawn from."""
    time: str
    share: str
    mult_adds: str
    access: str
    calls: str


@dataclass(frozen=True)
class LayerRow:
    layer: str
    module_type: str
    time: str
    share: str
    mult_adds: str
    access: str


@dataclass(frozen=True)
class OpRow:
    op: str
    kind: str
    calls: str
    time: str
    share: str
    mult_adds: str
    access: str


@dataclass(frozen=True)
class AccountingRow:
    """ops + overhead + residual = latency, in numbers that add up as printed."""

    ops: str
    overhead: str
    residual: str
    latency: str
    unit: str
    residual_interval: str | None
    distortion: str | None
    """`15.0 % longer`: an instrumented run beside a plain one. None, like the interval, in an imported trace."""


def apportion(values: Sequence[float], step: float, whole: float | None = None) -> list[float]:
    """`values` as multiples of `step` that add up to `whole` (their sum), itself rounded (largest remainder method)."""
    counts = [value / step for value in values]
    floors = [math.floor(count) for count in counts]
    missing = round(sum(counts) if whole is None else whole / step) - sum(floors)
    by_remainder = sorted(range(len(counts)), key=lambda i: floors[i] - counts[i])
    for i in by_remainder[: max(0, missing)]:
        floors[i] += 1
    return [floor * step for floor in floors]


def whole_s(report: Report) -> float | None:
    """What all shares refer to: the latency, or the span of an imported trace; None when nothing was timed."""
    analysis = report.analysis
    if is_imported(report) and analysis.device_time is not None:
        return analysis.device_time.span_s or None
    return analysis.latency.median_s if analysis.latency is not None else None


def whole_name(report: Report) -> str:
    """What `whole_s` is: `latency`, or of an imported trace `span`."""
    return "span" if is_imported(report) else "latency"


def part_rows(report: Report, *, paper_categories: bool = False) -> tuple[PartRow, ...]:
    """Categories in which anything happened, in their fixed order, and last the residual where there is one.

    With `paper_categories` the five of Figure 2 of the ShuffleNetV2 paper (Ma et al. 2018) instead; what they do not
    know (costs) is `-`.
    """
    parts = _paper_parts(report) if paper_categories else _category_parts(report.analysis.categories)
    accounting = report.analysis.accounting
    if accounting is not None:
        parts.append((RESIDUAL, accounting.residual_s, accounting.residual_fraction, None))
    names = [name for name, _, _, _ in parts]
    latency_s = whole_s(report)
    if latency_s is None:
        times, shares = [units.UNKNOWN] * len(parts), [units.UNKNOWN] * len(parts)
    else:
        scale = units.time_scale(latency_s)
        times_s = [time_s or 0.0 for _, time_s, _, _ in parts]
        fractions = [fraction or 0.0 for _, _, fraction, _ in parts]
        times = [scale.format(time_s) for time_s in _round_parts(names, times_s, scale.step_s)]
        shares = [units.format_percent(f) for f in _round_parts(names, fractions, 1e-3)]
    return tuple(
        PartRow(name, fraction, time, share, *_share_costs(costs))
        for (name, _, fraction, costs), time, share in zip(parts, times, shares, strict=True)
    )


_Part = tuple[str, float | None, float | None, Share | None]


def _category_parts(categories: Iterable[Share]) -> list[_Part]:
    return [(s.category.value, s.time_s, s.fraction, s) for s in categories if s.op_count or s.time_s]


def _paper_parts(report: Report) -> list[_Part]:
    from effprof.analyze.categories import paper_categories

    latency_s = whole_s(report)
    return [
        (name, None if fraction is None or latency_s is None else fraction * latency_s, fraction, None)
        for name, fraction in paper_categories(report.analysis.categories).items()
    ]


def _round_parts(names: Sequence[str], values: Sequence[float], step: float) -> list[float]:
    """Round in two steps, so that overhead and residual read the same here and in `accounting_row`."""
    apart = [i for i, name in enumerate(names) if name in (Category.OVERHEAD.value, RESIDUAL)]
    ops = [i for i in range(len(names)) if i not in apart]
    ops_sum, *rounded = apportion([sum(values[i] for i in ops), *(values[i] for i in apart)], step)
    result = dict(zip(apart, rounded, strict=True))
    result |= dict(zip(ops, apportion([values[i] for i in ops], step, ops_sum), strict=True))
    return [result[i] for i in range(len(names))]


def _share_costs(share: Share | None) -> tuple[str, str, str]:
    if share is None:
        return units.UNKNOWN, units.UNKNOWN, units.UNKNOWN
    return units.format_count(share.mult_adds), units.format_bytes(share.access_bytes), str(share.op_count)


def accounting_row(report: Report) -> AccountingRow | None:
    accounting, latency_s = report.analysis.accounting, whole_s(report)
    if accounting is None or latency_s is None:
        return None
    scale = units.time_scale(latency_s)
    ops_s, overhead_s, residual_s = apportion(_terms(accounting), scale.step_s)
    interval, distortion = accounting.residual_ci95_s, accounting.distortion_fraction
    return AccountingRow(
        ops=scale.number(ops_s),
        overhead=scale.number(overhead_s),
        residual=scale.number(residual_s),
        latency=scale.number(ops_s + overhead_s + residual_s),
        unit=scale.unit,
        residual_interval=None if interval is None else f"{scale.number(interval[0])} to {scale.format(interval[1])}",
        distortion=None if distortion is None else _longer_or_shorter(distortion),
    )


def accounting_lines(row: AccountingRow, whole: str) -> list[str]:
    """The sum, and how sure it is where that is known."""
    lines = [f"ops {row.ops} + overhead {row.overhead} + residual {row.residual} = {whole} {row.latency} {row.unit}"]
    if row.residual_interval is not None:
        lines.append(f"residual 95 % interval: {row.residual_interval}")
    if row.distortion is not None:
        lines.append(f"instrumented runs took {row.distortion} than plain ones")
    return lines


def _longer_or_shorter(fraction: float) -> str:
    return f"{units.format_percent(abs(fraction))} {'longer' if fraction >= 0 else 'shorter'}"


def _terms(accounting: Accounting) -> tuple[float, float, float]:
    return accounting.ops_s, accounting.overhead_s, accounting.residual_s


def layer_rows(report: Report, limit: int = ROWS_SHOWN) -> tuple[LayerRow, ...]:
    """The modules whose own calls take longest (children left out); by mult_adds when nothing was timed.

    Costs are those of the module's own calls, so that they belong to the time beside them.
    """
    own = _own_costs(report.analysis.ops)
    timed = whole_s(report) is not None

    def weight(layer: LayerTotal) -> float:
        return (layer.self_time_s or 0.0) if timed else own[layer.layer][0] or 0

    heaviest = sorted((layer for layer in report.analysis.layers if weight(layer) > 0), key=weight, reverse=True)
    return tuple(
        LayerRow(
            layer=printable(layer.layer) or "(root)",
            module_type=printable(layer.module_type),
            time=_time(report, layer.self_time_s),
            share=_share(report, layer.self_time_s),
            mult_adds=units.format_count(own[layer.layer][0]),
            access=units.format_bytes(own[layer.layer][1]),
        )
        for layer in heaviest[:limit]
    )


def op_rows(report: Report, limit: int = ROWS_SHOWN) -> tuple[OpRow, ...]:
    """Calls gathered by op and kind, slowest first; by mult_adds, then access, when nothing was timed.

    Views are left out: their time is overhead, not the op's.
    """
    groups: dict[tuple[str, str], list[CostedOp]] = defaultdict(list)
    for op in report.analysis.ops:
        if op.category is not Category.OVERHEAD:
            groups[op.call.op, op.kind].append(op)
    ordered = sorted(groups.items(), key=lambda item: _weights(item[1]), reverse=True)
    return tuple(_op_row(report, name, kind, calls) for (name, kind), calls in ordered[:limit])


def _op_row(report: Report, name: str, kind: str, calls: Sequence[CostedOp]) -> OpRow:
    time_s = _known_sum(op.time_s for op in calls)
    mult_adds = _known_sum(op.cost.mult_adds for op in calls)
    return OpRow(
        op=printable(name),
        kind=printable(kind) if kind != name else "",
        calls=str(sum(op.call.count for op in calls)),
        time=_time(report, time_s),
        share=_share(report, time_s),
        mult_adds=units.format_count(None if mult_adds is None else int(mult_adds)),
        access=units.format_bytes(_known_sum(op.cost.access_bytes for op in calls)),
    )


def uncosted(report: Report) -> tuple[str, ...]:
    """`mylib::spin x3`: ops without a formula, most frequent first; of a trace, which may have many, a few."""
    counts = sorted(report.analysis.totals.uncosted_ops.items(), key=lambda item: (-item[1], item[0]))
    shown = counts[:ROWS_SHOWN] if is_imported(report) else counts
    more = (f"and {len(counts) - len(shown)} more",) if len(shown) < len(counts) else ()
    return (*(f"{printable(name)} x{count}" for name, count in shown), *more)


def note_rows(report: Report) -> tuple[Note, ...]:
    """All notes, made printable: they may quote names."""
    return printable_notes(all_notes(report))


def printable_notes(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(Note(*map(printable, (note.code, note.text, note.remedy))) for note in notes)


def _own_costs(ops: Iterable[CostedOp]) -> dict[str, tuple[int | None, int | None]]:
    """Layer -> multiply-adds and bytes of its own calls; None where none of them is known."""
    own: dict[str, list[CostedOp]] = defaultdict(list)
    for op in ops:
        own[op.call.layer].append(op)
    return defaultdict(
        lambda: (0, 0),
        {
            layer: (mult_adds_of(calls), known_sum(op.cost.access_bytes for op in calls))
            for layer, calls in own.items()
        },
    )


def _weights(calls: Sequence[CostedOp]) -> tuple[float, int, int]:
    return (
        _known_sum(op.time_s for op in calls) or 0.0,
        sum(op.cost.mult_adds or 0 for op in calls),
        sum(op.cost.access_bytes or 0 for op in calls),
    )


def _known_sum(values: Iterable[float | None]) -> float | None:
    """The sum, or None when any part is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _time(report: Report, time_s: float | None) -> str:
    latency_s = whole_s(report)
    return units.UNKNOWN if latency_s is None else units.time_scale(latency_s).format(time_s)


def _share(report: Report, time_s: float | None) -> str:
    latency_s = whole_s(report)
    return units.UNKNOWN if not latency_s or time_s is None else units.format_percent(time_s / latency_s)

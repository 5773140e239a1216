"""Sums of what is known: None where nothing is, which is not 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from effprof.records import CostedOp, Totals


def mult_adds_of(ops: Sequence[CostedOp]) -> int | None:
    """Of the calls whose work is known; None where that is 0 and calls with work were recorded without shapes."""
    costs = [op.cost for op in ops]
    total = sum(cost.mult_adds or 0 for cost in costs)
    shapeless = any(cost.mult_adds is None and cost.access_bytes is None for cost in costs)
    return None if shapeless and not total else total


def known_sum(values: Iterable[int | None]) -> int | None:
    """Of the values that are known; None where there are some and none is known."""
    everything = list(values)
    known = [value for value in everything if value is not None]
    return sum(known) if known or not everything else None


def total_costs(ops: Sequence[CostedOp]) -> Totals:
    """Sums over all calls; those without a formula are counted by name instead."""
    mult_adds = mult_adds_of(ops)
    uncosted: Counter[str] = Counter()
    for op in ops:
        if op.cost.mult_adds is None:
            uncosted[op.call.op] += op.call.count
    return Totals(
        mult_adds=mult_adds,
        flops=None if mult_adds is None else 2 * mult_adds,
        read_bytes=known_sum(op.cost.read_bytes for op in ops),
        write_bytes=known_sum(op.cost.write_bytes for op in ops),
        access_bytes=known_sum(op.cost.access_bytes for op in ops),
        access_elements=known_sum(op.cost.access_elements for op in ops),
        uncosted_ops=dict(uncosted),
    )

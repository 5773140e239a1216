"""Slowdowns planted on the make-believe clock come out as the right verdict; `pytest -s` prints how often."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from small_sweep import planned_entry

from effprof.bench.turns import Budget
from effprof.guidelines.rules import answer, slowdown
from effprof.statistics import MIN_ROUNDS
from effprof.sweep_records import SweepSpec

SIMULATIONS = 200
FEW = Budget(MIN_ROUNDS, 0.0)


@cache
def verdicts(truth: float, budget: Budget | None = None) -> Counter[str]:
    """Of 200 seeded sweeps of G1 at 3 % noise a run, with the default budget."""
    counter: Counter[str] = Counter()
    for seed in range(SIMULATIONS):
        entry = planned_entry("G1", truth, seed=seed, **({} if budget is None else {"budget": budget}))
        counter[answer(slowdown(entry.severe, entry.recommended), len(entry.order))] += 1
    found = ", ".join(f"{counter[verdict]} {verdict}" for verdict in ("holds", "fails", "inconclusive"))
    print(f"\nplanted {truth:.2f}{'' if budget is None else ', fewest rounds'}: {found}")
    return counter


@pytest.mark.parametrize(
    ("truth", "right"), [(1.10, "holds"), (1.03, "holds"), (1.01, "fails"), (1.00, "fails"), (0.95, "fails")]
)
def test_a_clear_slowdown_is_seen(truth: float, right: str) -> None:
    found = verdicts(truth)
    assert found[right] >= 0.9 * SIMULATIONS
    assert SIMULATIONS - found[right] - found["inconclusive"] <= 0.05 * SIMULATIONS


def test_a_slowdown_at_the_margin_is_hardly_ever_judged() -> None:
    """The worst case: either verdict would be chance."""
    found = verdicts(1 + SweepSpec.margin)
    assert found["holds"] + found["fails"] <= 0.05 * SIMULATIONS


def test_few_rounds_are_no_licence_to_be_wrong() -> None:
    found = verdicts(1 + SweepSpec.margin, FEW)
    assert found["holds"] + found["fails"] <= 0.05 * SIMULATIONS

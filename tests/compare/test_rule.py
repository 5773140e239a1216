"""The arithmetic of a comparison by hand and by scipy, and the rule at its edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from small_comparison import quantity

from effprof.compare import rule as rule_module
from effprof.compare.rule import (
    MARGIN,
    PART_MARGIN,
    RUN_SPREAD,
    Rule,
    answer,
    centre,
    judge,
    slow_process,
    together,
    withheld_where_disturbed,
)
from effprof.compare.words import Answer, Change

VALUES = st.lists(st.integers(1000, 100_000).map(lambda microseconds: microseconds / 1e6), min_size=2, max_size=8)
"""Further apart than rounding errors, which scipy warns of, or equal."""


def half_width(change: Change) -> float:
    """Of a ratio, in the logarithm."""
    assert change.value is not None
    assert change.ci95 is not None
    low, high = (math.log(bound / change.value) for bound in change.ci95)
    assert low == pytest.approx(-high)
    return high


def test_by_hand() -> None:
    # logarithms -0.01, 0.01 and 0.09, 0.11: variances 2e-4, of the means 1e-4 each
    old = quantity([math.exp(-0.01), math.exp(0.01)])
    new = quantity([math.exp(0.09), math.exp(0.11)])
    change = judge(old, new, Rule())
    variance = 1e-4 + 1e-4 + 2 * RUN_SPREAD**2
    freedom = variance**2 / (1e-8 + 1e-8)
    assert change.value == pytest.approx(math.exp(0.1))
    assert half_width(change) == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(variance))
    assert (change.old, change.new) == (pytest.approx(1.0), pytest.approx(math.exp(0.1)))


@given(VALUES, VALUES)
def test_without_the_run_spread_it_is_welch(old: list[float], new: list[float]) -> None:
    if len(set(old)) == 1 or len(set(new)) == 1:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule_module, "RUN_SPREAD", 0.0)
        change = judge(quantity(old), quantity(new), Rule())
    scipys = stats.ttest_ind([math.log(v) for v in new], [math.log(v) for v in old], equal_var=False)
    low, high = scipys.confidence_interval(0.95)
    assert change.ci95 == pytest.approx((math.exp(low), math.exp(high)))


def test_processes_that_are_all_alike_leave_the_run_spread() -> None:
    change = judge(quantity([0.01] * 5), quantity([0.01] * 5), Rule())
    assert half_width(change) == pytest.approx(1.959964 * math.sqrt(2) * RUN_SPREAD, rel=1e-6)
    assert change.verdict == "same"


@given(VALUES, VALUES)
def test_the_other_way_round_is_the_other_verdict(old: list[float], new: list[float]) -> None:
    there, back = judge(quantity(old), quantity(new), Rule()), judge(quantity(new), quantity(old), Rule())
    opposite: dict[Answer, Answer] = {"better": "worse", "worse": "better"}
    assert back.verdict == opposite.get(there.verdict, there.verdict)
    assert there.value == pytest.approx(1 / back.value)


@given(VALUES, VALUES, st.floats(1e-3, 1e3))
def test_units_do_not_matter(old: list[float], new: list[float], factor: float) -> None:
    one = judge(quantity(old), quantity(new), Rule())
    other = judge(quantity([factor * v for v in old]), quantity([factor * v for v in new]), Rule())
    assert one.value == pytest.approx(other.value)
    assert one.ci95 == pytest.approx(other.ci95)


def test_a_part_that_is_slower_moves_its_share_by_p_times_one_minus_p() -> None:
    # a part of 20 % that takes 1 % longer: 0.202 / 1.002
    assert pytest.approx(0.2 * 0.8 * 0.01, rel=0.01) == 0.202 / 1.002 - 0.2
    change = judge(quantity([0.2] * 5, unit="share"), quantity([0.2] * 5, unit="share"), Rule())
    assert change.ci95 is not None
    assert change.ci95[1] == pytest.approx(1.959964 * math.sqrt(2) * RUN_SPREAD * 0.2 * 0.8, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "slow"),
    [
        ([1.0, 1.01, 0.99, 1.2, 1.0], 3),
        ([1.0, 1.01, 0.99, 1.04, 1.0], None),  # within 5 %
        ([1.0, 1.01, 0.99, 0.8, 1.0], None),  # a fast one is no accident
        ([1.0, 1.01, 1.2], None),  # too few
        ([1.0, 1.2, 1.1, 0.9, 0.8], None),  # nothing stands out
        ([1.0, 1.01, 0.99, 1.2, 1.21], 4),  # one at most
    ],
)
def test_a_process_that_something_slowed_down(values: list[float], slow: int | None) -> None:
    assert slow_process(quantity(values), quantity([2.0, 2.02, 1.98, 2.01, 2.0])) == slow


def test_the_other_side_tells_what_is_usual() -> None:
    values = quantity([1.0, 1.01, 0.99, 1.1, 1.0])
    assert slow_process(values, quantity([1.0] * 5)) == 3
    assert slow_process(values, quantity([0.8, 0.9, 1.0, 1.1, 1.2])) is None


# ------------------------------------------------------------------------------------------------- single processes


def test_an_unknown_spread_widens_both_ends_by_five_per_cent() -> None:
    change = judge(quantity([0.010], within=0.03), quantity([0.011], within=0.04), Rule())
    assert change.value == pytest.approx(1.1)
    assert change.ci95 == pytest.approx((1.1 / 1.05 / math.exp(0.05), 1.1 * 1.05 * math.exp(0.05)))
    assert change.verdict == "inconclusive"


def test_a_spread_that_is_given() -> None:
    change = judge(quantity([0.010], within=0.03), quantity([0.012], within=0.04), Rule(spread=0.01))
    assert half_width(change) == pytest.approx(0.05 + 1.959964 * math.sqrt(2 * 0.01**2 + 2 * RUN_SPREAD**2), rel=1e-6)
    assert change.verdict == "worse"


def test_the_other_sides_processes_tell_the_spread() -> None:
    many = [math.exp(value) for value in (-0.02, 0.0, 0.02)]
    change = judge(quantity(many), quantity([1.2], within=0.01), Rule())
    wanted = 0.01 + stats.t.ppf(0.975, 2) * math.sqrt(0.02**2 * (1 + 1 / 3) + 2 * RUN_SPREAD**2)
    assert half_width(change) == pytest.approx(wanted)
    back = judge(quantity([1.2], within=0.01), quantity(many), Rule())
    assert half_width(back) == pytest.approx(wanted)


def test_two_processes_do_not_tell_it() -> None:
    change = judge(quantity([1.0, math.exp(0.04)]), quantity([1.2], within=0.01), Rule())
    assert half_width(change) == pytest.approx(0.01 + math.log(1.05) + 0.02)


# --------------------------------------------------------------------------------------------------------- the rule


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [
        (0.0, -0.02, 0.02, "same"),
        (0.01, 0.005, 0.015, "same"),
        (0.0, -0.02, 0.021, "inconclusive"),
        (0.03, 0.001, 0.06, "worse"),
        (0.02, 0.001, 0.04, "inconclusive"),
        (0.03, 0.0, 0.06, "inconclusive"),
        (-0.03, -0.06, -0.001, "better"),
        (-0.03, -0.06, 0.001, "inconclusive"),
    ],
)
def test_the_verdict(value: float, low: float, high: float, verdict: Answer) -> None:
    assert answer(value, low, high, margin=0.02) == verdict


def test_a_part_counts_by_what_it_does_to_the_latency() -> None:
    # twice as long, but from 0.2 % to 0.4 % of the latency
    old, new = quantity([2e-5] * 5, is_part=True), quantity([4e-5] * 5, is_part=True)
    change = judge(old, new, Rule(), whole_s=0.01)
    assert change.margin == pytest.approx(PART_MARGIN * 0.01 / 2e-5) == pytest.approx(5)
    assert change.verdict == "same"
    assert judge(old, new, Rule(), whole_s=0.001).verdict == "worse"
    assert judge(old, new, Rule(), whole_s=1e-6).margin == MARGIN


def test_shares_are_compared_by_points() -> None:
    old, new = quantity([0.20, 0.21, 0.22], unit="share"), quantity([0.24, 0.25, 0.26], unit="share")
    change = judge(old, new, Rule())
    assert change.value == pytest.approx(0.04)
    variance = 2 * 0.01**2 / 3 + 2 * (RUN_SPREAD * 0.25 * 0.75) ** 2
    freedom = variance**2 / (2 * (0.01**2 / 3) ** 2 / 2)
    half = stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    assert change.ci95 == pytest.approx((0.04 - half, 0.04 + half))
    assert change.verdict == "worse"


def test_a_part_that_goes_away_has_no_ratio() -> None:
    old, new = quantity([1e-3] * 5, is_part=True), quantity([0.0] * 5, is_part=True)
    gone = judge(old, new, Rule(), whole_s=0.01)
    assert (gone.value, gone.ci95, gone.verdict) == (None, None, "better")
    assert "no ratio" in gone.reason
    assert judge(new, old, Rule(), whole_s=0.01).verdict == "worse"
    assert judge(new, new, Rule(), whole_s=0.01).verdict == "same"
    negative = judge(old, quantity([-1e-6] * 5, is_part=True), Rule(), whole_s=0.01)
    assert negative.reason == gone.reason == "no ratio: it was zero or negative in a process"


def test_the_value_for_all_processes() -> None:
    assert centre(quantity([1.0, 4.0])) == pytest.approx(2.0)
    assert centre(quantity([1.0, 4.0], unit="share")) == pytest.approx(2.5)


def test_several_headlines_together() -> None:
    assert together(["same", "better", "worse", "inconclusive"]) == "worse"
    assert together(["same", "better", "inconclusive"]) == "inconclusive"
    assert together(["same", "better"]) == "better"
    assert together(["same"]) == "same"


@pytest.mark.parametrize(
    ("verdict", "unit", "old", "new", "is_withheld"),
    [
        ("worse", "s", False, True, True),
        ("worse", "s", True, False, False),
        ("better", "s", True, False, True),
        ("better", "s", False, True, False),
        ("same", "s", True, False, True),
        ("same", "s", False, True, True),
        ("worse", "s", True, True, True),
        ("worse", "share", True, False, True),
        ("better", "ratio", False, True, True),
        ("worse", "s", False, False, False),
        ("inconclusive", "s", True, True, False),
    ],
)
def test_what_a_busy_neighbour_may_explain_is_not_said(
    verdict: Answer, unit: str, old: bool, new: bool, is_withheld: bool
) -> None:
    change = Change("latency", unit, 1.0, 1.2, 1.2, (1.1, 1.3), 0.03, verdict)  # type: ignore[arg-type]
    told = withheld_where_disturbed(change, old=old, new=new)
    assert told.is_withheld == is_withheld
    assert told.verdict == ("inconclusive" if is_withheld else verdict)
    assert (f"would be {verdict}" in told.reason) == is_withheld
    assert told.may_look_larger == (new or (old and unit != "s"))
    assert told.may_look_smaller == (old or (new and unit != "s"))

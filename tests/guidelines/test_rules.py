"""The verdict rule and the stop rule."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_sweep import timed_entry

from effprof.guidelines.rules import answer, is_known, judge_entry, relative_speed, slowdown
from effprof.statistics import MIN_ROUNDS
from effprof.sweep_records import Ratio

values = st.floats(0.1, 10)
times = st.lists(st.floats(1e-4, 1.0), min_size=5, max_size=30)


def ratio(low: float, high: float) -> Ratio:
    return Ratio((low + high) / 2, (low, high))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.03, 1.5, "holds"),
        (0.9, 1.01, "fails"),
        (1.0, 1.04, "inconclusive"),
        (1.02, 1.5, "inconclusive"),  # touching the margin is not above it
        (0.5, 1.02, "inconclusive"),
        (1.021, 1.022, "holds"),
        (1.018, 1.0199, "fails"),
    ],
)
def test_the_rule(low: float, high: float, verdict: str) -> None:
    assert answer(ratio(low, high), rounds=MIN_ROUNDS) == verdict
    assert answer(ratio(low, high), rounds=MIN_ROUNDS - 1) == "inconclusive"


def test_with_the_fewest_rounds_their_range_holds_the_median_in_95_percent() -> None:
    """It does not when all lie on one side of it: 2 / 2^n."""
    assert 1 - 2 * 0.5**MIN_ROUNDS >= 0.95
    assert 1 - 2 * 0.5 ** (MIN_ROUNDS - 1) < 0.95


@given(low=values, width=st.floats(0, 2), margin=st.floats(0, 0.5))
def test_exactly_one_answer_and_the_right_one(low: float, width: float, margin: float) -> None:
    verdict = answer(Ratio(low, (low, low + width)), 10, margin)
    assert (verdict == "holds") == (low > 1 + margin)
    assert (verdict == "fails") == (low + width < 1 + margin)


@given(low=values, width=st.floats(0, 2), up=st.floats(0, 5), margin=st.floats(0, 0.5))
def test_a_larger_slowdown_never_turns_holds_into_fails(low: float, width: float, up: float, margin: float) -> None:
    rank = {"fails": 0, "inconclusive": 1, "holds": 2}
    before = answer(Ratio(low, (low, low + width)), 10, margin)
    after = answer(Ratio(low + up, (low + up, low + up + width)), 10, margin)
    assert rank[after] >= rank[before]


@given(low=values, width=st.floats(0, 2), narrower=st.floats(0, 1))
def test_a_narrower_interval_is_known_if_a_wider_one_is(low: float, width: float, narrower: float) -> None:
    middle = low + width / 2
    half = narrower * width / 2
    narrow = Ratio(middle, (middle - half, middle + half))
    assert is_known(narrow) or not is_known(ratio(low, low + width))


def test_when_enough_is_known() -> None:
    assert is_known(ratio(1.035, 1.055))  # half the margin either way, and clear of it by twice as much
    assert not is_known(ratio(1.025, 1.045))  # clear of it by less: a lucky look
    assert not is_known(ratio(1.01, 1.03))  # half the margin either way, about the margin itself
    assert is_known(ratio(1.0176, 1.0224))  # an eighth: no more rounds
    assert not is_known(ratio(0.99, 1.05))
    assert is_known(ratio(1.45, 1.55))  # far from the margin, within 5 %
    assert not is_known(ratio(1.3, 1.7))  # far, but a coarse figure


@given(base=times, factor=st.floats(0.2, 5))
def test_a_constant_factor_comes_out_exactly(base: list[float], factor: float) -> None:
    entry = timed_entry([base, base, base, [factor * time for time in base]])
    found = slowdown(entry.severe, entry.recommended)
    expected = factor * entry.recommended.mult_adds / entry.severe.mult_adds
    assert math.isclose(found.value, expected, rel_tol=1e-9)
    assert all(math.isclose(end, expected, rel_tol=1e-9) for end in found.ci95)
    speed = relative_speed(entry.severe, entry.recommended)
    assert math.isclose(speed.value, 1 / factor, rel_tol=1e-9)


@given(rounds=st.lists(st.tuples(st.floats(1e-4, 1), st.floats(1e-4, 1)), min_size=5, max_size=20))
def test_the_interval_holds_the_value(rounds: list[tuple[float, float]]) -> None:
    first, last = zip(*rounds, strict=True)
    entry = timed_entry([first, first, first, last])
    for found in (slowdown(entry.severe, entry.recommended), relative_speed(entry.severe, entry.recommended)):
        assert found.ci95[0] <= found.value * (1 + 1e-12)
        assert found.value <= found.ci95[1] * (1 + 1e-12)


def test_what_slows_a_whole_round_cancels() -> None:
    """Rounds differ by a factor of ten, the settings within each by exactly 1.5."""
    base = [0.01, 0.1, 0.02, 0.05, 0.03, 0.04]
    entry = timed_entry([base, base, base, [1.5 * time for time in base]])
    low, high = judge_entry(entry, ()).slowdown.ci95
    assert high - low < 1e-9
    assert judge_entry(entry, ()).verdict == "holds"


def test_points_carry_time_per_mult_add() -> None:
    entry = timed_entry([[0.01] * 5, [0.02] * 5, [0.03] * 5, [0.04] * 5])
    points = judge_entry(entry, ()).points
    assert [judged.relative_speed.value for judged in points] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert points[3].time_per_mult_add_s == pytest.approx(0.04 / (10 * 2 * 9 * 108 * 3136))
    assert points[3].slowdown.value == pytest.approx(4 * (32 * 32) / (9 * 108))


@given(half=st.floats(1e-4, 0.1), margin=st.floats(0.01, 0.5))
def test_about_the_margin_rounds_go_on_until_an_eighth_of_it(half: float, margin: float) -> None:
    assume(abs(half - margin / 8) > 1e-9)
    assert is_known(Ratio(1 + margin, (1 + margin - half, 1 + margin + half)), margin) == (half < margin / 8)

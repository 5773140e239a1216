"""Steps and free values that were planted are found, and noise is not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.analyze.cliffs import judge_axis
from effprof.cliff_records import CliffAxis, CliffPoint, ConvShape


def axis(times: dict[int, float], own: int, noise: float = 0.0, rounds: int = 20, seed: int = 0) -> CliffAxis:
    """Widths with their times; work in proportion to the width."""
    rng = random.Random(seed)
    points = tuple(
        CliffPoint(value, value * 1000, tuple(time_s * rng.gauss(1, noise) for _ in range(rounds)))
        for value, time_s in sorted(times.items())
    )
    return CliffAxis("outputs", own, points, "max-time")


def marks(measured: CliffAxis) -> dict[int, str]:
    return {value.point.value: value.mark for value in judge_axis(measured).values}


def test_a_wider_value_that_takes_no_more_time_is_free() -> None:
    assert marks(axis({48: 2.9e-4, 58: 3.6e-4, 64: 2.9e-4, 72: 4.5e-4}, own=58, noise=0.01)) == {
        48: "cheaper",
        58: "own",
        64: "free",
        72: "",
    }


def test_a_step_is_what_the_time_grows_by_beyond_the_work() -> None:
    """From 64 to 72 the work grows by 1.125 and the time by 1.8: a step of 1.6."""
    (step,) = judge_axis(axis({56: 7.0e-4, 64: 8.0e-4, 72: 14.4e-4}, own=64, noise=0.01)).steps
    assert (step.below, step.above) == (64, 72)
    assert step.growth == pytest.approx(1.6, rel=0.03)
    assert 1.5 < step.at_least <= step.growth


def test_five_rounds_say_nothing() -> None:
    judged = judge_axis(axis({58: 3.6e-4, 64: 1.0e-4, 72: 9e-4}, own=58, rounds=5))
    assert {value.mark for value in judged.values} == {"own", ""}
    assert judged.steps == ()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_times_in_proportion_to_the_work_have_no_step(seed: int) -> None:
    """At 3 % noise: each single claim is wrong in a small part of the cases only, a step of 10 % in none of these."""
    judged = judge_axis(axis({width: width * 1e-5 for width in range(32, 97, 8)}, own=64, noise=0.03, seed=seed))
    assert judged.steps == ()
    assert "free" not in {value.mark for value in judged.values}


@settings(deadline=None)
@given(st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 2]), st.integers(1, 30), st.sampled_from([1, 3, 5]))
def test_work_is_what_effprof_counts(inputs: int, outputs: int, stride: int, size: int, kernel: int) -> None:
    import torch
    from torch import nn

    import effprof

    shape = ConvShape((kernel, kernel), inputs, outputs, 1, (stride, stride), size, size, 2, 1)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, device="meta")
    counted = effprof.count(conv, torch.empty(2, inputs, size, size, device="meta"))
    assert counted.analysis.totals.mult_adds == shape.mult_adds

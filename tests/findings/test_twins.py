"""Twins do the same work, or see as far with less; their price is the planted one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.bench.prices import Form, price
from effprof.bench.turns import Budget
from effprof.cliff_records import ConvShape
from effprof.devices.fake import Cost, Plan
from effprof.findings.pages import codes
from effprof.findings.twins import (
    BLOCK,
    TWINS,
    equal_widths,
    filled_widths,
    one_group,
    stacked,
    wider_groups,
)

widths = st.integers(16, 512)


def conv(inputs: int, outputs: int, kernel: int = 1, groups: int = 1, size: int = 28, stride: int = 1) -> ConvShape:
    return ConvShape((kernel, kernel), inputs, outputs, groups, (stride, stride), size, size, 1, 1)


@given(widths, widths)
def test_equal_widths_keep_the_work(inputs: int, outputs: int) -> None:
    shape = conv(inputs, outputs)
    twins = equal_widths(shape)
    if twins is not None:
        (twin,) = twins
        assert twin.inputs == twin.outputs
        assert twin.mult_adds == pytest.approx(shape.mult_adds, rel=0.07)  # of rounding one width of at least 16


@given(st.integers(4, 64), st.sampled_from([2, 4, 8]))
def test_one_group_keeps_the_work(of_one_group: int, groups: int) -> None:
    shape = conv(of_one_group * groups, of_one_group * groups, groups=groups)
    (twin,) = one_group(shape) or ()
    assert twin.groups == 1
    assert twin.mult_adds == pytest.approx(shape.mult_adds, rel=0.2)  # of rounding a width of at least 5


def test_wider_groups_have_eight_channels_and_more() -> None:
    (twin,) = wider_groups(conv(128, 128, kernel=3, groups=32)) or ()
    assert twin.groups < 32
    assert twin.inputs // twin.groups >= 8
    assert twin.mult_adds == pytest.approx(conv(128, 128, kernel=3, groups=32).mult_adds, rel=0.1)


def test_a_stack_of_three_by_three_sees_as_far() -> None:
    twins = stacked(conv(3, 64, kernel=7, size=224, stride=2)) or ()
    assert [(t.inputs, t.outputs, t.height, t.stride) for t in twins] == [
        (3, 64, 224, (2, 2)),
        (64, 64, 112, (1, 1)),
        (64, 64, 112, (1, 1)),
    ]
    assert stacked(conv(64, 64, kernel=3)) is None


def test_every_twin_is_of_a_finding() -> None:
    assert set(TWINS) <= set(codes())


def test_the_price_is_the_planted_one() -> None:
    """A layer takes its work over the planned rate; three kernels of 9 places do 27/49 of the work of one of 49."""
    plan = Plan(default=Cost(noise=0.01))
    rate = plan.rates.mult_adds_per_s
    shape = conv(64, 64, kernel=7)
    twins = stacked(shape) or ()
    found = price([(shape, twins)] * 2, Form(threads=1), Budget(10, 1.0), lambda text, part: None, plan)
    assert found is not None
    planted = 2 * shape.mult_adds / rate * (1 - 27 / 49)
    assert found.ci95_s[0] <= planted <= found.ci95_s[1]
    assert found.gain_s == pytest.approx(planted, rel=0.05)
    assert found.layers == 2


@given(widths, widths)
def test_filled_widths_are_the_next_multiples(inputs: int, outputs: int) -> None:
    twins = filled_widths(conv(inputs, outputs))
    if twins is None:
        assert inputs % BLOCK == outputs % BLOCK == 0
    else:
        (twin,) = twins
        for own, other in ((inputs, twin.inputs), (outputs, twin.outputs)):
            assert other % BLOCK == 0
            assert own <= other < own + BLOCK
        assert twin.mult_adds > conv(inputs, outputs).mult_adds


def test_the_price_of_a_planted_cliff() -> None:
    """36 channels take twice as long for a multiply-add, so 48 take 48/72 of the time."""
    pairs = [(conv(32, 36), filled_widths(conv(32, 36)))]
    plan = Plan(cliffs={"outputs": {"36": 2.0}})
    found = price(pairs, Form(1), Budget(5, 1.0, 1.0), lambda text, part: None, plan)  # type: ignore[arg-type]
    assert found is not None
    assert found.gain_s / found.own_s == pytest.approx(1 - 48 / 72)

"""The papers' formulas against numbers worked by hand, and ratios of planted times."""

from __future__ import annotations

import design_formulas as formulas
import numpy as np
import pytest
from design_formulas import Claim, closest_width, measured_ratio


def claim(quantity: formulas.Quantity = "time", work: tuple[int, int] = (100, 72), access: tuple[int, int] = (50, 60)):
    return Claim(
        name="5x5 as two 3x3",
        source="",
        baseline="5x5",
        alternative="3x3, 3x3",
        settings="7x7",
        quantity=quantity,
        baseline_mult_adds=work[0],
        alternative_mult_adds=work[1],
        baseline_access_bytes=access[0],
        alternative_access_bytes=access[1],
    )


@pytest.mark.parametrize(("size", "channels"), [(112, 32), (7, 512)])
def test_ratios_that_the_papers_state(size: int, channels: int) -> None:
    three = formulas.convolution(3, 3, channels, channels, size)
    five = formulas.convolution(5, 5, channels, channels, size)
    assert formulas.two_convolutions((3, 3), (3, 3), channels, size) / five == pytest.approx(18 / 25)
    assert formulas.two_convolutions((1, 3), (3, 1), channels, size) / three == pytest.approx(2 / 3)
    assert formulas.separable(3, channels, channels, size) / three == pytest.approx(1 / channels + 1 / 9)


def test_separable_by_hand() -> None:
    # 9 taps on each of 2 channels of 4x4, then 2 * 5 products at each place
    assert formulas.separable(3, 2, 5, 4) == 9 * 2 * 16 + 2 * 5 * 16


@pytest.mark.parametrize(
    ("alpha", "pixels", "millions"), [(1, 224, 569), (0.75, 224, 325), (0.5, 224, 149), (0.25, 224, 41), (1, 128, 186)]
)
def test_mobilenetv1_as_published(alpha: float, pixels: int, millions: int) -> None:
    """Howard et al. 2017, tables 6 and 7; their 149 M and 418 M are rounded down."""
    assert formulas.mobilenetv1(alpha, pixels) / 1e6 == pytest.approx(millions, abs=1)


def test_shuffle_units_by_hand() -> None:
    # c = 24, g = 3, m = 6: both 1x1 have 24 * 6 / 3 products at each of 4 places, the depthwise one 9 * 6
    assert formulas.shuffle_unit_v1(24, 3, 2) == 4 * (48 + 48 + 54)
    # m = 24 / 4 = 6 of 12 inputs: 12 * 6 / 3 at 16 places; 9 * 6 and 6 * 12 / 3 at 4
    assert formulas.shuffle_unit_v1_down(12, 3, 4) == 16 * 24 + 4 * (54 + 24)
    # half of 8 channels
    assert formulas.shuffle_unit_v2(8, 2) == 4 * (16 + 16 + 36)
    # shortcut: depthwise and 1x1 at 4 places; branch: 1x1 at 16 places, depthwise and 1x1 at 4
    assert formulas.shuffle_unit_v2_down(3, 4) == 4 * (27 + 9) + 16 * 9 + 4 * (27 + 9)


def test_the_closest_width_is_closest() -> None:
    assert closest_width(100, lambda width: width**2, step=1) == 10
    assert closest_width(100, lambda width: width**2, step=3) == 9


def test_predictions() -> None:
    assert claim().predicted_ratio_mult_adds == pytest.approx(0.72)
    assert claim().predicted_ratio_access == pytest.approx(1.2)


def test_per_mult_add_the_rest_of_the_difference_is_divided_out() -> None:
    drifted = claim("time per mult_add", work=(100, 104))
    assert drifted.predicted_ratio_mult_adds == 1
    assert drifted.predicted_ratio_access == pytest.approx(1.2 / 1.04)
    assert measured_ratio([2.0] * 5, [2.6] * 5, drifted.divisor)[0] == pytest.approx(1.25)


def test_a_planted_ratio_has_no_width() -> None:
    """The machine is slow for a while; both sides of a round are."""
    baseline_s = np.array([1.0, 3.0, 1.0, 2.0, 5.0, 1.0])
    assert measured_ratio(baseline_s, 0.7 * baseline_s) == pytest.approx((0.7, 0.7, 0.7))


def test_the_interval_holds_the_ratio_of_noisy_times() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for trial in range(100):
        baseline_s, alternative_s = rng.lognormal(0, 0.1, 40), 0.5 * rng.lognormal(0, 0.1, 40)
        ratio, low, high = measured_ratio(baseline_s, alternative_s, seed=trial)
        assert low <= ratio <= high
        held += low <= 0.5 <= high
    assert held >= 88  # 95 expected, the bootstrap of a median of 40 being a little narrow

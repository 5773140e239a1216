"""Intervals and detectors against planted truths, with fixed seeds."""

from __future__ import annotations

import statistics as standard

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.statistics import (
    bootstrap_medians,
    drift,
    iqr,
    median,
    median_ci95,
    outliers,
    paired_ratio,
    paired_ratio_ci95,
    quantile,
    two_modes,
)

samples = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=60)
quickly = settings(max_examples=100, deadline=None)


@quickly
@given(samples)
def test_median_is_the_standard_library_s(times: list[float]) -> None:
    assert median(times) == pytest.approx(standard.median(times), rel=1e-12)


def test_quantiles_by_hand() -> None:
    assert quantile([0, 1, 2, 3, 4], 0.25) == 1
    assert quantile([0, 10], 0.9) == 9
    assert iqr([0, 1, 2, 3, 4]) == 2
    with pytest.raises(ValueError, match="at least one"):
        median([])


@quickly
@given(samples)
def test_the_interval_holds_the_median_and_stays_within_the_samples(times: list[float]) -> None:
    low, high = median_ci95(times)
    assert min(times) <= low <= high <= max(times)
    # No hypothesis can put the sample median outside: half of all resampled medians lie on either side of it.
    assert low <= median(times) * (1 + 1e-12)
    assert high >= median(times) * (1 - 1e-12)


@quickly
@given(samples, st.floats(0.5, 8.0))
def test_the_interval_scales_with_its_unit(times: list[float], factor: float) -> None:
    scaled = median_ci95([time * factor for time in times])
    assert scaled == pytest.approx([bound * factor for bound in median_ci95(times)])


def test_one_seed_one_interval() -> None:
    times = np.random.default_rng(0).lognormal(size=31)
    assert median_ci95(times, seed=5) == median_ci95(times, seed=5)
    assert median_ci95(times, seed=5) != median_ci95(times, seed=6)


@pytest.mark.parametrize("count", [10, 11, 60, 61])
def test_drawing_the_middle_alone_is_the_same_as_resampling(count: int) -> None:
    rng = np.random.default_rng(count)
    times = rng.lognormal(size=count)
    resampled = np.median(times[rng.integers(0, count, (20_000, count))], axis=1)
    drawn = bootstrap_medians(times, np.random.default_rng(0), 20_000)
    tails = (0.025, 0.975)
    expected = np.quantile(resampled, tails)
    # The bounds are order statistics; the two ways may differ by a neighbour when a rank is just at the limit.
    ordered = np.sort(times)
    for bound, wanted in zip(np.quantile(drawn, tails), expected, strict=True):
        assert abs(int(np.searchsorted(ordered, bound)) - int(np.searchsorted(ordered, wanted))) <= 1


@pytest.mark.parametrize(("count", "share"), [(7, 0.985), (10, 0.98), (15, 0.96), (25, 0.96), (101, 0.95)])
def test_the_interval_covers_the_true_median_as_often_as_promised(count: int, share: float) -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        low, high = median_ci95(rng.lognormal(0.0, 0.5, count))  # with the default seed, as the stop rule does
        hits += low <= 1.0 <= high
    # three standard errors of 2000 trials are 0.017
    assert hits / 2000 == pytest.approx(share, abs=0.017)


def test_planted_drift_is_found_with_its_size() -> None:
    noise = np.random.default_rng(1).normal(1, 0.01, 200)
    found = drift(noise * np.linspace(1.0, 1.2, 200))
    assert found == pytest.approx(0.2, abs=0.02)
    assert drift(noise[:100] * np.linspace(1.0, 0.8, 100)) == pytest.approx(-0.2, abs=0.02)
    assert drift(np.repeat(noise, 10) * np.linspace(1.0, 1.2, 2000)) == pytest.approx(0.2, abs=0.02)
    assert drift(noise[:19] * np.linspace(1, 2, 19)) is None


def test_constant_times_have_no_trouble() -> None:
    times = [0.01] * 100
    assert drift(times) is None
    assert two_modes(times) is None
    assert outliers(times) == ()


def test_planted_modes_are_found_at_their_places() -> None:
    rng = np.random.default_rng(2)
    slow = rng.random(200) < 0.3
    found = two_modes(rng.normal(1, 0.02, 200) + 0.3 * slow)
    assert found == pytest.approx((1.0, 1.3), abs=0.01)


def test_false_alarms_are_few() -> None:
    rng = np.random.default_rng(4)
    series = [rng.normal(1, 0.1, rng.integers(30, 200)) for _ in range(500)]
    series += [rng.lognormal(0, 0.3, rng.integers(30, 200)) for _ in range(500)]
    assert sum(two_modes(times) is not None for times in series) <= 3
    assert sum(drift(times) is not None for times in series) <= 5


def test_planted_outliers_are_named() -> None:
    times = np.random.default_rng(5).normal(1, 0.02, 100)
    times[[7, 70]] = 3.0
    assert outliers(times) == (7, 70)


def test_a_ratio_is_taken_within_rounds() -> None:
    """Ratios 2, 4, 1: their median is 2; the ratio of the medians would be 9 / 4."""
    assert paired_ratio([2, 16, 9], [1, 4, 9]) == 2
    assert paired_ratio_ci95([2, 4, 6], [1, 2, 3]) == (2, 2)


@pytest.mark.parametrize("count", [6, 10, 20])
def test_the_interval_of_a_ratio_holds_the_truth_often_enough(count: int) -> None:
    rng = np.random.default_rng(0)
    times = rng.lognormal(0, 0.05, (2, 400, count))
    intervals = [paired_ratio_ci95(a, b) for a, b in zip(*times, strict=True)]
    assert np.mean([low <= 1 <= high for low, high in intervals]) >= 0.94

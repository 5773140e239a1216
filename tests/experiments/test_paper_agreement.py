"""Rankings compared: hand-worked intervals, their coverage, pairs of one level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from paper_agreement import agreement, ordered_alike, spearman_ci95

from effprof.analyze.regression_checks import spearman


def test_the_interval_by_hand() -> None:
    # z 1.95996, (1 + 0.25 / 2) / 9 = 0.125, atanh(0.5) = 0.549306: from 0.549306 - 0.692951 to 0.549306 + 0.692951
    low, high = spearman_ci95(0.5, 12) or (0, 0)
    assert (low, high) == pytest.approx((math.tanh(-0.143645), math.tanh(1.242257)), abs=1e-5)
    assert (low, high) == pytest.approx((-0.14267, 0.84612), abs=2e-4)


def test_no_interval_where_there_is_none() -> None:
    assert spearman_ci95(0.5, 3) is None
    assert spearman_ci95(1.0, 14) is None
    assert spearman_ci95(-1.0, 14) is None
    assert spearman_ci95(math.nan, 14) is None


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_the_interval_holds_the_true_correlation(correlation: float) -> None:
    """Of 14 normal pairs, whose Spearman is 6 / pi * asin(r / 2) (Kendall & Gibbons, Rank Correlation Methods)."""
    truth, rng = 6 / math.pi * math.asin(correlation / 2), np.random.default_rng(0)
    held, times = 0, 1000
    for _ in range(times):
        first, noise = rng.normal(size=(2, 14))
        rho = spearman(first, correlation * first + math.sqrt(1 - correlation**2) * noise)
        low, high = spearman_ci95(rho, 14) or (rho, rho)
        held += low <= truth <= high
    assert 0.92 <= held / times <= 0.98


def test_pairs_within_a_level() -> None:
    levels = ["40", "40", "40", "300", "300"]
    printed = [3.0, 2.0, 1.0, 9.0, 9.0]  # the pair of level 300 is a tie: nothing to agree on
    assert ordered_alike(printed, printed, levels) == (3, 3)
    assert ordered_alike([3.0, 1.0, 2.0, 1.0, 2.0], printed, levels) == (2, 3)
    assert ordered_alike([1.0, 1.0, 1.0, 1.0, 2.0], printed, levels) == (0, 3)


def test_an_agreement_says_what_of_and_how_many() -> None:
    found = agreement("here", [1.0, 2.0, 3.0, 5.0, 4.0], "paper", [10.0, 20.0, 30.0, 40.0, 50.0], list("aabbb"))
    # one swap of neighbours among 5: 1 - 6 * 2 / (5 * 24)
    assert (found.networks, found.spearman) == (5, pytest.approx(0.9))
    assert (found.pairs_alike, found.pairs) == (3, 4)
    assert found.low is not None
    assert found.low < 0.9 < (found.high or 0)

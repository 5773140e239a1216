"""How far two columns agree on which network is faster: ranks over all, and pairs of about equal complexity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from effprof.analyze.regression_checks import spearman

FEWEST = 4
"""Networks below which a rank correlation has no interval."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of what was predicted (`of`) with a column of the paper (`against`)."""

    of: str
    against: str
    networks: int
    spearman: float
    low: float | None
    high: float | None
    """95 % interval."""
    pairs_alike: int
    pairs: int
    """Pairs of networks of one complexity level that `of` and `against` order alike, and how many there are."""


def agreement(
    of: str, first: Sequence[float], against: str, second: Sequence[float], levels: Sequence[str]
) -> Agreement:
    """Speeds, or anything that grows with them, of the same networks in the same order."""
    rho = spearman(first, second)
    low, high = spearman_ci95(rho, len(first)) or (None, None)
    alike, pairs = ordered_alike(first, second, levels)
    return Agreement(
        of=of, against=against, networks=len(first), spearman=rho, low=low, high=high, pairs_alike=alike, pairs=pairs
    )


def spearman_ci95(rho: float, count: int) -> tuple[float, float] | None:
    """Interval of a rank correlation by Fisher's z with the variance (1 + rho^2 / 2) / (n - 3).

    Bonett & Wright, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65, 2000. None for fewer than 4 networks, and where all or none are ordered alike (rho = 1 or -1),
    for which the formula has no width.
    """
    if count < FEWEST or not abs(rho) < 1 - 1e-12:
        return None
    half = NormalDist().inv_cdf(0.975) * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)


def ordered_alike(first: Sequence[float], second: Sequence[float], levels: Sequence[str]) -> tuple[int, int]:
    """Pairs within a level whose faster network is the same in both columns, and all pairs without a tie in `second`.

    A tie in `first` alone tells nothing and is not alike.
    """
    alike, pairs = 0, 0
    for one, other in combinations(range(len(levels)), 2):
        printed = second[one] - second[other]
        if levels[one] != levels[other] or printed == 0:
            continue
        pairs += 1
        alike += (first[one] - first[other]) * printed > 0
    return alike, pairs

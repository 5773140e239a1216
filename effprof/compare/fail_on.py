"""`--fail-on latency:5%`: how much a quantity may grow, and what an interval says about that."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from effprof.compare.words import Change, Comparison, Unit
from effprof.errors import UsageError
from effprof.zoo.names import did_you_mean

LARGEST = 10_000.0
"""Per cent or points."""
_EXAMPLES = "latency:5%, share.shuffle:2pt or G2:10%"
_SHOWN = 12

Outcome = Literal["passed", "failed", "too noisy"]


@dataclass(frozen=True)
class Threshold:
    name: str
    limit: float
    """Largest growth, as a share of the old value; for shares in fractions of the latency."""
    in_points: bool

    @property
    def text(self) -> str:
        return f"{self.name}:{self.limit * 100:g}{'pt' if self.in_points else '%'}"


@dataclass(frozen=True)
class Checked:
    threshold: Threshold
    outcome: Outcome


def parse_threshold(text: str) -> Threshold:
    """`share.shuffle:2pt`; the name may hold colons itself (`G1.1:12:5%`). Raises UsageError."""
    name, _, limit = text.rpartition(":")
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?(%|pt)", limit.strip())
    if not name or found is None or float(found[1]) > LARGEST:
        raise UsageError(f"--fail-on is {text!r}. Write a quantity and how much it may grow, as in {_EXAMPLES}.")
    return Threshold(name, float(found[1]) / 100, found[2] == "pt")


def check_names(thresholds: Sequence[Threshold], known: Mapping[str, Unit]) -> None:
    """Raises UsageError for a quantity that is not among the `known`, and for a unit that it does not have."""
    for threshold in thresholds:
        unit = known.get(threshold.name)
        if unit is None:
            names = ", ".join(list(known)[:_SHOWN]) + (f" and {len(known) - _SHOWN} more" * (len(known) > _SHOWN))
            near = did_you_mean(threshold.name, tuple(known))
            raise UsageError(f"--fail-on names {threshold.name!r}, which is not compared. Known here: {names}.{near}")
        if threshold.in_points != (unit == "share"):
            right = f"{threshold.name}:{threshold.limit * 100:g}{'pt' if unit == 'share' else '%'}"
            measure = "points of the latency" if unit == "share" else "per cent of itself"
            raise UsageError(f"--fail-on is {threshold.text!r}, but {threshold.name} changes in {measure}: {right}.")


def check(comparison: Comparison, thresholds: Sequence[Threshold]) -> tuple[Checked, ...]:
    """Every threshold against its change. Raises UsageError as `check_names`."""
    changes = {change.name: change for change in comparison.changes}
    check_names(thresholds, {name: change.unit for name, change in changes.items()})
    return tuple(Checked(threshold, outcome(changes[threshold.name], threshold.limit)) for threshold in thresholds)


def outcome(change: Change, limit: float) -> Outcome:
    """failed: the interval lies above the limit; too noisy: it straddles it and its half-width is larger than it.

    A change that a disturbed side may explain has not failed, and one whose growth it may hide has not passed. One
    without a ratio is taken by its verdict.
    """
    if change.ci95 is None:
        by_verdict: dict[str, Outcome] = {"worse": "failed", "inconclusive": "too noisy"}
        return by_verdict.get(change.verdict, "passed")
    none = 0.0 if change.unit == "share" else 1.0
    low, high = (bound - none for bound in change.ci95)
    if low > limit:
        return "too noisy" if change.may_look_larger else "failed"
    straddles = high > limit and (high - low) / 2 > limit
    return "too noisy" if straddles or change.may_look_smaller else "passed"

"""--fail-on: what it accepts, and what an interval says about a threshold."""

from __future__ import annotations

import pytest

from effprof.compare.fail_on import Outcome, Threshold, check_names, outcome, parse_threshold
from effprof.compare.rule import withheld_where_disturbed
from effprof.compare.words import Answer, Change, Unit
from effprof.errors import UsageError

KNOWN: dict[str, Unit] = {"latency": "s", "time.shuffle": "s", "share.shuffle": "share", "G2": "ratio", "G1.1:12": "s"}


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("latency:5%", Threshold("latency", 0.05, False)),
        ("share.shuffle:2pt", Threshold("share.shuffle", 0.02, True)),
        ("G1.1:12:2.5%", Threshold("G1.1:12", 0.025, False)),
        ("latency:0%", Threshold("latency", 0.0, False)),
        ("latency: 5 %", Threshold("latency", 0.05, False)),
    ],
)
def test_what_is_accepted(text: str, threshold: Threshold) -> None:
    assert parse_threshold(text) == threshold
    check_names([threshold], KNOWN)


@pytest.mark.parametrize(
    "text", ["", ":", "latency", "latency:", "latency:5", ":5%", "latency:-5%", "latency:nan%", "latency:1e9%",
             "latency:20000%", "latency:5ms", "latency:5%%", "latency:٥%"]
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    with pytest.raises(UsageError, match=r"--fail-on is .* as in latency:5%, share\.shuffle:2pt or G2:10%"):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latncy:5%", r"names 'latncy', which is not compared\. Known here: latency, .* Did you mean latency\?"),
        ("latency:5pt", r"changes in per cent of itself: latency:5%\."),
        ("share.shuffle:2%", r"changes in points of the latency: share\.shuffle:2pt\."),
        ("G3:10%", "Known here: latency, time.shuffle, share.shuffle, G2, G1.1:12"),
    ],
)
def test_a_name_or_unit_that_is_not_compared(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_names([parse_threshold(text)], KNOWN)


def changed(low: float, high: float, unit: Unit = "s", old: bool = False, new: bool = False) -> Change:
    """With the disturbed sides."""
    middle = (low + high) / 2
    change = Change("latency", unit, 1.0, middle, middle, (low, high), 0.03, "inconclusive")
    return withheld_where_disturbed(change, old=old, new=new)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.051, 1.2, "failed"),
        (1.06, 1.07, "failed"),
        (1.04, 1.06, "passed"),  # straddles, but is known well
        (1.0, 1.2, "too noisy"),  # half-width 10 %
        (0.97, 1.08, "too noisy"),  # half-width 5.5 %
        (0.8, 1.04, "passed"),
        (0.7, 0.9, "passed"),
    ],
)
def test_against_five_per_cent(low: float, high: float, expected: Outcome) -> None:
    assert outcome(changed(low, high), 0.05) == expected


def test_shares_are_taken_in_points() -> None:
    assert outcome(changed(0.021, 0.03, "share"), 0.02) == "failed"
    assert outcome(changed(-0.021, 0.03, "share"), 0.02) == "too noisy"
    assert outcome(changed(0.01, 0.03, "share"), 0.02) == "passed"


@pytest.mark.parametrize(
    ("low", "high", "unit", "old", "new", "expected"),
    [
        (1.025, 1.07, "s", False, True, "too noisy"),  # the new run may have been slowed down
        (1.025, 1.07, "s", True, False, "failed"),  # a slowed baseline makes growth look smaller
        (0.97, 1.01, "s", True, False, "too noisy"),
        (0.97, 1.01, "s", False, True, "passed"),
        (0.97, 1.01, "ratio", False, True, "too noisy"),
        (0.97, 1.01, "ratio", True, False, "too noisy"),
        (0.03, 0.04, "share", True, False, "too noisy"),
        (-0.01, 0.01, "share", False, True, "too noisy"),
        (-0.01, 0.01, "share", False, False, "passed"),
    ],
)
def test_what_a_busy_neighbour_may_explain_or_hide(
    low: float, high: float, unit: Unit, old: bool, new: bool, expected: Outcome
) -> None:
    change = changed(low, high, unit, old, new)
    assert change.verdict == "inconclusive"
    assert outcome(change, 0.02) == expected


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [("worse", "failed"), ("inconclusive", "too noisy"), ("same", "passed"), ("better", "passed")],
)
def test_without_a_ratio_the_verdict_decides(verdict: Answer, expected: Outcome) -> None:
    change = Change("time.shuffle", "s", 0.0, 1e-3, None, None, 0.01, verdict)
    assert outcome(change, 0.05) == expected

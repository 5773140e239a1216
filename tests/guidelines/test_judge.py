"""A whole sweep judged, and the doubts that follow from its samples."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_sweep import SLOWDOWNS, planned_sweep, timed_entry

from effprof.guidelines import judge
from effprof.guidelines.paper import RECOMMENDED, paper_points
from effprof.sweep_records import Sweep, SweepEntry


def sweep_of(*entries: SweepEntry) -> Sweep:
    return replace(planned_sweep(), entries=entries, notes=())


def codes(sweep: Sweep) -> list[str]:
    return [note.code for note in judge(sweep).notes]


def test_verdicts_at_the_judged_scale_and_beside_it() -> None:
    result = judge(planned_sweep())
    assert [(v.guideline, v.verdict) for v in result.verdicts] == [
        ("G1", "holds"), ("G2", "holds"), ("G3", "holds"), ("G4", "fails"),
    ]  # fmt: skip
    assert [verdict.scale for verdict in result.others] == ["x2"] * 4
    for verdict in result.verdicts:
        assert verdict.slowdown.value == pytest.approx(SLOWDOWNS[verdict.guideline], rel=0.05)
    assert result.notes[0].code == "governor"


def test_a_judgement_can_be_made_again() -> None:
    assert judge(planned_sweep()) == judge(planned_sweep())


def test_page_faults_are_doubted() -> None:
    entry = timed_entry([[0.01] * 6] * 4)
    faulting = replace(entry, points=(*entry.points[:3], replace(entry.points[3], page_faults=(900.0, 1000.0, 0.0))))
    assert codes(sweep_of(faulting)) == ["page-faults"]
    assert "G1 x1 1:12 900" in judge(sweep_of(faulting)).notes[0].text


def test_unsteady_and_cut_short_and_undecided() -> None:
    noisy = [0.01, 0.02, 0.01, 0.02, 0.013, 0.009]
    entry = replace(timed_entry([[0.01] * 6, [0.01] * 6, [0.01] * 6, noisy]), stopped_because="max-time")
    assert codes(sweep_of(entry)) == ["wide-spread", "interval-not-reached", "inconclusive"]
    assert codes(sweep_of(timed_entry([[0.01] * 6] * 4))) == []


def test_every_cell_of_the_papers_tables() -> None:
    points = paper_points()
    assert len(points) == (4 + 4 + 5 + 4) * 3 * 2
    for point in points:
        if point.label == RECOMMENDED[point.guideline]:
            assert point.relative_speed == 1
        assert "Ma et al. 2018" in point.source
        assert point.relative_speed > 0


@pytest.mark.parametrize(
    ("guideline", "platform", "scale", "label", "speed", "recommended"),
    [
        ("G1", "gpu", "x1", "1:12", 748, 1480),
        ("G1", "arm", "x4", "1:6", 4.6, 5.3),
        ("G2", "gpu", "x2", "g=8", 445, 1289),
        ("G3", "arm", "x2", "4-fragment-parallel", 8.4, 10.1),
        ("G4", "gpu", "x4", "relu+shortcut", 1436, 1782),
        ("G4", "arm", "x1", "relu", 61.9, 66.3),
    ],
)
def test_cells_read_from_the_paper(
    guideline: str, platform: str, scale: str, label: str, speed: float, recommended: float
) -> None:
    wanted = (guideline, platform, scale, label)
    (point,) = [p for p in paper_points() if (p.guideline, p.platform, p.scale, p.label) == wanted]
    assert point.speed == speed
    assert point.relative_speed == pytest.approx(speed / recommended)


SAME_WORK = (9 * 108) / (32 * 32)
"""Of G1's severe setting over its recommended one: a slowdown of s takes s times this as long."""


def slowed(slowdowns: list[float], base_s: float = 0.01) -> SweepEntry:
    base = [base_s] * len(slowdowns)
    return timed_entry([base, base, base, [base_s * SAME_WORK * slowdown for slowdown in slowdowns]])


def test_a_slowdown_about_the_margin_is_not_told_to_take_more_rounds() -> None:
    entry = slowed([1.0195, 1.0205] * 6)
    for reason in ("interval", "max-time"):
        result = judge(sweep_of(replace(entry, stopped_because=reason)))
        assert result.verdicts[0].verdict == "inconclusive"
        assert [note.code for note in result.notes] == ["about-the-margin"]
        assert "about the margin itself: G1 x1" in result.notes[0].text
        assert "More rounds would not decide" in result.notes[0].remedy


def test_a_wide_interval_about_the_margin_may_take_more_rounds() -> None:
    assert codes(sweep_of(slowed([1.0, 1.04] * 6))) == ["inconclusive"]


def test_too_few_rounds_are_the_reason() -> None:
    entry = replace(slowed([1.5] * 3), stopped_because="max-time")
    result = judge(sweep_of(entry))
    assert result.verdicts[0].verdict == "inconclusive"
    assert result.verdicts[0].why[0] == "only 3 rounds finished: a verdict needs at least 6"
    assert [note.code for note in result.notes] == ["few-rounds"]
    assert "G1 x1 (3)" in result.notes[0].text


def test_a_slowdown_that_drifts_is_doubted() -> None:
    rising = [1.5 + 0.005 * number for number in range(20)]
    note = judge(sweep_of(slowed(rising))).notes[0]
    assert (note.code, note.text) == ("drift", "The slowdown changed from the first round to the last: G1 x1 by +6.3%.")
    assert codes(sweep_of(slowed(rising[:19]))) == []  # too few rounds to tell
    assert codes(sweep_of(slowed([1.5 + 0.0005 * number for number in range(20)]))) == []  # less than the margin


def test_what_slows_both_settings_alike_is_no_drift() -> None:
    alike = [0.01 * (1 + 0.005 * number) for number in range(20)]
    assert codes(sweep_of(timed_entry([alike, alike, alike, [1.5 * time_s for time_s in alike]]))) == []


def test_a_slowdown_with_two_values_is_doubted() -> None:
    """Thirty rounds, a third of them at 2.0 instead of 1.5, in no order that would be a drift."""
    mixed = [2.0 if number % 3 == 1 else 1.5 + 0.001 * (number % 7) for number in range(30)]
    notes = {note.code: note for note in judge(sweep_of(slowed(mixed))).notes}
    assert notes["two-modes"].text == "The slowdown falls into two groups of rounds: G1 x1 at 1.50 and 2.00."
    assert "drift" not in notes
    assert "two-modes" not in codes(sweep_of(slowed(mixed[:29])))  # too few rounds to tell
    alike = [0.01 * value for value in mixed]
    both = timed_entry([alike, alike, alike, [1.5 * time_s for time_s in alike]])
    assert "two-modes" not in codes(sweep_of(both))

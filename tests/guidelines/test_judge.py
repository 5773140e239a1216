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

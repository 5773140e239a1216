"""The guidelines' chart: whatever was measured, every label is there and no two texts overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from figure_texts import assert_clear_texts
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_sweep import planned_entry, planned_sweep, timed_entry

from effprof.guidelines import judge
from effprof.report.guidelines_chart import build_guidelines_figure
from effprof.store import read_sweep
from effprof.sweep_records import GUIDELINES, GuidelineId, Guidelines, Scale, Sweep, SweepEntry

COMMITTED = sorted((Path(__file__).parents[2] / "reports").glob("guidelines-*/sweep.json"))
LABELS: dict[GuidelineId, list[str]] = {
    "G1": ["1:1", "1:2", "1:6", "1:12"],
    "G2": ["g=1", "g=2", "g=4", "g=8"],
    "G3": ["1", "2-series", "4-series", "2-parallel", "4-parallel"],
    "G4": ["none", "shortcut", "relu", "relu+shortcut"],
}


def of_entries(entries: Sequence[SweepEntry], scale: Scale = "x1") -> Guidelines:
    sweep = planned_sweep()
    names = tuple(entry.guideline for entry in entries)
    return judge(replace(sweep, entries=tuple(entries), spec=replace(sweep.spec, guidelines=names, scale=scale)))


def at_scale(sweep: Sweep, scale: Scale) -> Guidelines:
    return judge(replace(sweep, spec=replace(sweep.spec, scale=scale)))


def assert_clear(result: Guidelines) -> None:
    figure = build_guidelines_figure(result)
    assert_clear_texts(figure)
    for verdict, axes in zip(result.verdicts, figure.axes[1::2], strict=True):
        assert [text.get_text() for text in axes.texts] == LABELS[verdict.guideline]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_sweeps_of_real_devices(path: Path) -> None:
    sweep = read_sweep(path)
    for scale in (sweep.spec.scale, *sweep.spec.other_scales):
        assert_clear(at_scale(sweep, scale))


def test_there_is_a_sweep_of_a_real_device() -> None:
    assert COMMITTED


@pytest.mark.parametrize("slowdown", [0.7, 1.0, 1.02, 12.3])
def test_planned_slowdowns(slowdown: float) -> None:
    assert_clear(of_entries([planned_entry(name, slowdown, noise=0.1) for name in GUIDELINES]))


@pytest.mark.parametrize("name", GUIDELINES)
def test_one_guideline_alone(name: GuidelineId) -> None:
    assert_clear(of_entries([planned_entry(name, 1.3)]))


def test_no_difference_at_all() -> None:
    """All points but their access in one place, with intervals of no width."""
    assert_clear(of_entries([timed_entry([[1e-3] * 5] * len(LABELS[name]), name) for name in GUIDELINES]))


def test_points_that_lie_close() -> None:
    """Within 3 % in access and none in time: names have to go far, and their lines past one another."""
    entry = planned_entry("G4", 1.0, noise=0.02)
    elements = (1_000_000, 1_029_710, 1_031_190, 1_032_256)
    points = (replace(p, access_elements=count) for p, count in zip(entry.points, elements, strict=True))
    assert_clear(of_entries([replace(entry, points=tuple(points))]))


# A chart takes a second to draw, so a failing example is not made smaller.
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_points_wherever_they_are(data: st.DataObject) -> None:
    entries = []
    for name in data.draw(st.permutations(GUIDELINES))[:2]:
        entry = planned_entry(name, data.draw(st.sampled_from([0.5, 0.99, 1.0, 1.1, 3.0])), noise=0.02)
        access = st.integers(1_000_000, data.draw(st.sampled_from([1_000_000, 1_100_000, 9_000_000])))
        points = tuple(replace(point, access_elements=data.draw(access)) for point in entry.points)
        entries.append(replace(entry, points=points))
    assert_clear(of_entries(entries))

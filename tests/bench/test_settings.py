"""Widths and work of the four experiments, by hand and against the count of the built networks."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from small_sweep import mult_adds

import effprof
from effprof.bench.networks import build, input_shape
from effprof.bench.settings import settings_of
from effprof.guidelines.why import g1_access_elements, g1_bound_elements, g2_access_elements
from effprof.report import Report
from effprof.sweep_records import GUIDELINES, SCALES, GuidelineId, Platform, Scale, SweepSetting

MAX_DRIFT = 0.12
"""Work within one entry differs by no more; the paper's own widths let it drift by 5.5 %."""
ENTRIES = [(guideline, platform) for guideline in GUIDELINES for platform in ("gpu", "arm")]
LABELS = {
    "G1": ["1:1", "1:2", "1:6", "1:12"],
    "G2": ["g=1", "g=2", "g=4", "g=8"],
    "G3": ["1-fragment", "2-fragment-series", "4-fragment-series", "2-fragment-parallel", "4-fragment-parallel"],
    "G4": ["none", "shortcut", "relu", "relu+shortcut"],
}


def counted(setting: SweepSetting, batch_size: int = 1, img_size: int = 56) -> Report:
    with torch.device("meta"):
        return effprof.count(build(setting, 0), torch.empty(input_shape(setting, batch_size, img_size)))


def widths(guideline: GuidelineId, platform: Platform, scale: Scale) -> list[tuple[int, int]]:
    return [(s.channels, s.inner_channels) for s in settings_of(guideline, platform, scale)]


@pytest.mark.parametrize(("guideline", "platform"), ENTRIES)
def test_the_built_network_does_the_work_worked_by_hand(guideline: GuidelineId, platform: Platform) -> None:
    for setting in settings_of(guideline, platform, "x1"):
        assert counted(setting).analysis.totals.mult_adds == mult_adds(setting, 1, 56)


def test_work_by_hand() -> None:
    """1:1 on ARM: 10 blocks of two 32 -> 32 convolutions at 56 x 56."""
    assert mult_adds(settings_of("G1", "arm", "x1")[0], 1, 56) == 10 * 2 * 32 * 32 * 3136 == 64_225_280
    bottleneck = settings_of("G4", "arm", "x1")[0]
    assert mult_adds(bottleneck, 2, 56) == 2 * 10 * 3136 * (32 * 8 + 9 * 8 * 8 + 8 * 32)


def test_batch_and_image_size_scale_the_work() -> None:
    setting = settings_of("G3", "arm", "x1")[4]
    assert counted(setting, batch_size=3, img_size=7).analysis.totals.mult_adds == mult_adds(setting, 3, 7)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("guideline", "platform"), ENTRIES)
def test_work_hardly_drifts_within_an_entry(guideline: GuidelineId, platform: Platform, scale: Scale) -> None:
    settings = settings_of(guideline, platform, scale)
    assert [setting.label for setting in settings] == LABELS[guideline]
    work = [mult_adds(setting, 1, 56) for setting in settings]
    assert max(work) / min(work) - 1 <= MAX_DRIFT
    for setting in settings:
        assert setting.channels % setting.groups == 0


def test_the_papers_widths() -> None:
    assert widths("G1", "gpu", "x1") == [(128, 128), (90, 180), (52, 312), (36, 432)]
    assert widths("G1", "arm", "x2") == [(64, 64), (44, 88), (26, 156), (18, 216)]
    assert [c for c, _ in widths("G2", "gpu", "x1")] == [128, 180, 256, 360]
    assert [c for c, _ in widths("G2", "gpu", "x4")] == [512, 720, 1024, 1440]


def test_a_width_that_groups_cannot_divide_is_the_nearest_and_noted() -> None:
    *others, eight = settings_of("G2", "arm", "x1")
    assert (eight.channels, eight.paper_channels) == (184, 180)
    assert [setting.paper_channels for setting in others] == [None, None, None]
    assert settings_of("G2", "arm", "x2")[3].channels == 360


def test_fragments_are_narrowed() -> None:
    assert [c for c, _ in widths("G3", "arm", "x1")] == [64, 45, 32, 45, 32]
    assert [c for c, _ in widths("G3", "gpu", "x1")] == [128, 91, 64, 91, 64]


def test_what_the_papers_formulas_say_is_what_is_counted() -> None:
    for setting in settings_of("G1", "arm", "x1"):
        assert counted(setting).analysis.totals.access_elements == 20 * g1_access_elements(setting, 3136)
        assert g1_access_elements(setting, 3136) >= g1_bound_elements(setting, 3136) - 1e-6
    for setting in settings_of("G2", "gpu", "x1"):
        assert counted(setting).analysis.totals.access_elements == pytest.approx(10 * g2_access_elements(setting, 3136))


def test_the_bound_is_reached_at_equal_widths() -> None:
    """hw = 3136, c1 = c2 = 32: 2 * 3136 * 32 + 32 * 32 = 201,728 elements."""
    equal = settings_of("G1", "arm", "x1")[0]
    assert g1_access_elements(equal, 3136) == 201_728
    assert g1_bound_elements(equal, 3136) == pytest.approx(201_728)


def test_calls_of_each_structure() -> None:
    calls = {s.label: len(counted(s).profile.calls) for g in ("G3", "G4") for s in settings_of(g, "arm", "x1")}
    assert (calls["1-fragment"], calls["4-fragment-series"]) == (10, 40)
    assert calls["4-fragment-parallel"] == 70  # 4 convolutions and 3 additions, ten times
    assert (calls["none"], calls["shortcut"], calls["relu"], calls["relu+shortcut"]) == (30, 40, 60, 70)


def test_building_leaves_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first = build(settings_of("G4", "arm", "x1")[0], 5)
    assert torch.equal(torch.rand(3), expected)
    second = build(settings_of("G4", "arm", "x1")[0], 5)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_clock_can_be_driven_without_torch() -> None:
    names = "effprof.bench.rounds, effprof.bench.planned, effprof.bench.settings"
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

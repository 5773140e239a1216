"""Defects that were planted are found, with the right code, layer and line, and nothing else is a warning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from findings import planted_networks as planted
from findings.planted_networks import line_of
from torch import nn

import effprof
from effprof.bench.sweep import measure_sweep
from effprof.cli import main
from effprof.finding_records import Finding
from effprof.findings import find
from effprof.findings.drafting import LEAST_SHARE
from effprof.guidelines.judge import judge
from effprof.guidelines.paper import paper_points
from effprof.sweep_records import SweepSpec, Verdict

INPUT = torch.zeros(1, 32, 56, 56)


def profile(model: nn.Module, tmp_path: Path, **plan: object) -> effprof.Report:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    return effprof.profile(model, INPUT, device=f"fake:{path}", min_time=0.01, max_time=1.0)


def warnings(report: effprof.Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.level == "warn"]


@pytest.mark.parametrize(
    ("network", "code", "layer"),
    [
        (planted.UnequalWidths, "G1-unequal-widths", "head"),
        (planted.InvertedResidual, "G1-narrow-wide", "widen"),
        (planted.GroupedPointwise, "G2-grouped-pointwise", "grouped"),
        (planted.Siblings, "G3-siblings", "left"),
        (planted.BatchNorms, "G4-batch-norm", "norm"),
        (planted.BeforeHalving, "G4-before-halving", ""),
        (planted.ThereAndBack, "copies-redundant", ""),
        (planted.LargeKernel, "kernel-large", "large"),
    ],
)
def test_a_planted_defect_is_found_where_it_is(network: type[nn.Module], code: str, layer: str, tmp_path: Path) -> None:
    found = warnings(profile(network(), tmp_path))
    assert [finding.code for finding in found] == [code]
    assert layer in found[0].layers
    assert found[0].source is not None
    assert found[0].source.endswith(line_of(network))


def test_a_planted_cliff_is_found_and_expected_to_gain_what_was_planted(tmp_path: Path) -> None:
    """Time follows work at 2e10 a second; 36 channels take twice that, 48 would take what their work does."""
    work = 32 * 36 * 56 * 56 / 2e10
    plan = {"rates": {"bytes_per_s": 1e15}, "layers": {"odd": {"time_s": 2 * work}}}
    (cliff,) = warnings(profile(planted.OddWidth(), tmp_path, **plan))
    assert (cliff.code, cliff.layers, cliff.expected_from) == ("width-cliff", ("odd",), "run")
    assert cliff.source is not None
    assert cliff.source.endswith(line_of(planted.OddWidth))
    assert cliff.expected_gain_s == pytest.approx(2 * work - work * 48 / 36, rel=0.01)


def test_odd_widths_at_the_rate_of_the_others_are_none(tmp_path: Path) -> None:
    report = profile(planted.OddWidth(), tmp_path, rates={"bytes_per_s": 1e15})
    assert "width-cliff" not in {finding.code for finding in report.findings}


def test_the_layout_is_found_at_the_dearest_convolution(tmp_path: Path) -> None:
    (layout,) = (one for one in profile(planted.Layout(), tmp_path).findings if one.code == "layout-channels-last")
    assert layout.layers[0] == "wide"
    assert layout.source is not None
    assert layout.source.endswith(line_of(planted.Layout))


@pytest.mark.parametrize(("threads", "time_s", "is_found"), [(2, 2e-5, True), (1, 2e-5, False), (2, 2e-4, False)])
def test_many_short_calls_are_no_work_for_several_threads(
    threads: int, time_s: float, is_found: bool, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"default": {"time_s": time_s}, "rates": {"seconds_per_call": 0}}))
    found = effprof.profile(
        planted.Sound(), INPUT, device=f"fake:{plan}", threads=threads, min_time=0.01, max_time=1.0
    ).findings
    assert ("setting-threads" in {finding.code for finding in found}) is is_found


def test_the_time_between_calls_is_not_the_time_of_the_small_calls(tmp_path: Path) -> None:
    """Four calls of 10 us with 30 us between each: 120 us of 160."""
    report = profile(planted.Sound(), tmp_path, default={"time_s": 1e-5}, rates={"seconds_per_call": 3e-5})
    (small,) = (finding for finding in report.findings if finding.code == "G3-small-ops")
    assert dict(small.evidence)["time_s"] == pytest.approx(1.2e-4)
    assert dict(small.evidence)["share"] == pytest.approx(0.75)
    assert "4 calls take less than that themselves" in small.text
    long = profile(planted.Sound(), tmp_path, default={"time_s": 1e-4}, rates={"seconds_per_call": 3e-5})
    (small,) = (finding for finding in long.findings if finding.code == "G3-small-ops")
    assert small.text.endswith("30 µs for each.")


def test_convolutions_that_torch_keeps_from_onednn_are_named() -> None:
    """With one thread and one image torch does 1x1 convolutions itself; with 16 images oneDNN does them."""
    network = planted.Layout()
    for batch, expected in ((1, True), (16, False)):
        report = effprof.profile(network, torch.zeros(batch, 32, 28, 28), threads=1, min_time=0.01, max_time=1.0)
        slow = [one for one in report.findings if one.code == "kernel-slow-conv2d"]
        assert bool(slow) is expected
        assert all("wide" not in finding.layers and finding.exact_edit == "pack-weights" for finding in slow)


def test_a_sound_network_has_no_warning(tmp_path: Path) -> None:
    assert warnings(profile(planted.Sound(), tmp_path)) == []


def test_the_gain_of_what_goes_away_is_its_time(tmp_path: Path) -> None:
    report = profile(planted.BatchNorms(), tmp_path, ops={"batch_norm": {"time_s": 3e-3}, "conv2d": {"time_s": 1e-3}})
    (finding,) = warnings(report)
    between_s = report.analysis.accounting.overhead_s / 5  # type: ignore[union-attr]  # of five calls
    assert between_s == pytest.approx(5e-6, rel=0.01)
    assert finding.expected_gain_s == pytest.approx(3e-3 + between_s)
    assert finding.expected_from == "run"
    assert dict(finding.evidence)["share"] == pytest.approx(3e-3 / report.analysis.latency.median_s)  # type: ignore[union-attr]


def test_three_quarters_of_an_activation_before_pooling_are_spared(tmp_path: Path) -> None:
    report = profile(planted.BeforeHalving(), tmp_path, ops={"tanh": {"time_s": 4e-3}})
    (finding,) = warnings(report)
    assert finding.expected_gain_s == pytest.approx(3e-3)


def test_the_paper_s_slowdown_is_expected_where_this_device_was_not_asked(tmp_path: Path) -> None:
    """Table 1, ARM, x1: 1:12 runs at 37.1 of 60.2 images/s, so 1 - 37.1/60.2 of the time would be gained.

    The head has 32 and 384 channels, 1:12, at 56 x 56; its weights make its access over the bound a little smaller
    than that of the ratio alone.
    """
    report = profile(planted.UnequalWidths(), tmp_path, layers={"head": {"time_s": 1e-2}})
    (finding,) = warnings(report)
    assert finding.expected_from == "paper"
    assert finding.expected_gain_s == pytest.approx(1e-2 * (1 - paper_speed("1:12")), rel=0.05)


def paper_speed(label: str) -> float:
    chosen = (p for p in paper_points() if (p.guideline, p.platform, p.scale, p.label) == ("G1", "arm", "x1", label))
    return next(chosen).relative_speed


def test_a_guideline_that_fails_here_says_nothing(tmp_path: Path) -> None:
    report = profile(planted.UnequalWidths(), tmp_path)
    for planted_slowdown, expected in ((0.9, []), (3.0, ["G1-unequal-widths"])):
        verdicts = fake_verdicts(tmp_path, planted_slowdown)
        found = find(report.profile, report.analysis, verdicts)
        assert [finding.code for finding in found if finding.level == "warn"] == expected
        if expected:
            assert found[0].expected_from == "guidelines"


def fake_verdicts(tmp_path: Path, slowdown: float) -> tuple[Verdict, ...]:
    path = tmp_path / "sweep.json"
    path.write_text(json.dumps({"guidelines": {"G1": slowdown}}))
    spec = SweepSpec(device=f"fake:{path}", guidelines=("G1",), max_time_s=1.0)
    return judge(measure_sweep(spec, lambda text, part: None)).verdicts


def test_what_is_below_one_per_cent_is_not_said(tmp_path: Path) -> None:
    tiny = profile(planted.BatchNorms(), tmp_path, ops={"batch_norm": {"time_s": 1e-6}, "conv2d": {"time_s": 1e-3}})
    assert [finding for finding in tiny.findings if finding.code == "G4-batch-norm"] == []
    for finding in tiny.findings:
        share = dict(finding.evidence)["share"]
        assert isinstance(share, float)
        assert share >= LEAST_SHARE


def test_a_written_tensor_keeps_its_copy(tmp_path: Path) -> None:
    class Keeps(planted.Sound):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = super().forward(x)
            kept = x.clone()
            x.mul_(2)
            return x + kept

    class Spare(planted.Sound):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).clone()

    assert "copies-redundant" not in {finding.code for finding in profile(Keeps(), tmp_path).findings}
    assert "copies-redundant" in {finding.code for finding in profile(Spare(), tmp_path).findings}


def test_a_count_finds_by_access_and_expects_nothing() -> None:
    found = effprof.count(planted.BatchNorms(), INPUT).findings
    (norm,) = (finding for finding in found if finding.code == "G4-batch-norm")
    assert norm.expected_gain_s is None
    assert dict(norm.evidence)["time_s"] is None
    assert {finding.level for finding in found} == {"info"}


def test_the_command_takes_this_device_s_verdicts_and_no_other_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"guidelines": {"G1": 3.0}}))
    sweep = tmp_path / "sweep"
    words = ["--device", f"fake:{plan}", "--quiet", "--output-dir"]
    assert main(["guidelines", "--only", "G1", "--one-scale", "--max-time", "1", *words, str(sweep)]) == 0
    run = ["run", "--model", f"{planted.__file__}:UnequalWidths", "--input-shape", "32x56x56", *words]
    assert main([*run, str(tmp_path / "own"), "--guidelines", str(sweep)]) == 0
    findings = json.loads((tmp_path / "own" / "report.json").read_text())["findings"]
    assert [one["expected_from"] for one in findings if one["code"] == "G1-unequal-widths"] == ["guidelines"]
    capsys.readouterr()
    assert main([*run, str(tmp_path / "other"), "--threads", "2", "--guidelines", str(sweep)]) == 2
    assert "another number of threads" in capsys.readouterr().err
    assert main([*run, str(tmp_path / "none"), "--guidelines", str(tmp_path / "nowhere.json")]) == 2
    assert "nowhere.json" in capsys.readouterr().err

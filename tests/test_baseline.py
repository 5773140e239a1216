"""`effprof guidelines --baseline`: checked before anything slow, compared with at the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from small_comparison import profile_of_rounds
from small_sweep import planned_sweep

from effprof.bench import sweep as sweep_module
from effprof.cli import main
from effprof.devices.fake import fake_device
from effprof.guidelines import judge
from effprof.measure.environment import environment
from effprof.report.guidelines_json import render_guidelines_json
from effprof.store import dumps_profile, dumps_sweep
from effprof.sweep_records import Sweep


def on_the_fake_device(sweep: Sweep) -> Sweep:
    """As `--device fake --quick` on this machine would have measured it."""
    spec = replace(sweep.spec, device="fake", other_scales=(), threads=None)
    own = replace(sweep, spec=spec, device=fake_device(1), environment=environment("default"), notes=())
    return replace(own, entries=tuple(entry for entry in sweep.entries if entry.scale == "x1"))


@pytest.fixture
def baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved sweep; the next one finds the very same times."""
    sweep = on_the_fake_device(planned_sweep())
    path = tmp_path / "old" / "sweep.json"
    path.parent.mkdir()
    path.write_bytes(dumps_sweep(sweep))
    monkeypatch.setattr(sweep_module, "measure_sweep", lambda spec, progress: sweep)
    return path


QUICK = ["guidelines", "--device", "fake", "--quick"]


def test_the_same_again(baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_file = tmp_path / "new.json"
    words = [*QUICK, "--baseline", str(baseline.parent), "--fail-on", "G2:10%", "--json", str(json_file)]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert out.startswith("effprof · guidelines")
    assert "effprof · compare · guidelines" in out
    assert "--fail-on G2:10%: passed" in out
    comparison = json.loads(json_file.read_bytes())["comparison"]
    assert {quantity["ratio"] for quantity in comparison["quantities"]} == {1.0}
    assert comparison["margin"] == 0.05


def test_the_margin_of_a_change_can_be_chosen(baseline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--baseline", str(baseline), "--change-margin", "20%", "--json", "-"]) == 0
    comparison = json.loads(capsys.readouterr().out)["comparison"]
    assert comparison["margin"] == 0.2
    assert comparison["verdict"] == "same"  # the widened intervals of one process are within it


def test_guidelines_json_is_a_baseline_too(baseline: Path, tmp_path: Path) -> None:
    path = tmp_path / "guidelines.json"
    path.write_bytes(render_guidelines_json(judge(on_the_fake_device(planned_sweep()))))
    assert main([*QUICK, "--baseline", str(path), "--quiet"]) == 0


def test_a_slowdown_that_grew_fails(
    baseline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = on_the_fake_device(planned_sweep())
    first, *others = sweep.entries
    severe = replace(first.severe, rounds_s=tuple(1.3 * time_s for time_s in first.severe.rounds_s))
    slower = replace(sweep, entries=(replace(first, points=(*first.points[:-1], severe)), *others))
    monkeypatch.setattr(sweep_module, "measure_sweep", lambda spec, progress: slower)
    assert main([*QUICK, "--baseline", str(baseline), "--fail-on", "G1:10%", "--fail-on", "G2:10%"]) == 1
    out = capsys.readouterr().out
    assert "G1 is worse: 1.300 times as large" in out
    assert "--fail-on G2:10%: passed" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--baseline", "no/where"], "There is no no/where"),
        (["--fail-on", "G1:5%"], "--fail-on needs --baseline"),
        (["--change-margin", "3%"], "--change-margin needs --baseline"),
        (["--baseline", "SAVED", "--change-margin", "nan"], "--change-margin is 'nan'"),
        (["--markdown", "x.md"], "--markdown needs --baseline"),
        (["--baseline", "SAVED", "-b", "2"], "Not comparable: batch 1 against 2."),
        (["--baseline", "SAVED", "--threads", "2"], "Not comparable: threads 1 against 2."),
        (["--baseline", "SAVED", "--scale", "x4"], "scale x1 against x4"),
        (["--baseline", "SAVED", "--fail-on", "latency:5%"], "--fail-on names 'latency'"),
        (["--baseline", "SAVED", "--only", "G2", "--fail-on", "G1:5%"], "Known here: G2, G2.g=1"),
        (["--baseline", "SAVED", "--markdown", "-", "--json", "-"], "cannot both go to stdout"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_told_before_anything_slow(
    baseline: Path,
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_late(spec: object, progress: object) -> Sweep:
        raise AssertionError("measured before the baseline was checked")

    monkeypatch.setattr(sweep_module, "measure_sweep", too_late)
    words = [str(baseline) if word == "SAVED" else word for word in options]
    assert main([*QUICK, *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_run_is_no_baseline_of_guidelines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.json"
    path.write_bytes(dumps_profile(profile_of_rounds([1.0])))
    assert main([*QUICK, "--baseline", str(path)]) == 2
    assert "is a network's run" in capsys.readouterr().err


def test_an_interrupted_sweep_is_not_compared(
    baseline: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    partial = replace(on_the_fake_device(planned_sweep()), partial=True)
    monkeypatch.setattr(sweep_module, "measure_sweep", lambda spec, progress: partial)
    assert main([*QUICK, "--baseline", str(baseline)]) == 130
    assert "effprof · compare" not in capsys.readouterr().out

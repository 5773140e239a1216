"""Findings and what their edits gain, found by the one command: planted gains on the make-believe clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from findings import planted_networks as planted
from small_advice import small_advice

from effprof.advice_records import Advice
from effprof.advise import process, whole
from effprof.cli import main
from effprof.errors import CrashError, EffprofError, InterruptedRunError, ModelError

RATE = 2e10
"""Multiply-adds a second of a plan that names none."""


def advise(folder: Path, network: str, plan: dict[str, Any], *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and what --json wrote; edits that are not planned do not apply, and no setting is tried."""
    path, out = folder / "plan.json", folder / "advice.json"
    path.write_text(json.dumps(plan))
    words = ["advise", "--model", f"{planted.__file__}:{network}", "--input-shape", "32x56x56", "--threads", "1"]
    words += ["--device", f"fake:{path}", "--max-time", "5", "--json", str(out), "--quiet"]
    code = main([*words, "--edits", "fold-batch-norm,drop-copies", *more])
    return code, json.loads(out.read_text())


def finding(content: dict[str, Any], code: str) -> dict[str, Any]:
    (found,) = (one for one in content["findings"] if one["code"] == code)
    return dict(found)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_expected_and_measured_are_the_planted_gain(noise: float, tmp_path: Path) -> None:
    """Four convolutions and a batch-norm of 1 ms each: folding is expected to save 1 ms, and is planned to."""
    millisecond = {"time_s": 1e-3, "noise": noise}
    plan = {
        "ops": {"conv2d": millisecond, "batch_norm": millisecond},
        "rates": {"seconds_per_call": 0},
        "edits": {"fold-batch-norm": 0.2},
    }
    code, content = advise(tmp_path, "BatchNorms", plan, "--fail-on", "finding:warn")
    norm = finding(content, "G4-batch-norm")
    assert norm["expected_gain_s"] == pytest.approx(1e-3, rel=0.02)
    assert norm["measured_how"] == "advise"
    low_s, high_s = norm["measured_ci95_s"]
    assert low_s - 1e-9 <= 1e-3 <= high_s + 1e-9
    assert high_s - low_s <= noise * 5e-3 + 1e-9, "an interval that says something"
    assert norm["measured_gain_s"] == pytest.approx(1e-3, rel=0.02)
    assert content["latency_s"] == pytest.approx(5e-3, rel=0.01)
    assert code == 1


def test_a_design_edit_gets_the_planted_price(tmp_path: Path) -> None:
    """Three kernels of 9 places do 27/49 of the work of one of 49, and time follows work alone."""
    code, content = advise(tmp_path, "LargeKernel", {"default": {"noise": 0.01}}, "--fail-on", "finding:warn")
    kernel = finding(content, "kernel-large")
    own_s = 49 * 32 * 32 * 56 * 56 / RATE
    low_s, high_s = kernel["measured_ci95_s"]
    assert low_s <= own_s * (1 - 27 / 49) <= high_s
    assert kernel["measured_how"] == "price"
    assert code == 1, "priced, and not refuted"


def test_a_planted_cliff_gets_the_planted_price(tmp_path: Path) -> None:
    """Expected and measured are alike: what 36 channels take at half the rate beyond what 48 take."""
    work_s = 32 * 36 * 56 * 56 / RATE
    plan = {
        "rates": {"bytes_per_s": 1e15},
        "layers": {"odd": {"time_s": 2 * work_s}},
        "cliffs": {"outputs": {"36": 2.0}},
        "default": {"noise": 0.01},
    }
    code, content = advise(tmp_path, "OddWidth", plan, "--fail-on", "finding:warn")
    cliff = finding(content, "width-cliff")
    low_s, high_s = cliff["measured_ci95_s"]
    assert low_s <= work_s * (2 - 48 / 36) <= high_s
    assert cliff["expected_gain_s"] == pytest.approx(work_s * (2 - 48 / 36), rel=0.05)
    assert (cliff["level"], code) == ("warn", 1)


def test_a_planted_layout_becomes_a_warning_when_measured(tmp_path: Path) -> None:
    """No gain is expected of a layout, so the profile alone warns of nothing; the planned 30 % are then measured."""
    plan = {"edits": {"channels-last": 0.3}, "default": {"noise": 0.01}}
    code, content = advise(tmp_path, "Layout", plan, "--edits", "channels-last", "--fail-on", "finding:warn")
    layout = finding(content, "layout-channels-last")
    assert (layout["layers"][0], layout["level"], layout["expected_gain_s"]) == ("wide", "info", None)
    low_s, high_s = layout["measured_ci95_s"]
    assert low_s <= 0.3 * content["latency_s"] <= high_s
    assert code == 1
    others = [one for one in content["findings"] if one["level"] == "warn"]
    assert others == []


def test_a_price_that_refutes_a_warning_fails_nothing(tmp_path: Path) -> None:
    """Here time follows work alone, so that equal widths (111, a little more work) gain nothing."""
    junit = tmp_path / "findings.xml"
    code, content = advise(tmp_path, "UnequalWidths", {}, "--fail-on", "finding:warn", "--junit", str(junit))
    unequal = finding(content, "G1-unequal-widths")
    assert (unequal["level"], unequal["expected_from"], unequal["measured_how"]) == ("warn", "paper", "price")
    assert unequal["measured_gain_s"] == pytest.approx((32 * 384 - 111 * 111) * 56 * 56 / RATE)
    assert code == 0
    assert ElementTree.parse(junit).getroot().findall(".//failure") == []
    code, content = advise(tmp_path, "UnequalWidths", {}, "--fail-on", "finding:warn", "--no-prices")
    assert finding(content, "G1-unequal-widths")["measured_how"] is None
    assert content["setting"]["prices"] is False
    assert code == 1, "nothing has refuted it"


def failing(error: EffprofError) -> Any:
    def advise(spec: object, progress: object) -> Advice:
        raise error

    return advise


def test_an_interrupt_before_any_edit_was_measured_leaves_the_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "advise", failing(InterruptedRunError("Interrupted before anything was measured.")))
    code, content = advise(tmp_path, "BatchNorms", {})
    assert (code, content["partial"], content["edits"]) == (130, True, [])
    assert finding(content, "G4-batch-norm")["measured_gain_s"] is None


def test_edits_whose_process_dies_leave_findings_and_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(process, "advise", failing(CrashError("The measuring process was ended by SIGSEGV.")))
    code, content = advise(tmp_path, "LargeKernel", {})
    assert code == CrashError.exit_code
    assert "SIGSEGV" in capsys.readouterr().err
    assert finding(content, "kernel-large")["measured_how"] == "price"
    assert [note["code"] for note in content["notes"]] == ["no-edits"]


def test_a_network_that_cannot_be_profiled_is_advised_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "advise", lambda spec, progress: small_advice())
    monkeypatch.setattr(whole, "run_worker", lambda *given: failing(ModelError("Planted."))(None, None))
    code, content = advise(tmp_path, "BatchNorms", {})
    assert (code, content["findings"], content["latency_s"]) == (0, [], None)
    assert [note["code"] for note in content["notes"]] == ["no-findings"]
    assert content["recommended"] == ["fold-batch-norm", "channels-last"]


def test_an_edit_that_was_applied_before_is_found_no_more(tmp_path: Path) -> None:
    _, content = advise(tmp_path, "BatchNorms", {"edits": {"fold-batch-norm": 0.2}}, "--after", "fold-batch-norm")
    assert "G4-batch-norm" not in {one["code"] for one in content["findings"]}

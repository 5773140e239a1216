"""Whole sweeps with the smallest of budgets: that they work, not what they find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from effprof.bench import sweep as sweep_module
from effprof.bench.kernels import convolution_kernels
from effprof.bench.sweep import measure_sweep
from effprof.errors import BadFileError, UsageError
from effprof.guidelines import judge
from effprof.sweep_records import GUIDELINES, Sweep, SweepSpec

TINY = SweepSpec(img_size=8, min_rounds=6, max_time_s=0.0, threads=1)


@pytest.fixture(autouse=True)
def a_slow_machine_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "GRACE_S", 600.0)


def run(**changes: object) -> Sweep:
    return measure_sweep(SweepSpec(**{**TINY.__dict__, **changes}), lambda text, share: None)  # type: ignore[arg-type]


def test_a_sweep_on_the_cpu() -> None:
    threads = torch.get_num_threads()
    told: list[tuple[str, float]] = []
    sweep = measure_sweep(TINY, lambda text, share: told.append((text, share)))
    assert torch.get_num_threads() == threads
    assert [entry.guideline for entry in sweep.entries] == list(GUIDELINES)
    assert not sweep.partial
    assert (sweep.device.kind, sweep.device.threads) == ("cpu", 1)
    for entry in sweep.entries:
        assert entry.stopped_because in ("max-time", "interval")
        for point in entry.points:
            assert len(point.rounds_s) == 6
            assert point.kernel is not None
            assert "conv" in point.kernel
            assert point.kernel_elsewhere is not None
            assert point.kernel_elsewhere[0] == 2
    assert any("to go" in text for text, _ in told)


@pytest.mark.parametrize(
    "changes",
    [{"precision": "bf16"}, {"channels_last": True}, {"batch_size": 2}, {"scale": "x2"}, {"platform": "gpu"}],
)
def test_every_setting_can_be_measured(changes: dict[str, object]) -> None:
    sweep = run(guidelines=("G4",), **changes)
    assert len(judge(sweep).verdicts) == 1


def test_other_scales_are_measured_after_the_judged_one() -> None:
    sweep = run(guidelines=("G2",), scale="x2", other_scales=("x1",))
    assert [entry.scale for entry in sweep.entries] == ["x2", "x1"]
    result = judge(sweep)
    assert ([v.scale for v in result.verdicts], [v.scale for v in result.others]) == (["x2"], ["x1"])


def test_the_make_believe_device_follows_its_plan(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"guidelines": {"G1": 1.5, "G4": 0.9}}))
    sweep = run(device=f"fake:{plan}", guidelines=("G1", "G4"))
    g1, g4 = judge(sweep).verdicts
    assert (g1.verdict, g1.slowdown.value) == ("holds", pytest.approx(1.5))
    assert (g4.verdict, g4.slowdown.value) == ("fails", pytest.approx(0.9))
    assert sweep.entries[0].points[0].kernel is None


def test_without_a_planned_slowdown_times_follow_the_rates() -> None:
    """2e10 mult_adds/s, 1e10 bytes/s and 5 µs a call: g=8 moves more bytes."""
    sweep = run(device="fake", guidelines=("G2",), img_size=56)
    point = sweep.entries[0].recommended
    expected_s = point.mult_adds / 2e10 + point.access_bytes / 1e10 + point.op_count * 5e-6
    assert point.time_s == pytest.approx(expected_s)
    assert judge(sweep).verdicts[0].verdict == "holds"


def test_an_interrupt_marks_the_sweep_partial(monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = sweep_module.measure_entry, []

    def interrupted(*args: object) -> object:
        seen.append(args)
        return real(*args) if len(seen) == 1 else None  # type: ignore[arg-type]

    monkeypatch.setattr(sweep_module, "measure_entry", interrupted)
    sweep = run(device="fake")
    assert sweep.partial
    assert [entry.guideline for entry in sweep.entries] == ["G1"]


def test_an_interrupt_before_anything_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "measure_entry", lambda *args: None)
    with pytest.raises(KeyboardInterrupt):
        run(device="fake")


def test_a_batch_that_cannot_fit_is_refused() -> None:
    with pytest.raises(UsageError, match="a batch of up to about"):
        run(batch_size=10_000_000, img_size=56)


@pytest.mark.parametrize("content", ['{"guidelines": {"G5": 1.1}}', '{"guidelines": {"G1": 0}}'])
def test_a_bad_plan_is_explained(tmp_path: Path, content: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(content)
    with pytest.raises(BadFileError, match="not a plan"):
        run(device=f"fake:{plan}")


def test_kernels_of_a_network_without_convolutions(capfd: pytest.CaptureFixture[str]) -> None:
    assert convolution_kernels(torch.nn.ReLU(), torch.ones(1)) is None
    assert capfd.readouterr().err == ""


def test_what_warming_took_is_not_left_for_rounds() -> None:
    """Of 7 s for an entry and the grace."""
    spec = SweepSpec(min_rounds=6, max_time_s=7.0)
    budgets = {left_s: sweep_module._budget(spec, left_s) for left_s in (float("inf"), 12.0, 9.0, 3.0, 0.0)}
    found = {left_s: (budget.max_time_s, budget.grace_s) for left_s, budget in budgets.items()}
    assert {left_s: max_time_s for left_s, (max_time_s, _) in found.items()} == {
        float("inf"): 7.0, 12.0: 7.0, 9.0: 7.0, 3.0: 3.0, 0.0: 0.0,
    }  # fmt: skip
    assert found[9.0][1] == 2.0
    assert found[3.0][1] == found[0.0][1] == 0.0


def test_a_sweep_whose_time_is_up_takes_one_round_of_each_and_looks_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep_module, "GRACE_S", -1.0)  # late before it begins
    sweep = run(guidelines=("G1", "G4"))
    assert [(len(entry.order), entry.stopped_because) for entry in sweep.entries] == [(1, "max-time")] * 2
    assert {point.kernel_elsewhere for entry in sweep.entries for point in entry.points} == {None}
    assert not sweep.partial
    assert [note.code for note in judge(sweep).notes if note.code == "few-rounds"] == ["few-rounds"]

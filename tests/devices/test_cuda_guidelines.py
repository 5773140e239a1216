"""`effprof guidelines --device cuda` on a GPU that is not there: events are the clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_cuda import FakeCuda, install

from effprof.cli import main


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return install(monkeypatch, FakeCuda(run_s=0.02))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "amp"])
def test_a_sweep(gpu: FakeCuda, tmp_path: Path, precision: str) -> None:
    words = ["guidelines", "--device", "cuda:1", "--one-scale", "--max-time", "600", "--only", "G1", "--img-size", "4"]
    assert main([*words, "--precision", precision, "--output-dir", str(tmp_path / "out"), "--quiet"]) == 0
    content = json.loads((tmp_path / "out" / "guidelines.json").read_text())
    assert (content["device"]["kind"], content["device"]["name"]) == ("cuda", "Fast 9001")
    assert content["environment"]["cuda"]["cudnn_benchmark"] is True
    assert content["environment"]["gpu_after"]["driver"] == "570.86.15"
    (entry,) = content["guidelines"]
    # The paper's widths for its GPU, by default; every run takes 20 ms, so only the work per run differs.
    assert [point["setting"]["channels"] for point in entry["points"]] == [128, 90, 52, 36]
    assert [point["time_s"] for point in entry["points"]] == pytest.approx([0.02] * 4)
    assert gpu.current == 0


def test_a_batch_that_cannot_fit(gpu: FakeCuda, capsys: pytest.CaptureFixture[str]) -> None:
    gpu.free = 1000
    assert main(["guidelines", "--device", "cuda", "--quick", "--only", "G1", "--quiet"]) == 2
    assert "of the GPU's memory are available" in capsys.readouterr().err


def test_mixed_precision_is_for_gpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guidelines", "--device", "cpu", "--quick", "--only", "G1", "--quiet", "--precision", "amp"]) == 2
    assert "which is for --device cuda" in capsys.readouterr().err

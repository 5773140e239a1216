"""`effprof run --device cuda` from the command line to the report, on a GPU that is not there (tests/fake_cuda.py)."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import FakeCuda, install
from torch import nn
from torch.backends import cudnn

import effprof
from effprof import tracing
from effprof.analyze import analyze
from effprof.cli import main
from effprof.errors import ModelError, UsageError
from effprof.measure.named import measure_by_name
from effprof.measure.processes import merge
from effprof.records import Profile, RunSpec
from effprof.store import dumps_profile, loads_profile

NETWORK = """
import torch
from torch import nn

def build():
    def block(channels):
        return nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
    return nn.Sequential(block(3), block(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

build.input_shape = (3, 64, 64)
"""
KERNEL_S = 2 * (400e-6 + 100e-6 + 50e-6) + 200e-6
"""Of one run, by the plan: two convolutions, two batch-norms, two ReLUs, one matrix product."""


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return installed(monkeypatch)


def installed(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    monkeypatch.setattr("effprof.measure.processes.measure_rounds", in_this_process)
    # Whoever else works on this machine is no concern of a make-believe GPU.
    monkeypatch.setattr("effprof.measure.environment.LoadWatch._load_notes", lambda watch: [])
    return install(monkeypatch, FakeCuda())


@dataclass(frozen=True)
class Ran:
    folder: Path
    text: str
    report: dict[str, Any]
    gpu: FakeCuda


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run from the command line, looked at by several tests."""
    folder, text = tmp_path_factory.mktemp("whole"), io.StringIO()
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(text):
        gpu = installed(monkeypatch)
        assert run(folder) == 0
    return Ran(folder, text.getvalue(), report_in(folder), gpu)


def in_this_process(spec: RunSpec, progress: Any) -> Profile:
    return merge([measure_by_name(spec, progress) for _ in range(spec.rounds)])


def run(folder: Path, *words: str) -> int:
    (folder / "net.py").write_text(NETWORK)
    model = ["--model", f"{folder}/net.py:build", "--input-shape", "3x64x64"]
    timing = ["--min-time", "0.05", "--max-time", "60", "--output-dir", str(folder / "out")]
    return main(["run", *model, "--device", "cuda:1", *timing, *words])


def report_in(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "out" / "report.json").read_text())
    return report


def test_the_whole_way(whole: Ran) -> None:
    report = whole.report
    assert report["device"]["kind"] == "cuda"
    assert report["device"]["name"] == "Fast 9001"
    assert report["latency"]["median_s"] == pytest.approx(0.004)
    assert report["latency"]["wall_median_s"] > 0
    assert report["latency"]["page_faults_per_run"] is None
    times = {row["category"]: row["time_s"] for row in report["categories"]}
    assert times["conv"] == pytest.approx(800e-6)
    assert times["elemwise"] == pytest.approx(300e-6)
    assert times["matmul"] == pytest.approx(200e-6)
    assert sum(time_s for name, time_s in times.items() if name != "overhead") == pytest.approx(KERNEL_S)
    accounting, total = report["accounting"], sum(row["fraction"] for row in report["categories"])
    assert total + accounting["residual_fraction"] == pytest.approx(1)
    assert accounting["ops_s"] == pytest.approx(KERNEL_S)
    assert accounting["profiled_s"] == pytest.approx(0.005)
    assert accounting["distortion_fraction"] == pytest.approx(0.25)
    assert report["gpu_memory"] == {"peak_allocated_bytes": 123_456_789, "total_bytes": 24 * 10**9}
    text = whole.text
    assert "Fast 9001 · cuda · compute 9.0" in text
    assert "by the wall clock" in text
    assert "123.5 MB allocated at most" in text
    assert max(map(len, text.splitlines())) <= 80


def test_device_time_is_that_of_one_run(whole: Ran) -> None:
    report = whole.report
    time = report["device_time"]
    assert time["kernel_s"] == pytest.approx(KERNEL_S)
    assert (time["memcpy_s"], time["memset_s"]) == (0, 0)
    assert time["overlap_s"] == pytest.approx(0, abs=1e-12)
    assert time["kernel_count"] == 7
    assert time["busy_s"] + sum(time["gaps_s"].values()) == pytest.approx(time["span_s"])
    assert time["unknown_kernels"] == []
    assert sum(time["waits_s"].values()) == pytest.approx(report["accounting"]["overhead_s"])
    # 12 runs were profiled, and the middle half counts.
    assert time["steps"] == 6


def test_calls_layers_and_lines_are_those_of_the_recorded_pass(whole: Ran) -> None:
    report = whole.report
    convolutions = [op for op in report["ops"] if op["op"] == "conv2d"]
    assert [(op["layer"], op["time_s"]) for op in convolutions] == [
        ("0.0", pytest.approx(400e-6)),
        ("1.0", pytest.approx(400e-6)),
    ]
    assert convolutions[0]["mult_adds"] == 64 * 64 * 8 * 27
    assert convolutions[0]["input_shapes"][0] == [1, 3, 64, 64]
    views = [op for op in report["ops"] if op["category"] == "overhead"]
    assert {op["time_s"] for op in views} == {None}
    layers = {layer["layer"]: layer for layer in report["layers"]}
    assert layers["0"]["time_s"] == pytest.approx(550e-6)
    assert layers[""]["time_s"] == pytest.approx(KERNEL_S)


def test_what_the_gpu_was_set_to_is_recorded_and_set_back(whole: Ran) -> None:
    environment = whole.report["environment"]
    assert environment["cuda"]["cudnn_benchmark"] is True
    assert not cudnn.benchmark
    assert environment["gpu_before"]["driver"] == environment["gpu_after"]["driver"] == "570.86.15"
    assert whole.gpu.current == 0


def test_a_slow_host_is_named(whole: Ran) -> None:
    note = next(note for note in whole.report["notes"] if note["code"] == "launch-bound")
    # 1.3 of 4 ms
    assert note["text"].startswith("The GPU works for 1.30 ms of the 4.00 ms: for 67.5 % it waits")


def test_what_to_change_is_found_on_a_gpu_too(whole: Ran) -> None:
    found = {finding["code"]: finding for finding in whole.report["findings"]}
    assert found["G4-batch-norm"]["evidence"]["time_s"] == pytest.approx(200e-6)
    assert found["G4-batch-norm"]["evidence"]["share"] == pytest.approx(0.05)


def test_a_busy_gpu_is_not(whole: Ran) -> None:
    profile = loads_profile((whole.folder / "out" / "profile.json").read_bytes())
    (measured,) = profile.rounds
    fast = replace(measured, plain=replace(measured.plain, times_s=(0.0014,) * len(measured.plain.times_s)))
    assert "launch-bound" not in {note.code for note in analyze(replace(profile, rounds=(fast,))).notes}


def test_rounds_are_merged_and_compared(gpu: FakeCuda, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--quiet", "--rounds", "2") == 0
    assert report_in(tmp_path)["latency"]["median_s"] == pytest.approx(0.004)
    profile = loads_profile((tmp_path / "out" / "profile.json").read_bytes())
    assert [one.gpu is not None for one in profile.rounds] == [True] * 2
    gpu.run_s = 0.008
    (tmp_path / "out").rename(tmp_path / "old")
    assert run(tmp_path, "--quiet", "--rounds", "2") == 0
    assert main(["compare", str(tmp_path / "old"), str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "worse" in said
    assert "Fast 9001" in said
    reports = [str(tmp_path / name / "report.json") for name in ("old", "out")]
    assert main(["compare", *reports]) == 0


def test_a_rendered_profile_is_the_same_report(whole: Ran) -> None:
    assert main(["render", str(whole.folder / "out"), "--quiet"]) == 0
    assert report_in(whole.folder) == whole.report
    assert (whole.folder / "out" / "decomposition.png").stat().st_size > 10_000


def small(**settings: Any) -> dict[str, Any]:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    content: dict[str, Any] = effprof.profile(
        network, torch.zeros(1, 3, 64, 64), device="cuda", min_time=0.05, max_time=60, **settings
    ).to_dict()
    return content


@pytest.mark.parametrize(("precision", "dtype"), [("fp16", "float16"), ("bf16", "bfloat16")])
def test_half_precision(gpu: FakeCuda, precision: str, dtype: str) -> None:
    assert small(precision=precision)["model"]["dtype"] == dtype


def test_mixed_precision_casts_are_calls(gpu: FakeCuda) -> None:
    report = small(precision="amp")
    assert report["model"]["dtype"] == "float32"
    assert report["setting"]["precision"] == "amp"
    casts = [op for op in report["ops"] if op["op"] in ("to", "_to_copy")]
    assert casts
    assert {op["category"] for op in casts} == {"data_io"}


def test_channels_last(gpu: FakeCuda) -> None:
    assert small(channels_last=True)["model"]["memory_format"] == "channels_last"


def test_batch_norms_are_folded(gpu: FakeCuda) -> None:
    assert [small(fold_bn=fold)["device_time"]["kernel_count"] for fold in (False, True)] == [2, 1]


def test_a_batch_that_cannot_fit_is_refused_before_it_runs(
    gpu: FakeCuda, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu.free = 1_000_000
    assert run(tmp_path, "--quiet", "-b", "64") == 2
    said = capsys.readouterr().err
    assert said.startswith("effprof: Batch 64 needs about ")
    assert "of the GPU's memory are available" in said
    assert gpu.runs == 0


def test_another_sequence_under_the_profiler_is_an_error(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.relu() if not torch.autograd._profiler_enabled() else x.sigmoid()

    with pytest.raises(ModelError, match=r"torch\.profiler does not show the network's calls"):
        effprof.profile(Forgetful(), torch.zeros(1, 8), device="cuda", min_time=0.01)


def test_a_profiler_that_sees_no_gpu_leaves_the_latency(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effprof.measure.on_cuda.trace_runs", lambda *a, cuda, **k: tracing.trace_runs(*a, **k))
    report = effprof.profile(nn.ReLU(), torch.zeros(1, 8), device="cuda", min_time=0.01)
    content = report.to_dict()
    assert content["latency"]["median_s"] == pytest.approx(0.004)
    assert content["accounting"] is None
    assert "no-device-trace" in {note["code"] for note in content["notes"]}
    assert report.text()


def test_an_interrupt_while_profiling_keeps_the_latency(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("effprof.measure.on_cuda.trace_runs", interrupted)
    report = effprof.profile(nn.ReLU(), torch.zeros(1, 8), device="cuda", min_time=0.01)
    assert report.profile.partial
    assert report.analysis.latency is not None
    assert report.analysis.accounting is None
    assert loads_profile(dumps_profile(report.profile)) == report.profile


def test_the_users_network_is_left_as_found(gpu: FakeCuda) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    contents = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    effprof.profile(network, torch.zeros(1, 3, 64, 64), device="cuda", min_time=0.01)
    assert network.training
    assert all(torch.equal(tensor, contents[name]) for name, tensor in network.state_dict().items())


def test_mixed_precision_is_for_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model", "mobilenetv2", "--device", "cpu", "--precision", "amp"]) == 2
    assert "--precision is 'amp', which is for --device cuda" in capsys.readouterr().err
    with pytest.raises(UsageError, match="which is for --device cuda"):
        effprof.profile(nn.ReLU(), torch.zeros(1), device="cpu", precision="amp")


def test_energy_is_counted_on_the_gpu_that_runs(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Meter:
        source = "nvml"

        def __init__(self, ordinal: int, uuid: str | None) -> None:
            asked.append((ordinal, uuid))

        def __enter__(self) -> Meter:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def stop_j(self) -> float:
            return 12.0

    monkeypatch.setattr("effprof.measure.energy.GpuMeter", Meter)
    monkeypatch.setattr("effprof.measure.energy.WINDOW_S", 0.02)
    report = effprof.profile(nn.ReLU(), torch.zeros(1, 8), device="cuda:1", min_time=0.05)
    energy = report.to_dict()["energy"]
    assert energy["energy_j"] * energy["runs"] == pytest.approx(12.0)
    assert asked == [(1, "8932f937-d72c-4106-c12f-20bd9faed9f6")]


def test_a_damaged_record_is_refused(gpu: FakeCuda) -> None:
    profile = effprof.profile(nn.ReLU(), torch.zeros(1, 8), device="cuda", min_time=0.01).profile
    first = profile.rounds[0]
    assert first.gpu is not None
    damaged = replace(profile, rounds=(replace(first, gpu=replace(first.gpu, wall_s=(1.0,))),))
    with pytest.raises(ValueError, match="plain runs and 1 wall-clock times"):
        dumps_profile(damaged)


@pytest.mark.parametrize("words", [["cliffs", "--conv", "1x1", "--channels", "8:8"], ["calibrate"]])
def test_what_does_not_measure_gpus_says_so(
    gpu: FakeCuda, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--device", "cuda"]) == 3
    assert "--device is 'cuda'" in capsys.readouterr().err
    assert main([*words, "--device", "fake", "--precision", "amp"]) == 2
    assert "which is for --device cuda" in capsys.readouterr().err

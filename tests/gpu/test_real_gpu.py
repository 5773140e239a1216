"""The few tests that need a real NVIDIA GPU; everything else about CUDA is tested without one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import effprof
from effprof.sensors.cuda_ready import why_no_cuda

REASON = why_no_cuda()
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"no GPU to test on: {REASON}")


def test_a_network_is_measured_and_its_parts_make_the_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "effprof", "run", "--model", "resnet18", "--device", "cuda", "-b", "32", "--quiet"]
    subprocess.run([*command, "--output-dir", str(tmp_path / "out")], check=True, timeout=300)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["device"]["name"] == torch.cuda.get_device_name(0)
    time, accounting = report["device_time"], report["accounting"]
    assert time["busy_s"] + sum(time["gaps_s"].values()) == pytest.approx(time["span_s"])
    assert accounting["ops_s"] == pytest.approx(time["kernel_s"] + time["memcpy_s"] + time["memset_s"])
    assert 0 < time["busy_s"] < 1.1 * report["latency"]["median_s"]
    assert report["latency"]["wall_median_s"] >= report["latency"]["median_s"]
    assert report["gpu_memory"]["peak_allocated_bytes"] > report["model"]["weights_bytes"]
    convolutions = [op for op in report["ops"] if op["op"] == "conv2d"]
    assert all(op["time_s"] > 0 for op in convolutions)


def test_a_long_kernel_takes_as_long_as_events_say() -> None:
    """A matrix product of 8192 keeps any GPU busy for far longer than a launch takes."""
    report = effprof.profile(nn.Linear(8192, 8192, bias=False), torch.zeros(8192, 8192), device="cuda").to_dict()
    assert report["device_time"]["busy_s"] == pytest.approx(report["latency"]["median_s"], rel=0.1)
    assert report["accounting"]["residual_fraction"] == pytest.approx(0, abs=0.1)


def test_too_large_a_batch_is_one_line() -> None:
    command = [sys.executable, "-m", "effprof", "run", "--model", "resnet18", "--device", "cuda", "-b", "1000000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert "would fit" in done.stderr or "does not fit" in done.stderr


def test_the_four_guidelines_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "effprof", "guidelines", "--device", "cuda", "--quick", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 4), done.stderr
    assert json.loads(done.stdout)["device"]["kind"] == "cuda"

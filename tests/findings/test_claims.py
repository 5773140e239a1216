"""What findings may not claim: networks that look like a defect and are none."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from findings import planted_networks as planted
from torch import Tensor, nn
from torch.nn import functional as F

import effprof
from effprof.findings import find


def codes(report: effprof.Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("conv", "is_found"),
    [
        (nn.Conv2d(64, 64, 7, padding=3), True),
        (nn.Conv2d(64, 64, 7, padding=9, dilation=3), False),  # three of 3x3 see 7 places, not 19
        (nn.Conv2d(64, 64, 16, stride=16), False),  # a 3x3 of stride 16 would see 9 places of 256
        (nn.Conv2d(3, 64, 7, padding=3), False),  # 9 * (3 + 2 * 64) * 64 are eight times 49 * 3 * 64
    ],
)
def test_a_large_kernel_is_one_that_a_stack_can_replace_with_less_work(conv: nn.Conv2d, is_found: bool) -> None:
    report = effprof.count(nn.Sequential(conv), torch.zeros(1, conv.in_channels, 32, 32))
    assert ("kernel-large" in codes(report)) is is_found


def test_a_large_kernel_of_one_axis_has_one_length() -> None:
    report = effprof.count(nn.Sequential(nn.Conv1d(64, 16, 7)), torch.zeros(1, 64, 100))
    (finding,) = (one for one in report.findings if one.code == "kernel-large")
    assert finding.text.endswith("with kernels of up to length 7.")
    assert "convolutions of length 3 sees" in finding.edit


class Padded(nn.Module):
    """Of the same kernel over the same tensor, and of outputs of 16 x 16 and 14 x 14."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Conv2d(16, 16, 3, padding="same")
        self.valid = nn.Conv2d(16, 16, 3, padding="valid")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.same(x), self.valid(x)


def test_convolutions_padded_otherwise_are_no_siblings() -> None:
    network = Padded()
    x = torch.zeros(1, 16, 16, 16)
    assert "G3-siblings" not in codes(effprof.count(network, x))
    network.valid = nn.Conv2d(16, 16, 3, padding="same")
    assert "G3-siblings" in codes(effprof.count(network, x))


class TwiceNormed(nn.Module):
    """One convolution, followed by another batch-norm each time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.one, self.other = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.conv(self.one(self.conv(x))))


@pytest.mark.parametrize(
    ("network", "is_found"),
    [
        (nn.Sequential(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16)), True),
        (nn.Sequential(nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16, track_running_stats=False)), False),
        (TwiceNormed(), False),
    ],
)
def test_a_batch_norm_that_cannot_be_folded_is_not_said_to(network: nn.Module, is_found: bool) -> None:
    assert ("G4-batch-norm" in codes(effprof.count(network.eval(), torch.zeros(1, 16, 16, 16)))) is is_found


class FarWidths(nn.Module):
    """An odd narrow layer beside a full one sixteen times as wide, whose kernel reuses what it reads far more."""

    def __init__(self) -> None:
        super().__init__()
        self.odd, self.wide, self.last = (planted.pointwise(a, b) for a, b in ((32, 17), (17, 512), (512, 512)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.wide(self.odd(x)))


def test_widths_are_compared_with_widths_like_them(tmp_path: Path) -> None:
    work = 32 * 17 * 56 * 56 / 2e10
    plan = {"rates": {"mult_adds_per_s": 2e10, "bytes_per_s": 1e15}, "layers": {"odd": {"time_s": 8 * work}}}
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan))
    report = effprof.profile(
        FarWidths(), torch.zeros(1, 32, 56, 56), device=f"fake:{path}", min_time=0.01, max_time=1.0
    )
    assert "width-cliff" not in codes(report)


class Wide(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, torch.ones(17, x.shape[1], 3, 3, dtype=x.dtype))


@pytest.mark.parametrize(
    ("dtype", "is_found"), [(torch.float32, True), (torch.float64, False), (torch.complex64, False)]
)
def test_only_what_onednn_could_take_is_said_to_be_kept_from_it(dtype: torch.dtype, is_found: bool) -> None:
    report = effprof.profile(Wide(), torch.ones(1, 8, 16, 16, dtype=dtype), threads=1, min_time=0.01, max_time=1.0)
    (conv,) = (op for op in report.analysis.ops if op.call.op == "conv2d")
    assert conv.call.backend == "Slow2d"
    assert ("kernel-slow-conv2d" in codes(report)) is is_found


def test_with_onednn_switched_off_no_shape_is_to_blame() -> None:
    network = nn.Sequential(nn.Conv2d(8, 32, 3), nn.Conv2d(32, 8, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TF32, which flags() sets too
        with torch.backends.mkldnn.flags(enabled=False):
            report = effprof.profile(network, torch.ones(1, 8, 64, 64), min_time=0.01, max_time=1.0)
    assert {op.call.backend for op in report.analysis.ops if op.call.op == "conv2d"} == {"Slow2d"}
    assert "kernel-slow-conv2d" not in codes(report)


def test_calls_that_took_longer_than_the_latency_are_cut_to_it(tmp_path: Path) -> None:
    """Instrumented runs that another process disturbed: no gain and no share is above the whole."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"ops": {"batch_norm": {"time_s": 3e-3}}}))
    report = effprof.profile(
        planted.BatchNorms(), torch.zeros(1, 32, 56, 56), device=f"fake:{path}", min_time=0.01, max_time=1.0
    )
    latency, accounting = report.analysis.latency, report.analysis.accounting
    assert latency is not None
    assert accounting is not None
    short = replace(latency, median_s=(accounting.ops_s + accounting.overhead_s) / 10)
    found = find(report.profile, replace(report.analysis, latency=short))
    (finding,) = (one for one in found if one.code == "G4-batch-norm")
    spent_s = sum(op.time_s or 0.0 for op in report.analysis.ops if op.call.op == "batch_norm")
    assert finding.expected_gain_s == pytest.approx(spent_s / 10, rel=0.01)
    share = dict(finding.evidence)["share"]
    assert share == pytest.approx(spent_s / (accounting.ops_s + accounting.overhead_s))

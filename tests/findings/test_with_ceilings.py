"""What this device's ceilings add to findings: the share that is reached, and what running in place would gain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from findings.planted_networks import pointwise
from small_ceilings import COPY, MIB, small_ceilings
from torch import nn

import effprof
from effprof.ceiling_records import Ceilings
from effprof.finding_records import Finding
from effprof.findings import find

RELU_S = 2e-3
MAP_BYTES = 64 * 56 * 56 * 4
"""Between half a mebibyte and one: a copy of it touches more than a mebibyte, an update in place does not."""


def relu_finding(tmp_path: Path, ceilings: Ceilings | None, *, inplace: bool = False) -> Finding | None:
    network = nn.Sequential(pointwise(32, 64), nn.ReLU(inplace=inplace))
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"ops": {"relu": {"time_s": RELU_S}, "relu_": {"time_s": RELU_S}}}))
    report = effprof.profile(network, torch.zeros(1, 32, 56, 56), device=f"fake:{plan}", min_time=0.01, max_time=1.0)
    found = find(report.profile, report.analysis, (), ceilings)
    return next((finding for finding in found if finding.code == "G4-not-in-place"), None)


def test_in_place_gains_what_the_ceilings_say(tmp_path: Path) -> None:
    """100 GB/s below a mebibyte, 50 GB/s above, the same bytes: half of the time."""
    finding = relu_finding(tmp_path, small_ceilings())
    assert finding is not None
    assert finding.expected_from == "calibration"
    assert finding.expected_gain_s == pytest.approx(RELU_S / 2)
    least_s = 2 * MAP_BYTES / COPY[MIB]
    assert dict(finding.evidence)["share_of_ceiling"] == pytest.approx(least_s / RELU_S)


def test_where_the_ceilings_are_alike_nothing_is_proposed(tmp_path: Path) -> None:
    rate = small_ceilings().traffic[0].bytes_per_s
    flat = tuple(replace(one, bytes_per_s=rate) for one in small_ceilings().traffic)
    assert relu_finding(tmp_path, small_ceilings(traffic=flat)) is None


def test_without_ceilings_no_gain_is_expected(tmp_path: Path) -> None:
    finding = relu_finding(tmp_path, None)
    assert finding is not None
    assert (finding.expected_gain_s, finding.expected_from) == (None, None)
    assert "share_of_ceiling" not in dict(finding.evidence)
    assert relu_finding(tmp_path, small_ceilings(), inplace=True) is None

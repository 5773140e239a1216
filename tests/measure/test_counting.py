"""Counting costs neither memory nor work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import effprof
from effprof.analyze import analyze
from effprof.errors import ValuesNeededError
from effprof.measure.named import count_by_name
from effprof.records import RunSpec

ROOT = Path(__file__).parents[2]

GROWTH = """
import re, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import torch, torchvision
def peak_bytes():
    # Not ru_maxrss: a new program inherits the peak of the process that started it, and growth below that would hide.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
before = peak_bytes()
from effprof.api import count_named
from effprof.records import RunSpec
report = count_named(RunSpec("torchvision:vgg16"))
print(peak_bytes() - before, report.analysis.totals.mult_adds, report.profile.model.weights_bytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_counting_vgg16_allocates_no_weights() -> None:
    code = GROWTH.format(root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    grown, mult_adds, weights_bytes = map(int, done.stdout.split())
    assert weights_bytes == 138_357_544 * 4  # 553 MB that must not be there
    assert grown < 300e6
    assert mult_adds == 15_470_264_320  # torchvision's metadata says 15.47 G


class Spy(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.computed: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if "conv" in func._schema.name and isinstance(result, torch.Tensor) and not result.is_meta:
            self.computed.append(func._schema.name)
        return result


def test_counting_computes_no_convolution() -> None:
    with Spy() as spy:
        totals = analyze(count_by_name(RunSpec("mobilenetv2"), run=False, with_crosscheck=False)).totals
        assert spy.computed == []
        count_by_name(RunSpec("mobilenetv2", img_size=32), run=True, with_crosscheck=False)
    assert spy.computed, "the spy must see the convolutions of a real pass"
    assert totals.mult_adds == 300_774_272


@pytest.mark.parametrize("name", ["mobilenetv2", "shufflenetv1", "shufflenetv2", "resnet50", "torchvision:vit_b_16"])
def test_one_real_pass_and_shapes_alone_give_the_same_totals(name: str) -> None:
    by_shape, by_run = (
        analyze(count_by_name(RunSpec(name), run=run, with_crosscheck=False)).totals for run in (False, True)
    )
    assert by_shape.mult_adds == by_run.mult_adds
    assert by_shape.uncosted_ops == by_run.uncosted_ops == {}
    assert by_shape.flops == 2 * by_shape.mult_adds


def test_the_crosscheck_agrees_and_says_why_it_cannot() -> None:
    profile = count_by_name(RunSpec("shufflenetv1", img_size=64), run=False, with_crosscheck=True)
    found = profile.crosscheck
    assert found is not None
    assert found.reason is None
    assert found.fvcore_mult_adds == found.torch_mult_adds == analyze(profile).totals.mult_adds
    attention = count_by_name(RunSpec("torchvision:vit_b_32"), run=True, with_crosscheck=True)
    assert attention.crosscheck is not None
    assert attention.crosscheck.fvcore_mult_adds is None
    assert "does not count" in (attention.crosscheck.reason or "")
    assert attention.crosscheck.torch_mult_adds == analyze(attention).totals.mult_adds


class Numpy(nn.Module):
    """Chooses by what it computed, outside torch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[torch.from_numpy(x.detach().cpu().numpy().argsort()[:1])]


def test_a_network_that_takes_its_values_to_numpy_is_told_about_run() -> None:
    with pytest.raises(ValuesNeededError, match=r"looks at the values of its tensors \(test_counting.py:\d+\)"):
        effprof.count(Numpy(), torch.zeros(3))


def test_img_size_changes_the_images_of_the_default_input() -> None:
    profile = count_by_name(RunSpec("mobilenetv2", img_size=96, batch_size=2), run=False, with_crosscheck=False)
    assert profile.model.input_shape == ((2, 3, 96, 96),)

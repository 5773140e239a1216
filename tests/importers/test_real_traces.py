"""Traces that others recorded on real GPUs, where EFFPROF_DATA says where they are; beside an independent breakdown."""

from __future__ import annotations

import csv
import gzip
import json
import math
import os
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from effprof.analyze import analyze
from effprof.errors import BadFileError
from effprof.importers import import_trace
from effprof.records import Analysis, Category, Profile

KINETO = Path(os.environ.get("EFFPROF_DATA", "/nowhere")) / "kineto"
if not KINETO.is_dir():
    pytest.skip("EFFPROF_DATA names no folder with kineto/", allow_module_level=True)

# kernels, kernel ms, span ms of kernels alone: from the data's README
TRACES = {
    "hta_alexnet_infer_a100.json.gz": (79, 10.69),
    "hta_cuda_event_sync_a100.json.gz": (4, 0.05),
    "hta_resnet50_ddp_train_a100.json.gz": (2700, 162.5),
    "kineto_resnet50_train_autograd_api_w0.pt.trace.json.gz": (9329, 973.0),
    "kineto_resnet50_train_v100_w0.pt.trace.json.gz": (8772, 591.5),
    "kineto_resnet50_train_v100_w4.pt.trace.json.gz": (8868, 594.9),
    "param_resnet18_train_rtx2080ti.json.gz": (9628, 4103.1),
    "tracelens_gpu_only_mi210.json.gz": (562, 5.34),
    "tracelens_norm_layers_mi300x.json.gz": (168, 0.99),
    "tracelens_vit_infer_h100.json.gz": (154, 1.22),
}
WITHOUT_OPS = "tracelens_gpu_only_mi210.json.gz"
SLEEPS = "hta_cuda_event_sync_a100.json.gz"
EVERY = pytest.mark.parametrize("name", TRACES)


@cache
def imported(name: str) -> tuple[Profile, Analysis]:
    profile = import_trace(KINETO / name)
    return profile, analyze(profile)


def kernel_seconds(name: str) -> dict[Category, float]:
    """Of kernels alone, copies and fills left out."""
    profile, analysis = imported(name)
    assert profile.device_trace is not None
    sums: dict[Category, list[float]] = defaultdict(list)
    for one in profile.device_trace.activities:
        if one.kind == "kernel":
            sums[analysis.ops[one.call].category].append(one.duration_s)
    return {category: math.fsum(times) for category, times in sums.items()}


@EVERY
def test_kernel_time_is_the_sum_in_the_file(name: str) -> None:
    with gzip.open(KINETO / name) as file:
        events = json.load(file)["traceEvents"]
    durations = [one["dur"] for one in events if one.get("cat", "").lower() == "kernel"]
    time = imported(name)[1].device_time
    assert time is not None
    assert time.kernel_count == len(durations) == TRACES[name][0]
    assert time.kernel_s == pytest.approx(math.fsum(durations) * 1e-6, rel=1e-12)
    assert time.kernel_s * 1e3 == pytest.approx(TRACES[name][1], abs=0.06)


@EVERY
def test_busy_and_gaps_are_the_span_and_categories_the_activities(name: str) -> None:
    analysis = imported(name)[1]
    time, accounting = analysis.device_time, analysis.accounting
    assert time is not None
    assert accounting is not None
    gaps = time.gaps_s.host_wait + time.gaps_s.between_kernels + time.gaps_s.other
    assert time.busy_s + gaps == pytest.approx(time.span_s, rel=1e-12)
    worked = sum(share.time_s or 0 for share in analysis.categories if share.category is not Category.OVERHEAD)
    assert worked == pytest.approx(time.kernel_s + time.memcpy_s + time.memset_s, rel=1e-12)
    fractions = sum(share.fraction or 0 for share in analysis.categories)
    assert fractions + accounting.residual_fraction == pytest.approx(1, rel=1e-12)
    assert sum(layer.self_time_s or 0 for layer in analysis.layers) == pytest.approx(accounting.ops_s, rel=1e-12)


@EVERY
def test_nearly_every_kernel_has_a_category(name: str) -> None:
    time = imported(name)[1].device_time
    assert time is not None
    unknown_s = sum(kernel.time_s for kernel in time.unknown_kernels)
    assert unknown_s <= (0.1 if name == WITHOUT_OPS else 0.03) * time.kernel_s
    other_s = kernel_seconds(name).get(Category.OTHER, 0.0)
    if name == SLEEPS:
        # Its longest kernel is that of torch.cuda._sleep, which is known, and does nothing that has a category.
        sleeping = [op for op in imported(name)[1].ops if op.kind == "sleep"]
        other_s -= sum(op.time_s or 0.0 for op in sleeping)
        assert len(sleeping) == 1
        assert other_s == pytest.approx(0, abs=1e-12)
    assert other_s <= 0.03 * time.kernel_s
    assert ("sleeping-kernels" in {note.code for note in imported(name)[1].notes}) == (name == SLEEPS)


def reference() -> dict[str, dict[str, float]]:
    """Percent of kernel time by another's classification: innermost op's name, then its parents."""
    shares: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(("conv", "matmul", "comm"), 0.0))
    ours = {"conv": "conv", "conv_bwd": "conv", "gemm": "matmul", "comm": "comm"}
    with (KINETO / "reference_breakdown.csv").open() as file:
        for row in csv.DictReader(file):
            if row["class"] in ours:
                shares[row["file"]][ours[row["class"]]] += float(row["class_percent_of_kernel_time"])
    return shares


@pytest.mark.parametrize("name", [name for name in TRACES if name != WITHOUT_OPS])
def test_shares_agree_with_an_independent_breakdown(name: str) -> None:
    seconds, expected = kernel_seconds(name), reference()[name]
    profile, analysis = imported(name)
    total_s = sum(seconds.values())
    if "vit" in name:
        # The other breakdown has the twelve flash-attention kernels among copies; attention is a matrix product here.
        assert profile.device_trace is not None
        names = profile.device_trace.names
        flash = [one for one in profile.device_trace.activities if "flash_fwd" in names[one.name]]
        assert len(flash) == 12
        assert {analysis.ops[one.call].kind for one in flash} == {"attention"}
        seconds[Category.MATMUL] -= sum(one.duration_s for one in flash)
    for category, percent in expected.items():
        assert seconds.get(Category(category), 0.0) / total_s * 100 == pytest.approx(percent, abs=3), category


def test_layout_kernels_inside_convolutions_are_told() -> None:
    time = imported("hta_resnet50_ddp_train_a100.json.gz")[1].device_time
    assert time is not None
    # 474 from NCHW to NHWC (12.6 ms, the data's README), and 159 back: one a backward convolution
    assert time.layout_count == 474 + 159
    assert time.layout_s > 12.6e-3


def test_backward_ops_have_the_layer_of_their_forward() -> None:
    ops = imported("hta_resnet50_ddp_train_a100.json.gz")[1].ops
    backward = [op for op in ops if op.call.op == "convolution_backward"]
    assert len(backward) == 3 * 53
    assert {op.call.layer for op in backward} == {"## forward ##.DistributedDataParallel·forward"}
    assert {op.call.direction for op in backward} == {"backward"}


def test_vision_transformer_is_counted_as_by_hand() -> None:
    analysis = imported("tracelens_vit_infer_h100.json.gz")[1]
    # ViT-B/16 without a head on 4 images: 197 tokens of width 768, 12 layers, a pooler on the first token
    tokens, width = 4 * 197, 768
    attention = 2 * 4 * 197 * 197 * width
    layer = tokens * width * width * (4 + 2 * 4) + attention
    by_category = {share.category: share.mult_adds for share in analysis.categories}
    assert by_category[Category.CONV] == 4 * 196 * width * width
    assert by_category[Category.MATMUL] == 12 * layer + 4 * width * width


@EVERY
def test_steps_are_found(name: str) -> None:
    steps = {"hta_resnet50": 3, "kineto_resnet50_train_v100": 6, "tracelens_vit": 1, "hta_cuda": 1}
    expected = next((count for start, count in steps.items() if name.startswith(start)), 0)
    time, latency = imported(name)[1].device_time, imported(name)[1].latency
    assert time is not None
    assert time.steps == expected
    assert (latency is not None) == (expected >= 3)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hta_alexnet_a100_cupti_ranges.json.gz", "holds no kernels, copies or fills of a GPU, only 375 ops"),
        ("param_resnet50_ddp_train_et.json.gz", "it is an execution trace"),
    ],
)
def test_what_has_no_kernels_is_refused_with_the_reason(name: str, says: str) -> None:
    with pytest.raises(BadFileError, match=says):
        import_trace(KINETO / name)

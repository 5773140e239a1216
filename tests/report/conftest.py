"""A small made-up network, measured by hand: round numbers whose sums can be redone in the head.

Latency 10 ms. Its ops: conv 6, elemwise 1.5, data_io 0.5, shuffle 0.4, pool 0.1, matmul 0.2 = 8.7 ms; overhead 1.1 ms
(0.1 of it views); residual 0.2 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

from effprof.records import (
    Accounting,
    Analysis,
    Category,
    CostedOp,
    DeviceInfo,
    Environment,
    Latency,
    LayerTotal,
    ModelInfo,
    ModuleInfo,
    Note,
    OpCall,
    OpCost,
    Profile,
    RunSpec,
    Share,
    TensorSpec,
    Totals,
)
from effprof.report import Report

MS = 1e-3
GOLDEN = Path(__file__).parents[1] / "golden"

# op, layer, module type, category, kind, time in ms, mult_adds, read bytes, written bytes
CALLS: tuple[tuple[str, str, str, Category, str, float, int | None, int, int], ...] = (
    ("conv2d", "stem.conv", "Conv2d", Category.CONV, "dense", 2.5, 10_838_016, 606_000, 1_605_632),
    ("batch_norm", "stem.norm", "BatchNorm2d", Category.ELEMWISE, "norm", 0.6, 0, 1_605_760, 1_605_632),
    ("relu", "stem.act", "ReLU", Category.ELEMWISE, "activation", 0.4, 0, 1_605_632, 1_605_632),
    ("conv2d", "stage2.0.branch_main.conv_pw", "Conv2d", Category.CONV, "pointwise", 2.0, 6_422_528, 900_000, 802_816),
    ("conv2d", "stage2.0.branch_main.conv_dw", "Conv2d", Category.CONV, "depthwise", 1.5, 1_806_336, 803_000, 802_816),
    ("add", "stage2.0", "ShuffleUnit", Category.ELEMWISE, "arithmetic", 0.5, 0, 1_605_632, 802_816),
    ("cat", "stage2.0", "ShuffleUnit", Category.DATA_IO, "concat", 0.5, 0, 802_816, 802_816),
    ("view", "stage2.0", "ShuffleUnit", Category.OVERHEAD, "view", 0.1, 0, 0, 0),
    ("contiguous", "stage2.0", "ShuffleUnit", Category.SHUFFLE, "channel", 0.4, 0, 802_816, 802_816),
    ("adaptive_avg_pool2d", "pool", "AdaptiveAvgPool2d", Category.POOL, "", 0.1, 0, 802_816, 256),
    ("linear", "head.classifier", "Linear", Category.MATMUL, "", 0.2, 64_000, 260_000, 4_000),
)
MODULES = (
    ("", "TinyNet", 70_000),
    ("stem", "Sequential", 928),
    ("stem.conv", "Conv2d", 864),
    ("stem.norm", "BatchNorm2d", 64),
    ("stem.act", "ReLU", 0),
    ("stage2", "Sequential", 4_072),
    ("stage2.0", "ShuffleUnit", 4_072),
    ("stage2.0.branch_main", "Sequential", 4_072),
    ("stage2.0.branch_main.conv_pw", "Conv2d", 2_048),
    ("stage2.0.branch_main.conv_dw", "Conv2d", 2_024),
    ("pool", "AdaptiveAvgPool2d", 0),
    ("head", "Sequential", 65_000),
    ("head.classifier", "Linear", 65_000),
)
LATENCY_MS = 10.0
OVERHEAD_MS = 1.1


def tensor(number: int, shape: tuple[int, ...]) -> TensorSpec:
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return TensorSpec(number, number, shape, strides, "float32", 4)


def costed_ops(timed: bool) -> tuple[CostedOp, ...]:
    ops = []
    for i, (op, layer, _, category, kind, time_ms, mult_adds, read_bytes, write_bytes) in enumerate(CALLS):
        call = OpCall(
            index=i, op=op, aten=f"aten::{op}", layer=layer, source=f"tinynet/net.py:{10 + i}",
            inputs=(tensor(i, (1, 32, 112, 112)),), input_names=("input",), outputs=(tensor(i + 1, (1, 32, 112, 112)),),
            is_view=kind == "view",
        )  # fmt: skip
        cost = OpCost(mult_adds, read_bytes, write_bytes, read_bytes // 4, write_bytes // 4)
        ops.append(CostedOp(call, cost, category, kind, time_ms * MS if timed else None, 0.01 * MS if timed else None))
    return tuple(ops)


def shares(ops: tuple[CostedOp, ...], timed: bool, latency_ms: float) -> tuple[Share, ...]:
    result = []
    for category in Category:
        members = [op for op in ops if op.category is category]
        time_s = OVERHEAD_MS * MS if category is Category.OVERHEAD else sum(op.time_s or 0.0 for op in members)
        result.append(
            Share(
                category,
                time_s if timed else None,
                time_s / (latency_ms * MS) if timed else None,
                sum(op.cost.mult_adds or 0 for op in members),
                sum(op.cost.access_bytes for op in members),
                len(members),
            )
        )
    return tuple(result)


def layer_totals(ops: tuple[CostedOp, ...], timed: bool, latency_ms: float) -> tuple[LayerTotal, ...]:
    result = []
    for path, module_type, parameters in MODULES:
        below = [op for op in ops if path == "" or op.call.layer == path or op.call.layer.startswith(path + ".")]
        own = [op for op in below if op.call.layer == path]
        time_s = sum(op.time_s or 0.0 for op in below) if timed else None
        result.append(
            LayerTotal(
                path,
                module_type,
                time_s,
                sum(op.time_s or 0.0 for op in own) if timed else None,
                time_s / (latency_ms * MS) if time_s is not None else None,
                sum(op.cost.mult_adds or 0 for op in below),
                sum(op.cost.access_bytes for op in below),
                parameters,
                len(below),
            )
        )
    return tuple(result)


def make_profile(name: str, timed: bool, **changes: Any) -> Profile:
    device = DeviceInfo("cpu", "Imaginary CPU @ 3.00 GHz", "x86_64", 2) if timed else None
    values: dict[str, Any] = {
        "spec": RunSpec(model=name, command=f"effprof run --model {name}"),
        "model": ModelInfo(
            name, "zoo", 70_000, 280_000, ((1, 3, 224, 224),), "float32", "contiguous",
            tuple(ModuleInfo(*module) for module in MODULES),
        ),
        "environment": Environment(
            "0.1.0", "3.12.1", "2.14.1", "Linux-6.1-x86_64", "Imaginary CPU @ 3.00 GHz", "glibc 2.36", None,
            "2026-01-02T03:04:05Z",
        ),
        "device": device,
        "calls": tuple(op.call for op in costed_ops(timed)),
        "notes": (Note("cpu-steal", "The hypervisor took 3 % of the CPU time during the runs.", "Measure again."),),
    }  # fmt: skip
    return Profile(**(values | changes))


def make_analysis(timed: bool, latency_ms: float, **changes: Any) -> Analysis:
    ops = costed_ops(timed)
    read_bytes = sum(op.cost.read_bytes for op in ops)
    write_bytes = sum(op.cost.write_bytes for op in ops)
    ops_ms = sum(op.time_s or 0.0 for op in ops if op.category is not Category.OVERHEAD) / MS
    residual_s = latency_ms * MS - ops_ms * MS - OVERHEAD_MS * MS
    mult_adds = sum(op.cost.mult_adds or 0 for op in ops)
    values: dict[str, Any] = {
        "latency": Latency(
            latency_ms * MS, (0.994 * latency_ms * MS, 1.007 * latency_ms * MS), 87, (latency_ms + 0.4) * MS, None,
            1000 / latency_ms, 3400.0, "interval",
        ),
        "accounting": Accounting(
            ops_ms * MS, OVERHEAD_MS * MS, residual_s, (residual_s - 0.15 * MS, residual_s + 0.1 * MS),
            residual_s / (latency_ms * MS), 11.5 * MS, 0.15, 0.98,
        ),
        "totals": Totals(
            mult_adds, 2 * mult_adds, read_bytes, write_bytes, read_bytes + write_bytes,
            (read_bytes + write_bytes) // 4, {},
        ),
        "categories": shares(ops, timed, latency_ms),
        "layers": layer_totals(ops, timed, latency_ms),
        "ops": ops,
        "peak_activation_bytes": 3_211_264,
        "notes": (
            Note(
                "page-faults",
                "The C library gave memory back to the kernel and asked for it again: 3400 minor page faults a run. "
                "A process that has freed a bigger block before would be faster.",
                "Measure with --malloc steady, which keeps freed memory.",
            ),
        ),
    }  # fmt: skip
    if not timed:
        values |= {"latency": None, "accounting": None, "notes": ()}
    return Analysis(**(values | changes))


ReportFactory = Callable[..., Report]


@pytest.fixture(scope="session")
def make_report() -> ReportFactory:
    """`make_report(name, timed=True, latency_ms=10.0, profile={...}, analysis={...})`; dicts replace fields."""

    def make(
        name: str = "tinynet",
        timed: bool = True,
        latency_ms: float = LATENCY_MS,
        profile: dict[str, Any] | None = None,
        analysis: dict[str, Any] | None = None,
    ) -> Report:
        return Report(
            make_profile(name, timed, **(profile or {})), make_analysis(timed, latency_ms, **(analysis or {}))
        )

    return make


@pytest.fixture
def report(make_report: ReportFactory) -> Report:
    return make_report()


@pytest.fixture
def counted(make_report: ReportFactory) -> Report:
    return make_report(timed=False)


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> Callable[[bytes, str], None]:
    """Compare with a file in tests/golden/; `--update-golden` rewrites it, and the diff is the review."""

    def check(actual: bytes, name: str) -> None:
        golden = GOLDEN / name
        if request.config.getoption("--update-golden"):
            golden.write_bytes(actual)
        assert actual == golden.read_bytes(), f"{name} changed: look at it, then run pytest --update-golden"

    return check

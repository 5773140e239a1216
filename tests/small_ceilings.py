"""Ceilings in round numbers, for hand-worked rooflines, and a make-believe device that has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from small_profile import TIMED

from effprof.ceiling_records import (
    TRAFFIC_KINDS,
    CacheLevel,
    Ceilings,
    CeilingSpec,
    ComputeCeiling,
    DispatchCeiling,
    Estimate,
    NetworkSpread,
    ProcessSpread,
    TrafficCeiling,
)

G = 1e9
KIB, MIB = 2**10, 2**20
WORK = {"matmul": 40 * G, "dense": 32 * G, "pointwise": 20 * G, "depthwise": 8 * G}
COPY = {16 * KIB: 100 * G, MIB: 50 * G, 16 * MIB: 20 * G, 128 * MIB: 10 * G}
"""Working set -> bytes/s of a copy; reading alone is twice as fast, writing alone 1.5 times, in place as fast."""
FASTER = {"copy": 1.0, "read": 2.0, "write": 1.5, "update": 1.0}
CALL_S, VIEW_S = 2e-6, 5e-7
SPREAD = 0.03


def estimate(value: float) -> Estimate:
    return Estimate(value, (0.98 * value, 1.02 * value), (0.98 * value, value, 1.02 * value))


def small_ceilings(**changes: Any) -> Ceilings:
    """Those of the device of `small_profile.TIMED`."""
    assert TIMED.device is not None
    networks = (NetworkSpread("mobilenetv2", (0.020, 0.0206), SPREAD), NetworkSpread("resnet18", (0.03, 0.03), 0.0))
    values = Ceilings(
        spec=CeilingSpec("cpu", 1, "fp32", command="effprof calibrate --threads 1"),
        device=TIMED.device,
        environment=TIMED.environment,
        compute=tuple(
            ComputeCeiling(kind, estimate(rate), f"best {kind}", 20) for kind, rate in WORK.items()  # type: ignore[arg-type]
        ),
        traffic=tuple(
            TrafficCeiling(kind, size, estimate(rate * FASTER[kind]), "copy_")
            for kind in TRAFFIC_KINDS
            for size, rate in COPY.items()
        ),
        dispatch=(
            DispatchCeiling("op", estimate(CALL_S), "add_"),
            DispatchCeiling("view", estimate(VIEW_S), "transpose"),
        ),
        spreads=(
            ProcessSpread("default", SPREAD, (0.018, 0.0862), 5, networks),
            ProcessSpread("steady", 0.01, (0.006, 0.0287), 5, networks),
        ),
        caches=(CacheLevel("L1", 32 * KIB), CacheLevel("L2", MIB), CacheLevel("L3", 32 * MIB)),
        took_s=120.0,
    )
    return replace(values, **changes)


PLAN: dict[str, Any] = {
    "rates": {"mult_adds_per_s": 30 * G, "bytes_per_s": 10 * G, "seconds_per_call": 1e-6},
    "ceilings": {
        "mult_adds_per_s": {"matmul": 40 * G, "dense": 35 * G, "depthwise": 30 * G},
        "caches": [
            {"capacity_bytes": 64 * KIB, "bytes_per_s": 100 * G},
            {"capacity_bytes": 8 * MIB, "bytes_per_s": 40 * G},
        ],
        "seconds_per_call": 1e-7,
    },
}
"""Ops take mult_adds / 30 G + bytes / 10 G, which no ceiling is above."""


def write_plan(folder: Path, **ceilings: Any) -> Path:
    path = folder / "plan.json"
    path.write_text(json.dumps({**PLAN, "ceilings": {**PLAN["ceilings"], **ceilings}}))
    return path

"""What a device can do at best, as data: `Ceilings`, measured by `effprof calibrate`, and what was asked for.

Like `records`: frozen, torch-free and JSON-able; `None` means unknown. Rates are per second; work is multiply-adds, a
traffic rate counts every byte read once and every byte written once (so does STREAM; what a cache fetches before it is
written over is not counted).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from effprof.records import DeviceInfo, Environment, Note

ComputeKind = Literal["matmul", "dense", "pointwise", "depthwise"]
"""Matrix products; convolutions by kind. Grouped and transposed ones are held against the dense ceiling."""
TrafficKind = Literal["copy", "read", "write", "update"]
"""From one place to another; read alone; written alone; read and written in the same place."""
DispatchKind = Literal["op", "view"]
Bound = Literal["compute", "memory", "overhead"]

COMPUTE_KINDS: tuple[ComputeKind, ...] = ("matmul", "dense", "pointwise", "depthwise")
TRAFFIC_KINDS: tuple[TrafficKind, ...] = ("copy", "read", "write", "update")
DISPATCH_KINDS: tuple[DispatchKind, ...] = ("op", "view")


@dataclass(frozen=True)
class CeilingSpec:
    """A calibration as the user asked for it."""

    device: str = "cpu"
    threads: int | None = None
    precision: str = "fp32"
    quick: bool = False
    seed: int = 0
    command: str = ""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, from one value a process."""

    value: float
    """Median of the processes."""
    ci95: tuple[float, float]
    processes: tuple[float, ...]


@dataclass(frozen=True)
class ComputeCeiling:
    kind: ComputeKind
    mult_adds_per_s: Estimate
    best: str
    """What reached it: `mm 1024x1024x1024, transposed` (the second factor)."""
    candidates: int
    """How many shapes and layouts were tried."""


@dataclass(frozen=True)
class TrafficCeiling:
    kind: TrafficKind
    working_set_bytes: int
    """All memory that is touched, over all threads."""
    bytes_per_s: Estimate
    best: str


@dataclass(frozen=True)
class DispatchCeiling:
    """The time of a call that does next to nothing."""

    kind: DispatchKind
    seconds_per_call: Estimate
    best: str


@dataclass(frozen=True)
class NetworkSpread:
    network: str
    medians_s: tuple[float, ...]
    """Latency in each process."""
    spread: float
    """Standard deviation of their logarithms."""


@dataclass(frozen=True)
class ProcessSpread:
    """How far fresh processes differ that measure the same, with one setting of the allocator."""

    malloc: str
    spread: float
    """The largest of the networks' own, as a share."""
    ci95: tuple[float, float]
    processes: int
    networks: tuple[NetworkSpread, ...]


@dataclass(frozen=True)
class CacheLevel:
    name: str
    """`L1`, `L2`, `L3`."""
    capacity_bytes: int
    """Over all cores that the threads use."""


@dataclass(frozen=True)
class Ceilings:
    """One device with one number of threads and one precision."""

    spec: CeilingSpec
    device: DeviceInfo
    environment: Environment
    compute: tuple[ComputeCeiling, ...]
    """One of each kind, in the order of COMPUTE_KINDS."""
    traffic: tuple[TrafficCeiling, ...]
    """By kind, then from the smallest working set to the largest."""
    dispatch: tuple[DispatchCeiling, ...]
    spreads: tuple[ProcessSpread, ...]
    """By allocator: `default`, and `steady` where the C library has it."""
    caches: tuple[CacheLevel, ...]
    """From the smallest up; empty where the platform does not tell."""
    took_s: float
    notes: tuple[Note, ...] = ()
    format: str = "effprof.ceilings/1"

    def compute_of(self, kind: ComputeKind) -> ComputeCeiling:
        return next(ceiling for ceiling in self.compute if ceiling.kind == kind)

    def traffic_of(self, kind: TrafficKind) -> tuple[TrafficCeiling, ...]:
        """From the smallest working set to the largest."""
        return tuple(ceiling for ceiling in self.traffic if ceiling.kind == kind)

    def dispatch_of(self, kind: DispatchKind) -> DispatchCeiling:
        return next(ceiling for ceiling in self.dispatch if ceiling.kind == kind)

    def spread_of(self, malloc: str) -> ProcessSpread | None:
        return next((spread for spread in self.spreads if spread.malloc == malloc), None)

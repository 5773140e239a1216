"""Every op beside what the device can do at best: achieved rates, share of the ceiling, and what bounds it.

Three times that an op cannot go below on this device (the roofline of Williams, Waterman and Patterson, "Roofline: an
insightful visual performance model", CACM 52(4), 2009, with one more roof for the call itself):

    compute  = mult_adds / the best rate of this kind of op
    memory   = bytes / the best rate of this pattern of access at this working set
    overhead = what a call costs that does next to nothing

The largest of them is the op's bound, and its share of the ceiling is that time over the measured one: 1 is as fast as
this device gets, above 1 something was measured wrongly (`ceiling_notes`).

The pattern: bytes that are read and written in the same place count as `update`, what is left of reads and writes as
`copy` as far as the two pair up, the rest as `read` or `write`. The working set is all distinct memory of the call. The
rate at a working set is the best of those measured from the next smaller one up: no cache is faster for holding more,
so whatever rises with the size is a call's own cost at small sizes, or noise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from effprof.ceiling_records import TRAFFIC_KINDS, Bound, Ceilings, ComputeKind, TrafficKind
from effprof.cost.access import moves_nothing, read_parts, written_parts
from effprof.records import Category, CostedOp, Note, OpCall, TensorSpec
from effprof.units import format_percent

KINDS: dict[str, ComputeKind] = {
    "dense": "dense",
    "grouped": "dense",
    "transposed": "dense",
    "pointwise": "pointwise",
    "depthwise": "depthwise",
}
"""Kind of a convolution -> whose ceiling; all other work is matrix products."""
ABOVE = 1 + 1e-9
"""A share beyond rounding above 1."""


@dataclass(frozen=True, slots=True)
class OpRoof:
    """One op under its ceilings. All None where nothing was timed or counted."""

    mult_adds_per_s: float | None = None
    """Achieved."""
    bytes_per_s: float | None = None
    compute_s: float | None = None
    memory_s: float | None = None
    overhead_s: float | None = None
    bound: Bound | None = None
    """`overhead` for views too, which have no share: their time is part of the overhead."""
    share: float | None = None

    @property
    def least_s(self) -> float | None:
        """The time at the ceiling."""
        times_s = (self.compute_s, self.memory_s, self.overhead_s)
        return None if None in times_s else max(time_s for time_s in times_s if time_s is not None)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory of one call, in bytes."""

    copied: int
    """Read and written, in equal parts."""
    read: int
    written: int
    updated: int
    """Read and written in the same place, both counted."""
    working_set: int

    def in_place(self) -> Footprint:
        """The same call, had it written to where it reads from."""
        working_set = self.working_set - self.copied // 2
        return replace(self, copied=0, updated=self.updated + self.copied, working_set=working_set)

    def of(self, kind: TrafficKind) -> int:
        return {"copy": self.copied, "read": self.read, "write": self.written, "update": self.updated}[kind]


class Roofs:
    """The ceilings, ready to be asked for one op after another."""

    def __init__(self, ceilings: Ceilings) -> None:
        self._compute = {ceiling.kind: ceiling.mult_adds_per_s.value for ceiling in ceilings.compute}
        self._curves = {kind: _envelope(ceilings, kind) for kind in TRAFFIC_KINDS}
        self.overhead_s = ceilings.dispatch_of("op").seconds_per_call.value

    def compute_s(self, mult_adds: int, kind: ComputeKind) -> float:
        return mult_adds / self._compute[kind]

    def bytes_per_s(self, kind: TrafficKind, working_set_bytes: int) -> float:
        """No pattern is slower than a copy, which any can be done by."""
        own = _at(self._curves[kind], working_set_bytes)
        return max(own, _at(self._curves["copy"], working_set_bytes))

    def roof_of(self, op: CostedOp) -> OpRoof:
        """One timed op under these ceilings."""
        return _roof_of(op, self)

    def memory_s(self, footprint: Footprint) -> float:
        moved = ((kind, footprint.of(kind)) for kind in TRAFFIC_KINDS)
        return sum(size / self.bytes_per_s(kind, footprint.working_set) for kind, size in moved if size)


def roofs_of(ops: Sequence[CostedOp], ceilings: Ceilings | None) -> tuple[OpRoof, ...]:
    """One for each op, in their order; without ceilings the achieved rates alone."""
    roofs = None if ceilings is None else Roofs(ceilings)
    return tuple(_roof_of(op, roofs) for op in ops)


def footprint_of(call: OpCall) -> Footprint:
    """What one call reads and writes, by pattern (see above). A tensor given twice is read once."""
    read, written = (
        ({}, {}) if moves_nothing(call) else (_by_storage(read_parts(call)), _by_storage(written_parts(call)))
    )
    in_place = sum(min(read[storage], written[storage]) for storage in read.keys() & written.keys())
    rest_read, rest_written = sum(read.values()) - in_place, sum(written.values()) - in_place
    paired = min(rest_read, rest_written)
    return Footprint(
        copied=2 * paired,
        read=rest_read - paired,
        written=rest_written - paired,
        updated=2 * in_place,
        working_set=in_place + rest_read + rest_written,
    )


def kind_of(op: CostedOp) -> ComputeKind:
    """Whose compute ceiling the op is held against."""
    return KINDS.get(op.kind, "matmul")


def ceiling_notes(ops: Sequence[CostedOp], roofs: Sequence[OpRoof]) -> tuple[Note, ...]:
    """A doubt where anything was faster than the device can be."""
    above = [(roof.share, op) for op, roof in zip(ops, roofs, strict=True) if roof.share and roof.share > ABOVE]
    if not above:
        return ()
    share, worst = max(above, key=lambda pair: pair[0])
    where = f" in {worst.call.layer}" if worst.call.layer else ""
    many = f"{len(above)} ops ran" if len(above) > 1 else "An op ran"
    text = (
        f"{many} faster than this device's measured ceiling, {worst.call.op}{where} at {format_percent(share)} of it: "
        "a measurement fault, of this run or of the calibration."
    )
    return (Note("above-ceiling", text, "`effprof calibrate --force` on a quiet machine, then measure again."),)


def _roof_of(op: CostedOp, roofs: Roofs | None) -> OpRoof:
    time_s = op.time_s
    if op.category is Category.OVERHEAD:
        return OpRoof(bound="overhead" if roofs is not None and time_s is not None else None)
    if time_s is None or time_s <= 0:
        return OpRoof()
    mult_adds, access_bytes = op.cost.mult_adds, op.cost.access_bytes
    achieved = OpRoof(
        None if mult_adds is None else mult_adds / time_s, None if access_bytes is None else access_bytes / time_s
    )
    if roofs is None or mult_adds is None or access_bytes is None:
        return achieved
    if not mult_adds and not access_bytes:  # dropout that drops nothing: not even a call's work
        return OpRoof(achieved.mult_adds_per_s, achieved.bytes_per_s, bound="overhead")
    times_s: dict[Bound, float] = {
        "compute": roofs.compute_s(mult_adds, kind_of(op)),
        "memory": roofs.memory_s(footprint_of(op.call)),
        "overhead": roofs.overhead_s,
    }
    bound = max(times_s, key=lambda name: times_s[name])
    return OpRoof(
        achieved.mult_adds_per_s, achieved.bytes_per_s, times_s["compute"], times_s["memory"], times_s["overhead"],
        bound, times_s[bound] / time_s,
    )  # fmt: skip


_Curve = tuple[tuple[int, float], ...]
"""(working set in bytes, bytes/s), from the smallest up."""


def _envelope(ceilings: Ceilings, kind: TrafficKind) -> _Curve:
    """Never rising with the working set."""
    points: list[tuple[int, float]] = []
    best = 0.0
    for ceiling in reversed(ceilings.traffic_of(kind)):
        best = max(best, ceiling.bytes_per_s.value)
        points.append((ceiling.working_set_bytes, best))
    return tuple(reversed(points))


def _at(curve: _Curve, working_set_bytes: int) -> float:
    """The rate of the largest measured working set that is not larger; of the smallest below all."""
    below = [rate for size, rate in curve if size <= working_set_bytes]
    return below[-1] if below else curve[0][1]


def _by_storage(parts: Iterable[tuple[TensorSpec, int]]) -> dict[int, int]:
    """Bytes of each storage; a tensor given twice counts once, as in `cost.access`."""
    sizes: dict[int, int] = defaultdict(int)
    for storage, size in {spec.id: (spec.storage, elements * spec.item_bytes) for spec, elements in parts}.values():
        sizes[storage] += size
    return sizes

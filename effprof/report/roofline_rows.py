"""What of the roofline is shown in tables: time by bound, and the ops that lose most time above their ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from effprof import units
from effprof.analyze.roofline import OpRoof
from effprof.ceiling_records import Bound
from effprof.records import Category, CostedOp
from effprof.report.rows import whole_s
from effprof.report.untrusted import printable

if TYPE_CHECKING:
    from effprof.report import Report

BOUND_HEADER = ("bound", "time", "share", "calls", "at the ceiling", "of the ceiling")
FAR_HEADER = ("layer", "op", "bound", "time", "at best", "of it")
SHOWN = 5
BOUNDS: tuple[Bound, ...] = get_args(Bound)
UNJUDGED = "not known"


@dataclass(frozen=True)
class BoundRow:
    bound: str
    time: str
    share: str
    """Of the latency."""
    calls: str
    least: str
    """Time at the ceiling."""
    of_ceiling: str
    """Least time over time."""


@dataclass(frozen=True)
class FarRow:
    layer: str
    op: str
    bound: str
    time: str
    least: str
    of_ceiling: str


@dataclass(frozen=True)
class RooflineTable:
    heading: str
    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]


def roofline_tables(report: Report) -> tuple[RooflineTable, ...]:
    """What every view shows: time by bound, then the farthest ops. Those without rows are left out."""
    bounds = tuple((r.bound, r.time, r.share, r.calls, r.least, r.of_ceiling) for r in bound_rows(report))
    far = tuple((r.layer, r.op, r.bound, r.time, r.least, r.of_ceiling) for r in far_rows(report))
    heading = f"What bounds the ops on this device ({calibrated_text(report)})"
    tables = (
        RooflineTable(heading, BOUND_HEADER, bounds),
        RooflineTable("Most time above their ceilings", FAR_HEADER, far),
    )
    return tuple(table for table in tables if table.body)


def bound_rows(report: Report) -> tuple[BoundRow, ...]:
    """Ops outside the overhead by what bounds them, and those of which nobody knows; empty without ceilings."""
    if report.ceilings is None or whole_s(report) is None:
        return ()
    judged = list(working(report))
    groups = [(bound, [pair for pair in judged if pair[1].bound == bound]) for bound in BOUNDS]
    rows = [_bound_row(report, bound, pairs) for bound, pairs in groups if pairs]
    unknown = [(op, roof) for op, roof in judged if roof.bound is None]
    return (*rows, *([_bound_row(report, UNJUDGED, unknown)] if unknown else []))


def far_rows(report: Report, limit: int = SHOWN) -> tuple[FarRow, ...]:
    """The ops whose time above their ceiling is longest; empty without ceilings."""
    lost = [(op.time_s - roof.least_s, op, roof) for op, roof in working(report) if op.time_s and roof.least_s]
    lost.sort(key=lambda row: -row[0])
    whole = whole_s(report)
    if whole is None or report.ceilings is None:
        return ()
    scale = units.time_scale(whole)
    return tuple(
        FarRow(
            layer=printable(op.call.layer) or "(root)",
            op=printable(op.call.op) + (f" {printable(op.kind)}" if op.kind not in ("", op.call.op) else ""),
            bound=str(roof.bound),
            time=scale.format(op.time_s),
            least=scale.format(roof.least_s),
            of_ceiling=units.format_percent(roof.share),
        )
        for lost_s, op, roof in lost[:limit]
        if lost_s > 0
    )


def working(report: Report) -> Iterator[tuple[CostedOp, OpRoof]]:
    """The ops outside the overhead with their roofs."""
    pairs = zip(report.analysis.ops, report.roofs, strict=True)
    return ((op, roof) for op, roof in pairs if op.category is not Category.OVERHEAD)


def calibrated_text(report: Report) -> str:
    """`calibrated 2026-11-24`; empty without ceilings."""
    return "" if report.ceilings is None else f"calibrated {printable(report.ceilings.environment.started_utc)[:10]}"


def _bound_row(report: Report, bound: str, pairs: Sequence[tuple[CostedOp, OpRoof]]) -> BoundRow:
    whole = whole_s(report) or 0.0
    scale = units.time_scale(whole)
    time_s = sum(op.time_s or 0.0 for op, _ in pairs)
    known = [(op.time_s, roof.least_s) for op, roof in pairs if op.time_s is not None and roof.least_s is not None]
    least_s = sum(least for _, least in known) if known else None
    known_s = sum(time for time, _ in known)
    return BoundRow(
        bound=bound,
        time=scale.format(time_s),
        share=units.format_percent(time_s / whole) if whole else units.UNKNOWN,
        calls=str(len(pairs)),
        least=scale.format(least_s),
        of_ceiling=units.UNKNOWN if least_s is None or not known_s else units.format_percent(least_s / known_s),
    )

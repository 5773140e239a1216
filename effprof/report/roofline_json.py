"""The ceilings in report.json: what the ops were held against, and why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from effprof.analyze.roofline import OpRoof
from effprof.calibrated import how_to, why_old
from effprof.ceiling_records import Ceilings

if TYPE_CHECKING:
    from effprof.report import Report

_NONE = ("calibrated_utc", "torch", "mult_adds_per_s", "bytes_per_s", "seconds_per_call", "process_spread")


def ceilings_dict(report: Report) -> dict[str, Any]:
    """Values alone; ceilings.json beside it has the intervals and all else."""
    ceilings = report.ceilings
    if ceilings is None:
        return {**dict.fromkeys(_NONE), "reason": why_none(report)}
    return {
        "calibrated_utc": ceilings.environment.started_utc,
        "torch": ceilings.environment.torch,
        "mult_adds_per_s": {ceiling.kind: ceiling.mult_adds_per_s.value for ceiling in ceilings.compute},
        "bytes_per_s": _traffic(ceilings),
        "seconds_per_call": {ceiling.kind: ceiling.seconds_per_call.value for ceiling in ceilings.dispatch},
        "process_spread": {spread.malloc: spread.spread for spread in ceilings.spreads},
        "reason": why_old(ceilings, report.profile.environment),
    }


def why_none(report: Report) -> str:
    profile = report.profile
    if report.analysis.device_time is not None:
        return "a recorded trace"
    if report.analysis.latency is None:
        return "nothing was timed"
    return f"not calibrated: {how_to(profile)}"


def roof_dict(roof: OpRoof) -> dict[str, Any]:
    """What an op of report.json says of its ceilings."""
    return {
        "mult_adds_per_s": roof.mult_adds_per_s,
        "bytes_per_s": roof.bytes_per_s,
        "bound": roof.bound,
        "ceiling_share": roof.share,
    }


def _traffic(ceilings: Ceilings) -> list[dict[str, Any]]:
    """One row a working set, a column a kind."""
    rows: dict[int, dict[str, Any]] = {}
    for ceiling in ceilings.traffic:
        row = rows.setdefault(ceiling.working_set_bytes, {"working_set_bytes": ceiling.working_set_bytes})
        row[ceiling.kind] = ceiling.bytes_per_s.value
    return [rows[size] for size in sorted(rows)]

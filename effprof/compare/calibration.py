"""How far processes of a device differ, where `effprof calibrate` has measured it."""

from __future__ import annotations

from effprof.calibrated import why_old
from effprof.ceiling_records import CeilingSpec
from effprof.compare.rule import CalibratedSpread
from effprof.compare.words import Result
from effprof.errors import BadFileError
from effprof.store.ceilings_json import ceilings_path, read_ceilings


def calibrated_spread(old: Result, new: Result) -> CalibratedSpread | None:
    """The larger one of the two sides'; None where neither is known or the results are no network's latency.

    A guideline's slowdown is a ratio within one process, of which a calibration says nothing.
    """
    if old.kind != "run":
        return None
    known = [spread for spread in map(_of, (old, new)) if spread is not None]
    return max(known, key=lambda one: one.spread, default=None)


def _of(result: Result) -> CalibratedSpread | None:
    setting = dict(result.setting)
    spec = CeilingSpec(result.device.kind, result.device.threads, setting.get("precision", ""))
    try:
        ceilings = read_ceilings(ceilings_path(result.device, spec))
    except (BadFileError, OSError):  # `effprof run` says so; a comparison can do without
        return None
    if ceilings is None or why_old(ceilings, result.environment) is not None:
        return None
    spread = ceilings.spread_of(setting.get("malloc", ""))
    if spread is None:
        return None
    return CalibratedSpread(spread.spread, spread.processes, ceilings.environment.started_utc[:10])

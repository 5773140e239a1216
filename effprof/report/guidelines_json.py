"""`effprof guidelines --json`: every verdict with its points as plain data. Fields are only ever added.

effprof.guidelines/1: first version.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from effprof.analyze.regression_study import Regression
from effprof.report.regression_json import regression_dict
from effprof.report.to_json import json_bytes
from effprof.sweep_records import Guidelines, JudgedPoint, SweepSetting, Verdict

FORMAT = "effprof.guidelines/1"
INTERVALS = "95 %, of the noise within one process over the seconds its rounds took; processes may differ by more"
_OF_THE_ENTRY = ("guideline", "scale", "label")


def render_guidelines_json(result: Guidelines, regression: Regression | None = None) -> bytes:
    return json_bytes(guidelines_dict(result, regression))


def guidelines_dict(result: Guidelines, regression: Regression | None = None) -> dict[str, Any]:
    """In the order of the documentation; times in seconds, speeds relative to the recommended setting.

    Args:
        regression: of a table of whole networks; without one the field `regression` is None.
    """
    sweep = result.sweep
    return {
        "format": FORMAT,
        "partial": sweep.partial,
        "device": asdict(sweep.device),
        "environment": asdict(sweep.environment),
        "setting": _setting(result),
        "intervals": INTERVALS,
        "guidelines": [_guideline(verdict, result) for verdict in result.verdicts],
        "regression": None if regression is None else regression_dict(regression),
        "notes": [asdict(note) for note in result.notes],
    }


def _setting(result: Guidelines) -> dict[str, Any]:
    spec, device = result.sweep.spec, result.sweep.device
    return {
        "batch": spec.batch_size,
        "img_size": spec.img_size,
        "threads": device.threads if spec.threads is None else spec.threads,
        "cpus": list(spec.cpus) or None,
        "precision": spec.precision,
        "memory_format": "channels_last" if spec.channels_last else "contiguous",
        "widths": spec.platform,
        "scale": spec.scale,
        "margin": spec.margin,
        "min_rounds": spec.min_rounds,
        "max_time_s": spec.max_time_s,
        "malloc": spec.malloc,
        "seed": spec.seed,
        "command": spec.command,
    }


def _guideline(verdict: Verdict, result: Guidelines) -> dict[str, Any]:
    others = [other for other in result.others if other.guideline == verdict.guideline]
    return {
        **_verdict(verdict),
        "scales": {other.scale: _verdict(other) for other in others},
        "paper": [
            {
                "platform": point.platform,
                "scale": point.scale,
                "label": point.label,
                "relative_speed": point.relative_speed,
                "source": point.source,
            }
            for point in result.paper
            if point.guideline == verdict.guideline
        ],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": verdict.guideline,
        "verdict": verdict.verdict,
        "slowdown": verdict.slowdown.value,
        "ci95": list(verdict.slowdown.ci95),
        "rounds": len(verdict.points[0].point.rounds_s),
        "why": list(verdict.why),
        "points": [point_dict(point) for point in verdict.points],
    }


def point_dict(judged: JudgedPoint) -> dict[str, Any]:
    point = judged.point
    return {
        "label": point.setting.label,
        "setting": _widths(point.setting),
        "mult_adds": point.mult_adds,
        "access_bytes": point.access_bytes,
        "access_elements": point.access_elements,
        "op_count": point.op_count,
        "time_s": point.time_s,
        "ci95_s": list(judged.ci95_s),
        "time_per_mult_add_s": judged.time_per_mult_add_s,
        "relative_speed": judged.relative_speed.value,
        "relative_speed_ci95": list(judged.relative_speed.ci95),
        "kernel": point.kernel,
        "kernel_elsewhere": _kernel_elsewhere(point.kernel_elsewhere),
    }


def _kernel_elsewhere(found: tuple[int, str] | None) -> dict[str, Any] | None:
    return None if found is None else {"threads": found[0], "kernel": found[1]}


def _widths(setting: SweepSetting) -> dict[str, Any]:
    return {name: value for name, value in asdict(setting).items() if name not in _OF_THE_ENTRY}

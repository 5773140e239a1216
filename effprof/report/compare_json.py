"""`effprof compare --json`: a comparison as plain data. Fields are only ever added.

effprof.comparison/1: first version.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from effprof.compare.fail_on import Checked
from effprof.compare.words import Change, Comparison, Result
from effprof.report.to_json import json_bytes

FORMAT = "effprof.comparison/1"


def render_comparison_json(comparison: Comparison, checked: Sequence[Checked] = ()) -> bytes:
    return json_bytes(comparison_dict(comparison, checked))


def comparison_dict(comparison: Comparison, checked: Sequence[Checked] = ()) -> dict[str, Any]:
    """In the order of the documentation: times in seconds, shares in fractions of the latency."""
    return {
        "format": FORMAT,
        "kind": comparison.new.kind,
        "verdict": comparison.verdict,
        "margin": comparison.margin,
        "spread": comparison.spread,
        "old": _side(comparison.old),
        "new": _side(comparison.new),
        "quantities": [_change(change) for change in comparison.changes],
        "only_in_one": list(comparison.only_in_one),
        "fail_on": [
            {
                "quantity": one.threshold.name,
                "limit": one.threshold.limit,
                "unit": "pt" if one.threshold.in_points else "%",
                "outcome": one.outcome,
            }
            for one in checked
        ],
        "notes": [asdict(note) for note in comparison.notes],
    }


def _side(result: Result) -> dict[str, Any]:
    return {
        "path": result.path,
        "name": result.name,
        "processes": result.processes if result.keeps_rounds else None,
        "partial": result.partial,
        "device": asdict(result.device),
        "environment": asdict(result.environment),
        "setting": dict(result.setting),
        "command": result.command,
    }


def _change(change: Change) -> dict[str, Any]:
    is_share = change.unit == "share"
    return {
        "quantity": change.name,
        "unit": change.unit,
        "verdict": change.verdict,
        "old": change.old,
        "new": change.new,
        "ratio": None if is_share else change.value,
        "difference": change.value if is_share else None,
        "ci95": None if change.ci95 is None else list(change.ci95),
        "margin": change.margin,
        "withheld": change.is_withheld,
        "may_look_larger": change.may_look_larger,
        "may_look_smaller": change.may_look_smaller,
        "reason": change.reason or None,
    }

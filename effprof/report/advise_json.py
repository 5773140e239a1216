"""`effprof advise --json`: everything that was tried as plain data, with the samples. Fields are only ever added.

effprof.advice/1: first version.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from effprof.advice_records import Advice, Contest, Gain
from effprof.analyze.gains import Judged, final_gain, judged, recommended, recommended_settings, steps
from effprof.finding_records import Found
from effprof.report.advise_rows import recipe
from effprof.report.findings_json import finding_dict
from effprof.report.to_json import json_bytes

FORMAT = "effprof.advice/1"
INTERVALS = "95 %, of the median over rounds within one process; settings: over processes"


def render_advice_json(advice: Advice, found: Found | None = None) -> bytes:
    return json_bytes(advice_dict(advice, found))


def advice_dict(advice: Advice, found: Found | None = None) -> dict[str, Any]:
    """In the order of the documentation; times in seconds, gains as shares of the latency.

    Args:
        found: the findings of the same network, with what their edits gained.
    """
    final = final_gain(advice)
    return {
        "format": FORMAT,
        "partial": advice.partial,
        "model": {
            "name": advice.model.name,
            "source": advice.model.source,
            "input_shape": [list(shape) for shape in advice.model.input_shape],
            "dtype": advice.model.dtype,
            "memory_format": advice.model.memory_format,
        },
        "device": asdict(advice.device),
        "environment": asdict(advice.environment),
        "setting": _setting(advice),
        "intervals": INTERVALS,
        "recommended": list(recommended(advice)),
        "recommended_settings": list(recommended_settings(advice)),
        "combined": None if final is None else {"edits": list(advice.chosen), **_gain(final)},
        "recipe": list(recipe(advice)),
        "edits": [_edit(one) for one in judged(advice)],
        "steps": [
            {"base": list(step.base), "added": step.added, "kept": step.is_kept, **_gain(step.gain)}
            for step in steps(advice)
        ],
        "latency_s": None if found is None else found.latency_s,
        "findings": [] if found is None else [finding_dict(finding) for finding in found.findings],
        "contests": [_contest(contest) for contest in advice.contests],
        "notes": [asdict(note) for note in advice.notes],
    }


def _setting(advice: Advice) -> dict[str, Any]:
    run = advice.spec.run
    return {
        "batch": run.batch_size,
        "threads": advice.device.threads,
        "cpus": list(run.cpus) or None,
        "precision": run.precision,
        "memory_format": advice.model.memory_format,
        "fold_bn": run.fold_bn,
        "malloc": run.malloc,
        "seed": run.seed,
        "edits": list(advice.spec.edits) or None,
        "applied": list(advice.spec.applied),
        "max_time_s": advice.spec.max_time_s,
        "prices": advice.spec.prices,
        "took_s": advice.took_s,
        "command": run.command,
    }


def _edit(one: Judged) -> dict[str, Any]:
    trial = one.trial
    return {
        "name": trial.name,
        "verdict": one.standing,
        "text": trial.text,
        "layers": list(trial.layers),
        **_gain(one.alone),
        "max_abs_difference": trial.max_abs_difference,
        "relative_difference": trial.relative_difference,
    }


def _gain(found: Gain | None) -> dict[str, Any]:
    """The same members with nulls where there is no figure."""
    return {
        "gain": None if found is None else found.value,
        "gain_ci95": None if found is None or found.ci95 is None else list(found.ci95),
        "measured_gain_s": None if found is None else found.seconds,
        "measured_ci95_s": None if found is None or found.seconds_ci95 is None else list(found.seconds_ci95),
        "rounds": None if found is None else found.rounds,
    }


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "stage": contest.stage,
        "stopped_because": contest.stopped_because,
        "versions": [
            {
                "edits": list(edits),
                "median_s": contest.median_s(position),
                "runs_per_round": contest.runs_per_round[position],
                "page_faults_per_run": contest.page_faults[position] if contest.page_faults else None,
                "rounds_s": list(contest.rounds_s[position]),
            }
            for position, edits in enumerate(contest.versions)
        ],
        "order": [list(turn) for turn in contest.order],
    }

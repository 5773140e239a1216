"""Advice on a make-believe clock, whose truth is planned."""

from __future__ import annotations

import json
from pathlib import Path

from effprof.advice_records import Advice, AdviceSpec
from effprof.advise.worker import advise
from effprof.records import RunSpec

GAINS = {"fold-batch-norm": 0.10, "channels-last": 0.20, "merge-siblings": 0.002, "in-place": -0.05}


def plan_file(folder: Path, edits: dict[str, float], noise: float = 0.0) -> str:
    path = folder / "plan.json"
    path.write_text(json.dumps({"edits": edits, "default": {"noise": noise}}))
    return f"fake:{path}"


def planned_spec(folder: Path, edits: dict[str, float] = GAINS, noise: float = 0.0, **settings: object) -> AdviceSpec:
    device = plan_file(folder, edits, noise)
    run = RunSpec("lenet5", device=device, threads=1, seed=int(settings.pop("seed", 0)))  # type: ignore[call-overload]
    return AdviceSpec(run, **settings)  # type: ignore[arg-type]


def planned_advice(folder: Path, edits: dict[str, float] = GAINS, noise: float = 0.0, **settings: object) -> Advice:
    return advise(planned_spec(folder, edits, noise, **settings), lambda text, share: None)

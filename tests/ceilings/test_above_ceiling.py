"""No op above its ceiling without a note that says measurement fault: planted on the make-believe clock."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_ceilings import PLAN, write_plan
from torch import nn

from effprof.analyze import analyze
from effprof.analyze.roofline import Roofs
from effprof.capture import Inputs
from effprof.ceiling_records import Ceilings, CeilingSpec
from effprof.ceilings.session import measure_ceilings, stand_for
from effprof.measure.session import measure
from effprof.records import Profile, RunSpec
from effprof.report import Report

LAYERS = ("dense", "norm", "depthwise", "pointwise", "act")
TIMES = st.floats(0.05, 20.0).filter(lambda times: abs(times - 1) > 1e-6)
"""So many times as long as the ceiling allows."""


def network() -> nn.Sequential:
    layers = nn.Sequential()
    modules = (
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8, stride=2), nn.Conv2d(8, 16, 1), nn.ReLU()
    )  # fmt: skip
    for name, module in zip(LAYERS, modules, strict=True):
        layers.add_module(name, module)
    return layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("plans"))


def measured(file: str, plan: dict[str, object]) -> Profile:
    with open(file, "w", encoding="utf-8") as out:
        json.dump(plan, out)
    spec = RunSpec("five", device=f"fake:{file}", max_time_s=0.2, min_time_s=0.01)
    return measure(network(), Inputs((torch.zeros(1, 3, 96, 96),)), spec, name="five", source="test")


@cache
def calibrated(folder: str) -> Ceilings:
    """By `effprof calibrate` itself, of the device with round figures."""
    write_plan(Path(folder))
    spec = CeilingSpec(f"fake:{folder}/plan.json", quick=True)
    return measure_ceilings(spec, stand_for(spec), lambda text, share: None)


@cache
def least_s(folder: str) -> dict[str, float]:
    """Layer -> what its one call takes at the ceiling."""
    roofs = Roofs(calibrated(folder))
    ops = analyze(measured(f"{folder}/any.json", {})).ops
    found = {op.call.layer: roofs.roof_of(op).least_s for op in ops}
    assert tuple(found) == LAYERS
    return {layer: time_s for layer, time_s in found.items() if time_s}


@settings(deadline=None, max_examples=25)
@given(times=st.tuples(*(TIMES for _ in LAYERS)))
def test_a_note_says_fault_exactly_where_an_op_is_above_its_ceiling(folder: str, times: tuple[float, ...]) -> None:
    planted = dict(zip(LAYERS, times, strict=True))
    plan = {"layers": {name: {"time_s": planted[name] * time_s} for name, time_s in least_s(folder).items()}}
    profile = measured(f"{folder}/planted.json", plan)
    report = Report(profile, analyze(profile), ceilings=calibrated(folder))
    shares = {op["layer"]: op["ceiling_share"] for op in report.to_dict()["ops"]}
    assert shares == pytest.approx({name: 1 / one for name, one in planted.items()}, rel=1e-6)
    above = [name for name, one in planted.items() if one < 1]
    said = [note for note in report.to_dict()["notes"] if note["code"] == "above-ceiling"]
    assert len(said) == bool(above)
    for note in said:
        assert "measurement fault" in note["text"]
        worst = [name for name, one in planted.items() if one <= min(times) * (1 + 1e-6)]
        assert any(f" in {name} at " in note["text"] for name in worst)
        assert note["text"].startswith(f"{len(above)} ops ran" if len(above) > 1 else "An op ran")
    for text in (report.text(), report._repr_html_()):
        assert ("above-ceiling" in text) == bool(above)


def test_the_plan_is_what_was_calibrated(folder: str) -> None:
    """Or the property would be of ceilings that say nothing."""
    found = calibrated(folder)
    for kind, rate in PLAN["ceilings"]["mult_adds_per_s"].items():
        assert found.compute_of(kind).mult_adds_per_s.value == pytest.approx(rate, rel=0.02)

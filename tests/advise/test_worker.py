"""The edits of real, tiny networks tried in this process. No figure is judged: the clock is the machine's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from planned_advice import planned_spec

from effprof.advice_records import EDIT_TEXTS, Advice, AdviceSpec
from effprof.advise.pricing import prices
from effprof.advise.tasks import Prices, PricesTask, ProfileTask, SettingTask, SettingTimes, Task, Wanted
from effprof.advise.worker import advise, profile, time_setting, work
from effprof.cliff_records import ConvShape
from effprof.errors import ModelError, UnknownNameError
from effprof.records import RunSpec

TINY = """
import torch
from torch import nn

def block():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = block(), block()
    def forward(self, x):
        return self.a(x) + self.b(x)

class Raises(nn.Module):
    def forward(self, x):
        raise ValueError("planted")
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    file = tmp_path / "nets.py"
    file.write_text(TINY)
    return file


def tried(model: str, max_time_s: float = 4.0, **settings: object) -> Advice:
    run = RunSpec(model, input_shape=((3, 16, 16),), threads=1, **settings)  # type: ignore[arg-type]
    return advise(AdviceSpec(run, max_time_s=max_time_s), lambda text, share: None)


def test_every_edit_is_tried_checked_and_timed(nets: Path) -> None:
    advice = tried(f"{nets}:Net")
    outcomes = {trial.name: trial.outcome for trial in advice.trials}
    assert outcomes == {
        "fold-batch-norm": "measured", "merge-siblings": "measured", "drop-copies": "not-applicable",
        "in-place": "measured", "channels-last": "measured", "pack-weights": "measured",
    }  # fmt: skip
    assert list(outcomes) == list(EDIT_TEXTS)
    for trial in advice.trials:
        if trial.outcome == "measured":
            assert trial.relative_difference is not None
            assert trial.relative_difference <= 1e-4
            assert trial.layers
    alone = advice.contests[0]
    assert alone.versions == ((), *((name,) for name in EDIT_TEXTS if name != "drop-copies"))
    assert {len(rounds) for rounds in alone.rounds_s} == {len(alone.order)}
    assert all(sorted(turn) == [0, 1, 2, 3, 4, 5] for turn in alone.order)
    assert not advice.partial


def test_what_belongs_ahead_of_an_applied_edit_is_still_tried(nets: Path) -> None:
    run = RunSpec(f"{nets}:Net", input_shape=((3, 16, 16),), threads=1)
    advice = advise(AdviceSpec(run, applied=("pack-weights",), max_time_s=4.0), lambda text, share: None)
    trials = {trial.name: trial for trial in advice.trials}
    assert trials["pack-weights"].outcome == "not-applicable"
    assert "it has been applied already" in trials["pack-weights"].text
    assert trials["fold-batch-norm"].outcome == "measured"
    assert trials["fold-batch-norm"].text == "2 batch-norms folded into the convolutions before them."


def test_the_setting_is_applied_before_any_edit(nets: Path) -> None:
    advice = tried(f"{nets}:Net", channels_last=True, fold_bn=True)
    outcomes = {trial.name: trial.outcome for trial in advice.trials}
    assert (outcomes["fold-batch-norm"], outcomes["channels-last"]) == ("not-applicable", "not-applicable")


def test_too_little_time_is_said_and_nothing_claimed(nets: Path) -> None:
    advice = tried(f"{nets}:Net", max_time_s=0.0)
    assert advice.contests == ()
    assert {trial.outcome for trial in advice.trials} == {"no-time"}


def test_a_network_that_cannot_be_run_is_one_line(nets: Path) -> None:
    with pytest.raises(ModelError, match="planted"):
        tried(f"{nets}:Raises")
    with pytest.raises(UnknownNameError):
        tried("mobilenetv3")


def test_a_version_in_a_setting_is_timed_as_asked(nets: Path) -> None:
    run = RunSpec(f"{nets}:Net", input_shape=((3, 16, 16),), threads=1)
    found = time_setting(SettingTask(run, ("fold-batch-norm",), "", 0.01, 1))
    assert found.runs >= 5
    assert found.median_s > 0


def test_planned_settings_differ_as_planned(tmp_path: Path) -> None:
    run = planned_spec(tmp_path, {"malloc-steady": 0.25, "in-place": 0.1}).run
    base, steady = (
        time_setting(SettingTask(run, ("in-place",), name, 0.01, 1)).median_s for name in ("", "malloc-steady")
    )
    assert steady / base == pytest.approx(0.75)


def test_tasks_and_results_are_json(tmp_path: Path) -> None:
    spec = planned_spec(tmp_path, max_time_s=1.0)
    told = work(msgspec.json.encode(Task(advise=spec)), lambda text, share: None)
    assert msgspec.json.decode(told, type=Advice).chosen == ("fold-batch-norm", "channels-last")
    told = work(msgspec.json.encode(Task(time=SettingTask(spec.run, (), "", 0.01, 1))), lambda text, share: None)
    assert msgspec.json.decode(told, type=SettingTimes).runs == json.loads(told)["runs"]


def test_a_profile_is_of_the_network_with_the_edits_that_it_has_had(nets: Path) -> None:
    run = RunSpec(f"{nets}:Net", input_shape=((3, 16, 16),), threads=1, min_time_s=0.01, max_time_s=0.5)
    edits: tuple[tuple[str, ...], ...] = ((), ("fold-batch-norm",))
    as_it_is, folded = (profile(ProfileTask(run, names), lambda text, share: None) for names in edits)
    assert [sum(call.op == "batch_norm" for call in one.calls) for one in (as_it_is, folded)] == [2, 0]
    assert as_it_is.rounds
    assert folded.rounds


def test_prices_are_those_of_what_was_asked_for_while_there_is_time(tmp_path: Path) -> None:
    spec = planned_spec(tmp_path)
    own = ConvShape((3, 3), 8, 8, 1, (1, 1), 16, 16, 1, 1)
    wanted = (Wanted("a", ((own, (own,)),)), Wanted("b", ((own, (replace(own, outputs=4),)),)))
    task = Task(prices=PricesTask(spec.run, 1, False, wanted, 0.2))
    told = work(msgspec.json.encode(task), lambda text, share: None)
    same, half = msgspec.json.decode(told, type=Prices).priced
    assert same is not None
    assert same.gain_s == 0
    assert half is not None
    assert half.gain_s == pytest.approx(own.mult_adds / 2 / 2e10)
    late = prices(PricesTask(replace(spec.run, device="cpu"), 1, False, wanted, 0.0), lambda text, share: None)
    assert late == Prices((None, None), False)

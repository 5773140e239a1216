"""--timer: read, refused, obeyed, recorded and shown."""

from __future__ import annotations

import functools
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

import effprof
from effprof.analyze.timing import round_times
from effprof.capture import Inputs, capture
from effprof.cli import main
from effprof.compare.reading import loads_result
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpu import FreshInputs
from effprof.devices.kineto import KinetoSubject, tight_loop_cost
from effprof.errors import ModelError, UsageError
from effprof.measure.calibrate import ATTEMPTS, PAIRS, calibrate
from effprof.measure.standin import stand_ins
from effprof.records import Calibration, MeasuredOp, Round, RunSpec, Samples
from effprof.remote.wire import RunRequest
from effprof.report import Report
from effprof.store import dumps_profile

NETWORK = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
"""
IMAGE = torch.zeros(1, 3, 64, 64)


class Partial(nn.Module):
    """Works through references that nobody can swap."""

    relu = functools.partial(torch.relu)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(x) + 1


def profile(model: nn.Module, example: Any, timer: str, **settings: Any) -> Report:
    return effprof.profile(model, example, timer=timer, **{"min_time": 0.001, "max_time": 0.05, **settings})


def block() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


@pytest.mark.parametrize("timer", ["entry", "dispatch", "kineto"])
def test_the_timer_that_was_asked_for_is_used_and_its_parts_make_the_whole(timer: str) -> None:
    report = profile(block(), IMAGE, timer)
    found, (measured,) = report.to_dict(), report.profile.rounds
    assert (measured.timer, found["setting"]["timer"], report.profile.spec.timer) == (timer,) * 3
    assert [op.calls for op in measured.ops] == [(0,), (1,), (2,)]
    assert all(len(op.times_s) == len(measured.instrumented.times_s) for op in measured.ops)
    assert measured.calibration.method == "smaller-inputs"
    for number, whole_s in enumerate(measured.instrumented.times_s):
        assert 0 < sum(op.times_s[number] for op in measured.ops) < whole_s
    accounting = found["accounting"]
    whole = accounting["ops_s"] + accounting["overhead_s"] + accounting["residual_s"]
    assert whole == pytest.approx(found["latency"]["median_s"], abs=1e-12)
    assert [op["layer"] for op in found["ops"]] == ["0", "1", "2"]
    assert f"timer {timer}" in report.text()


def test_auto_is_entry_and_not_mentioned_where_nothing_was_timed() -> None:
    report = profile(block(), IMAGE, "auto")
    assert report.profile.rounds[0].timer == "entry"
    assert report.to_dict()["setting"]["timer"] == "entry"
    assert "timer" not in report.text()
    assert effprof.count(block(), IMAGE).to_dict()["setting"]["timer"] is None


def test_the_fixed_input_size_is_calibrated_with_the_stand_in() -> None:
    measured = profile(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.zeros(1, 4), "kineto").profile.rounds[0]
    assert (measured.timer, measured.calibration.method) == ("kineto", "stand-in")
    assert len(measured.calibration.points) == 2


@pytest.mark.parametrize(("like", "calls"), [(0, 96), (400, 400), (10**6, 640)])
def test_a_stand_in_has_about_as_many_calls_within_limits(like: int, calls: int) -> None:
    with torch.inference_mode():
        _, _, captured = next(stand_ins(like))
        assert len(captured.calls) == calls


def test_what_the_entry_points_cannot_time_is_refused_when_they_were_asked_for() -> None:
    with pytest.raises(ModelError, match="cannot all be timed at torch's entry points: relu came past them"):
        profile(Partial(), torch.zeros(2), "entry")
    assert "dispatch-timer" in [note.code for note in profile(Partial(), torch.zeros(2), "auto").profile.notes]
    for timer in ("dispatch", "kineto"):
        report = profile(Partial(), torch.zeros(2), timer)
        assert report.profile.rounds[0].timer == timer
        assert "dispatch-timer" not in [note.code for note in report.profile.notes]


def test_a_network_is_left_as_found_by_the_profiler_too() -> None:
    model = block().train()
    model[0].register_forward_hook(lambda module, args, output: None)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    profile(model, IMAGE, "kineto")
    assert model.training
    assert len(model[0]._forward_hooks) == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not nn.modules.module._global_forward_hooks
    assert not nn.modules.module._global_forward_pre_hooks


def test_a_forward_that_raises_later_is_explained_and_leaves_no_hook() -> None:
    class Tires(nn.Module):
        runs = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.runs += not x.is_meta
            if self.runs > 4:
                raise ValueError("no more")
            return x + 1

    with pytest.raises(ModelError, match="The network's forward raised ValueError: no more"):
        profile(Tires(), torch.zeros(2), "kineto")
    assert not nn.modules.module._global_forward_hooks
    assert not torch.autograd._profiler_enabled()


def test_the_ops_within_an_op_are_counted() -> None:
    inputs, model = Inputs((torch.zeros(1, 2, 4, 4),)), nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU(), nn.Flatten())
    with torch.inference_mode():
        calls = capture(model, inputs).calls
        subject = KinetoSubject.of(model, FreshInputs.of(inputs, calls), calls, is_marked=True)
    assert subject.spans == ((0,), (1,), (2,))
    conv, relu, flatten = subject.nested
    assert conv >= 3  # convolution, _convolution and a kernel's own
    assert relu >= 1  # clamp_min
    assert flatten >= 1  # view


def test_what_is_recorded_within_a_span_is_taken_off_it() -> None:
    us = 1e-6
    measured = Round(
        plain=Samples((15 * us,)),
        instrumented=Samples((20 * us,)),
        ops=(MeasuredOp((0,), (8 * us,), nested=3), MeasuredOp((1,), (2 * us,))),
        calibration=Calibration(-1 * us, 2 * us, "smaller-inputs", nested_s=0.5 * us),
        order="AB",
        stopped_because="interval",
        timer="kineto",
    )
    (times,) = round_times([measured], {0}.__contains__)  # call 1 is a view
    # 8 + 1 - 3 * 0.5, and 2 + 1
    assert times.work_s / us == pytest.approx([7.5])
    # 20 - (8 + 2) - 2 * 2, and the view's 3
    assert times.rest_s / us == pytest.approx([9])


class Planned:
    """100 µs a run; timed, two spans of 4 µs each and three ops within them of 0.5 µs."""

    input_shape, spans, nested, timer = ((1,),), ((0,), (1,)), (3, 0), "kineto"

    def plain(self) -> PlainRun:
        return PlainRun(100e-6, None)

    def timed(self) -> TimedRun:
        return TimedRun(100e-6 + 2 * 4e-6 + 3 * 0.5e-6, (50e-6, 10e-6))

    def span_cost(self) -> SpanCost:
        return SpanCost(-0.6e-6, 1.1e-6, at_most=30, nested_s=0.5e-6)


def test_what_a_span_costs_more_in_a_network_falls_outside_it() -> None:
    found = calibrate(Planned(), [Planned(), Planned()], "smaller-inputs", 1.0, random.Random(0))
    assert (found.inside_s, found.nested_s) == (-0.6e-6, 0.5e-6)
    assert found.inside_s + found.outside_s == pytest.approx(4e-6)
    assert [(point.spans, point.nested) for point in found.points] == [(2, 3)] * 2


class Disturbed(Planned):
    """The machine is faster in the timed runs than in the plain ones, for the first attempt."""

    def __init__(self) -> None:
        self.runs = 0

    def timed(self) -> TimedRun:
        self.runs += 1
        return TimedRun(90e-6, (50e-6, 10e-6)) if self.runs <= 1 + PAIRS else super().timed()


def test_a_calibration_out_of_its_bounds_is_taken_again() -> None:
    found = calibrate(Planned(), [Planned(), Disturbed()], "smaller-inputs", 1.0, random.Random(0))
    assert found.inside_s + found.outside_s == pytest.approx(4e-6)
    assert len(found.points) == 4


def test_a_machine_that_stays_disturbed_ends_at_the_bound() -> None:
    class Always(Disturbed):
        def timed(self) -> TimedRun:
            return TimedRun(90e-6, (50e-6, 10e-6))

    found = calibrate(Planned(), [Always()], "smaller-inputs", 1.0, random.Random(0))
    assert found.inside_s + found.outside_s == pytest.approx(0.5e-6)
    assert len(found.points) == ATTEMPTS


def test_the_tight_loops_cost_something_and_the_profiler_begins_late() -> None:
    with torch.inference_mode():
        cost = tight_loop_cost()
    assert cost.outside_s > 0
    assert cost.nested_s >= 0
    assert cost.inside_s + cost.outside_s >= 0


def test_timers_that_are_not_known_or_not_there() -> None:
    with pytest.raises(UsageError, match="timer is 'kinetto', which is not known"):
        profile(block(), IMAGE, "kinetto")
    with pytest.raises(UsageError, match="timer is 'entry', which the device fake does not have"):
        profile(block(), IMAGE, "entry", device="fake")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--timer", "clock"], "--timer is 'clock', which is not known. Known: auto, entry, dispatch, kineto."),
        (["--device", "fake", "--timer", "kineto"],
         "--timer is 'kineto', which the device fake does not have. It has auto."),
    ],
)  # fmt: skip
def test_the_command_line_says_what_is_wrong(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--model", "mobilenetv2", *words]) == 2
    assert capsys.readouterr().err == f"effprof: {complaint}\n"


def test_a_run_of_its_own_processes_is_timed_by_the_profiler(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    network, folder = tmp_path / "net.py", tmp_path / "out"
    network.write_text(NETWORK)
    words = ["--model", f"{network}:build", "--input-shape", "3x64x64", "--min-time", "0.01", "--max-time", "0.1"]
    assert main(["run", *words, "--timer", "kineto", "--output-dir", str(folder)]) == 0
    captured = capfd.readouterr()
    assert "profiler" not in captured.err  # it would tell of every session
    assert "timer kineto" in captured.out
    assert json.loads((folder / "report.json").read_text())["setting"]["timer"] == "kineto"
    assert [one["timer"] for one in json.loads((folder / "profile.json").read_text())["rounds"]] == ["kineto"]


def test_another_machine_is_asked_for_the_same_timer() -> None:
    asked = RunRequest(RunSpec("mobilenetv2", timer="kineto"))
    assert msgspec.json.decode(msgspec.json.encode(asked), type=RunRequest).spec.timer == "kineto"
    before = {key: value for key, value in msgspec.to_builtins(RunSpec("mobilenetv2")).items() if key != "timer"}
    assert msgspec.convert(before, RunSpec).timer == "auto"  # a profile from before there were timers to choose from


def test_runs_by_different_timers_are_not_compared_unseen() -> None:
    by_entry, by_profiler = (profile(block(), IMAGE, timer).profile for timer in ("entry", "kineto"))
    settings = [dict(loads_result(dumps_profile(one)).setting) for one in (by_entry, by_profiler)]
    assert [setting["timer"] for setting in settings] == ["entry", "kineto"]


@pytest.mark.parametrize(("device", "expected"), [("cpu", True), ("fake", False)])
def test_the_fixed_work_is_done_before_every_pair(device: str, expected: bool) -> None:
    """It tells how fast the machine was; on the make-believe device there is no machine."""
    network, x = nn.Conv2d(3, 8, 3).eval(), torch.zeros(1, 3, 32, 32)
    (one,) = effprof.profile(network, x, device=device, threads=1, min_time=0.01, max_time=0.3).profile.rounds
    assert len(one.fixed_work_s) == (len(one.plain.times_s) if expected else 0)

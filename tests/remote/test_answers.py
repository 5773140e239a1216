"""Results that are not what was asked for: another setting, another device, too many rounds, a trace out of place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from board_words import HELLO, says
from small_profile import ROUND, TIMED
from small_sweep import planned_sweep

from effprof.cli import main
from effprof.device_records import DeviceActivity, DeviceTrace, GpuRound, TraceDevice
from effprof.records import DeviceInfo, Profile, RunSpec
from effprof.remote.answers import profile_problem, sweep_problem
from effprof.remote.wire import PROTOCOL
from effprof.store import dumps_profile, read_profile

OTHER = {str: "another", int: 77, float: 0.125, bool: True, tuple: ((5, 5),), type(None): 7}
TRACE = DeviceTrace(("kernel",), (TraceDevice(0, 0, "GPU"),), (DeviceActivity(0, "kernel", 0, 7, 0.0, 1e-6, None, 0),))
ASKED = replace(TIMED.spec, device="cpu", rounds=len(TIMED.rounds), threads=1)


def answer(**changes: object) -> Profile:
    """The result of ASKED, with other settings in it."""
    device = replace(TIMED.device or DeviceInfo("cpu", "a board", "aarch64", 1), kind="cpu")
    return replace(TIMED, spec=replace(ASKED, **changes), device=device)  # type: ignore[arg-type]


def test_what_was_asked_for() -> None:
    assert profile_problem(ASKED, answer()) is None
    assert profile_problem(replace(ASKED, threads=None), answer()) is None
    assert profile_problem(replace(ASKED, rounds=5), replace(answer(rounds=5), partial=True)) is None


@pytest.mark.parametrize("name", [field.name for field in fields(RunSpec) if field.name != "device"])
def test_every_other_setting_is_found(name: str) -> None:
    problem = profile_problem(ASKED, answer(**{name: OTHER[type(getattr(ASKED, name))]}))
    assert problem is not None
    assert problem.startswith(f"its {name} is ")


@pytest.mark.parametrize(
    ("asked", "found", "kind", "is_right"),
    [
        ("auto", "cpu", "cpu", True),
        ("auto", "cuda:0", "cuda", True),
        ("auto", "fake", "fake", False),
        ("cuda", "cuda:0", "cuda", True),
        ("cuda:1", "cuda:1", "cuda", True),
        ("cuda:1", "cuda:0", "cuda", False),
        ("cuda:1", "cuda", "cuda", False),
        ("cpu", "cuda", "cuda", False),
        ("cuda", "cpu", "cpu", False),
        ("cpu", "cpu", "cuda", False),
        ("fake", "fake", "fake", True),
    ],
)
def test_devices(asked: str, found: str, kind: str, is_right: bool) -> None:
    profile = answer(device=found)
    assert profile.device is not None
    profile = replace(profile, device=replace(profile.device, kind=kind))
    assert (profile_problem(replace(ASKED, device=asked), profile) is None) is is_right


def test_a_trace_comes_from_a_gpu_alone() -> None:
    with_trace = replace(answer(), device_trace=TRACE)
    assert profile_problem(ASKED, with_trace) == "it holds a GPU's trace, and the device is 'cpu'"
    in_a_round = replace(answer(), rounds=(replace(ROUND, gpu=GpuRound((0.1, 0.1))),))
    assert profile_problem(ASKED, in_a_round) == "it holds a GPU's trace, and the device is 'cpu'"
    gpu = replace(answer(device="cuda:0"), device=DeviceInfo("cuda", "GPU", "x86_64", 1), device_trace=TRACE)
    assert profile_problem(replace(ASKED, device="cuda"), gpu) is None


def test_rounds() -> None:
    asked = replace(ASKED, rounds=3)
    two = replace(answer(rounds=3), rounds=(ROUND, ROUND))
    assert profile_problem(asked, two) == "it has 2 rounds, and 3 were asked for"
    assert profile_problem(asked, replace(two, partial=True)) is None
    four = replace(two, rounds=(ROUND,) * 4, partial=True)
    assert profile_problem(asked, four) == "it has 4 rounds, and 3 were asked for"
    assert profile_problem(asked, replace(two, rounds=())) == "nothing was timed"
    assert profile_problem(asked, replace(two, device=None)) == "nothing was timed"


def test_sweeps() -> None:
    sweep = planned_sweep()
    asked = sweep.spec
    assert sweep_problem(asked, sweep) is None
    assert sweep_problem(asked, replace(sweep, entries=())) == "nothing was timed"
    fewer = replace(sweep, entries=sweep.entries[:1])
    wrong = "its guidelines or scales are not those that were asked for"
    assert sweep_problem(asked, fewer) == wrong
    assert sweep_problem(asked, replace(fewer, partial=True)) is None
    assert sweep_problem(asked, replace(sweep, entries=sweep.entries[::-1])) == wrong
    assert sweep_problem(asked, replace(sweep, entries=sweep.entries * 2)) == wrong
    assert sweep_problem(replace(asked, img_size=8), sweep) == f"its img_size is {asked.img_size}, and 8 was asked for"


# ------------------------------------------------------------------------------------------- by way of the command


def command(folder: Path) -> list[str]:
    return ["run", "--model", "mobilenetv2", "--device", "ssh://board/cpu", "--quiet", "--output-dir", str(folder)]


def sends(fake_ssh: Callable[[str], Path], profile: Profile, folder: Path) -> None:
    """Makes `ssh` a board that answers with this profile, whatever it is asked."""
    content = folder / "profile"
    content.write_bytes(dumps_profile(profile))
    head = f"printf 'effprof-remote/{PROTOCOL} result {content.stat().st_size}\\n'"
    fake_ssh(f"{says('hello', HELLO)}; read request; {head}; cat '{content}'; read rest")


def test_an_answer_is_reported_and_told_by_our_clock(fake_ssh: Callable[[str], Path], tmp_path: Path) -> None:
    """A board that woke up in 1970, as those without a clock of their own do."""
    folder = tmp_path / "run"
    asked = RunSpec("mobilenetv2", command=f"effprof {' '.join(command(folder))}")
    environment = replace(TIMED.environment, started_utc="1970-01-01T00:00:07Z")
    sends(fake_ssh, replace(answer(), spec=asked, environment=environment), tmp_path)
    assert main(command(folder)) == 0
    saved = read_profile(folder)
    assert saved.environment.started_utc > "2026-01-01"
    assert saved.device is not None
    assert saved.device.host == "board"
    assert saved.rounds == TIMED.rounds


def test_an_answer_to_something_else_is_one_line(
    fake_ssh: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sends(fake_ssh, replace(answer(), spec=RunSpec("resnet50")), tmp_path)
    assert main(command(tmp_path / "run")) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "effprof: board sent a result that cannot be used: its model is 'resnet50', and 'mobilenetv2' was asked for."
    )

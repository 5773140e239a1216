"""--cpus: read, refused, obeyed and recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from effprof.cli import main
from effprof.measure.environment import LoadWatch
from effprof.records import DeviceInfo

NETWORK = """
import os
from torch import nn

class Watchful(nn.Module):
    def forward(self, x):
        cores = {frozenset(os.sched_getaffinity(int(thread))) for thread in os.listdir("/proc/self/task")}
        assert x.is_meta or cores == {frozenset({%d})}, cores
        return x + 1
"""
linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")


@pytest.mark.parametrize("command", [["run", "--model", "mobilenetv2"], ["guidelines"]])
@pytest.mark.parametrize(
    ("cores", "complaint"),
    [
        ("fast", "--cpus is 'fast': 'fast' is neither a number nor a range. List cores as in 0-3,6."),
        ("3-1", "--cpus is '3-1': '3-1' runs backwards. List cores as in 0-3,6."),
        ("", "--cpus is '': '' is neither a number nor a range. List cores as in 0-3,6."),
    ],
)
def test_what_is_no_list(command: list[str], cores: str, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--cpus", cores]) == 2
    assert capsys.readouterr().err == f"effprof: {complaint}\n"


@linux
@pytest.mark.parametrize("command", [["run", "--model", "mobilenetv2"], ["guidelines"]])
def test_cores_that_are_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--device", "cpu", "--cpus", "60000-60003"]) == 2
    assert "--cpus names 60000-60003; this process may use" in capsys.readouterr().err


def test_where_no_cores_can_be_chosen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert main(["run", "--model", "mobilenetv2", "--cpus", "0"]) == 3
    assert "--cpus is for Linux" in capsys.readouterr().err


@linux
def test_the_measuring_process_obeys(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    network = tmp_path / "net.py"
    network.write_text(NETWORK % core)
    folder = tmp_path / "out"
    limits = ["--min-time", "0", "--max-time", "0.2", "--warmup", "1", "--quiet"]
    before = os.sched_getaffinity(0)
    words = ["run", "--model", f"{network}:Watchful", "--input-shape", "4x8", "--device", "cpu", "--cpus", str(core)]
    assert main([*words, *limits, "--output-dir", str(folder)]) == 0
    assert os.sched_getaffinity(0) == before
    report = json.loads((folder / "report.json").read_text())
    assert report["setting"]["cpus"] == [core]
    assert report["setting"]["threads"] == report["device"]["threads"] == 1
    assert report["energy"]["energy_j"] is None
    assert report["energy"]["reason"]
    assert report["environment"]["cpu_state"] is not None


@linux
def test_the_guidelines_obey(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    words = ["guidelines", "--device", "fake", "--quick", "--only", "G3", "--cpus", str(core), "--quiet"]
    main([*words, "--json", str(tmp_path / "verdicts.json")])
    assert json.loads((tmp_path / "verdicts.json").read_text())["setting"]["cpus"] == [core]


def test_emulated_times_are_called_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "programs are told aarch64, /proc/sys/kernel/arch says x86_64"
    note = LoadWatch().notes(DeviceInfo("cpu", "emulated aarch64", "aarch64", 1), told)[0]
    assert note.code == "emulated"
    assert told in note.text
    assert "no measurement" in note.text
    assert LoadWatch().notes(DeviceInfo("fake", "x", "none", 1), told) == []
    monkeypatch.setattr("effprof.measure.environment.governor", lambda: "powersave")  # of the machine below
    board = DeviceInfo("cpu", "emulated aarch64", "aarch64", 1)
    assert "governor" not in {note.code for note in LoadWatch().notes(board, told)}
    assert "governor" in {note.code for note in LoadWatch().notes(board)}

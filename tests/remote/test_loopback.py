"""Through a real sshd: the same machine, reached as another one."""

from __future__ import annotations

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gone import assert_gone

Through = Callable[..., subprocess.Popen[str]]
QUICK = ("--img-size", "64", "--min-time", "0.01", "--max-time", "0.3", "--threads", "1", "--output-dir", "run")
HERE = ("--remote-python", sys.executable)
FOREVER = ("--min-time", "600", "--max-time", "900", "--threads", "1", "--input-shape", "3x8x8", "--output-dir", "run")
PATIENCE_S = 240.0

SLOW = """
import ctypes, os, time
from torch import nn

class Slow(nn.Module):
    def forward(self, x):
        if not x.is_meta:
            with open({pids!r}, "a") as file:
                file.write(f"{{os.getpid()}} {{os.getppid()}}\\n")
            time.sleep(0.01)
        return x + 1

class KillsTheBoard(Slow):
    def forward(self, x):
        if not x.is_meta:
            parent = os.getppid()
            super().forward(x)
            os.kill(parent, 9)
            ctypes.PyDLL(None).sleep(600)  # in C, and no other thread of Python can run
        return x

class KillsItself(Slow):
    def forward(self, x):
        if not x.is_meta:
            os.kill(os.getpid(), 9)
        return super().forward(x)

def needs_another():
    import beside
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    """A file with networks, in the folder where effprof is started; each run is noted in `pids`."""
    file = tmp_path / "nets" / "slow.py"
    file.parent.mkdir()
    file.write_text(SLOW.format(pids=str(tmp_path / "pids")))
    return file


def finished(process: subprocess.Popen[str]) -> tuple[int, str, list[str]]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err.splitlines()


def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run" / "report.json").read_text())
    return content


def noted(folder: Path, runs: int = 1) -> set[int]:
    """Processes of the network and of its parent, once it has run so often."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        lines = (folder / "pids").read_text().splitlines() if (folder / "pids").exists() else []
        if len(lines) >= runs:
            return {int(pid) for line in lines[:-1] or lines for pid in line.split()}
        time.sleep(0.05)
    raise AssertionError("the network never ran")


def child_of(process: int) -> int:
    (child,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(child)


SAVED = "Charts, report.json and what else there is: {}"
"""The one line that a run has to say on stderr."""


def test_a_zoo_network_measured_there_is_reported_here(effprof_through: Through, sshd: Any, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('torch was imported on this side')")
    device = sshd.url("cpu")
    code, out, err = finished(effprof_through("run", "--model", "shufflenetv2", "--device", device, *HERE, *QUICK))
    assert (code, err) == (0, [SAVED.format("run")])
    where = f"{getpass.getuser()}@127.0.0.1:{sshd.port}"
    assert f"on {where}" in out
    assert max(map(len, out.splitlines())) <= 80
    content = report(tmp_path)
    assert content["device"]["host"] == where
    assert content["device"]["kind"] == "cpu"
    assert content["setting"]["threads"] == 1
    assert content["latency"]["runs"] >= 1
    assert content["crosscheck"]["agrees"] is True
    parts = content["accounting"]
    assert parts["ops_s"] + parts["overhead_s"] + parts["residual_s"] == pytest.approx(content["latency"]["median_s"])
    assert json.loads((tmp_path / "run" / "profile.json").read_text())["spec"]["device"] == device


def test_it_is_the_same_measurement(effprof_through: Through, tmp_path: Path) -> None:
    """On the make-believe clock to the last digit; by an alias of ssh's settings, with a jump host on the way."""
    words = ("run", "--model", "mobilenetv1", "--model", "mobilenetv1_0.25", *QUICK[:-2])
    assert finished(effprof_through(*words, "--device", "fake", "--output-dir", "here"))[0] == 0
    code, _, err = finished(effprof_through(*words, "--device", "ssh://far/fake", *HERE, "--output-dir", "there"))
    assert (code, err) == (0, [SAVED.format("there")])
    for model in ("mobilenetv1", "mobilenetv1_0.25"):
        here, there = (json.loads((tmp_path / side / model / "report.json").read_text()) for side in ("here", "there"))
        assert there["device"].pop("host") == "far"
        assert here["device"].pop("host") is None
        for side in (here, there):
            del side["environment"]
            del side["setting"]["command"]
            side.pop("ceilings", None)  # says how to calibrate, and where
        assert here == there


def test_a_file_of_the_users_is_sent(effprof_through: Through, nets: Path, tmp_path: Path) -> None:
    words = ("--device", "ssh://board/cpu", *HERE, *QUICK[2:], "--input-shape", "3x8x8")
    code, _, err = finished(effprof_through("run", "--model", "nets/slow.py:Slow", *words))
    assert (code, err) == (0, [SAVED.format("run")])
    content = report(tmp_path)
    assert content["model"]["name"] == content["model"]["source"] == "nets/slow.py:Slow"
    assert [op["source"] for op in content["ops"]] == ["nets/slow.py:11"]


def test_ctrl_c_at_a_terminal_keeps_what_was_measured(sshd: Any, nets: Path, tmp_path: Path) -> None:
    """The terminal sends it to effprof and ssh alike; ssh must stay, or there would be no result."""
    words = ("run", "--model", "nets/slow.py:Slow", "--device", "ssh://board", *HERE, *FOREVER)
    code = f"import pty, sys; sys.exit(pty.spawn({[sys.executable, '-m', 'effprof', *words]!r}) >> 8)"
    terminal = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**sshd.environment, "CI": "", "TERM": "xterm"},
    )
    processes = noted(tmp_path, runs=60)  # recording and warming up take fewer
    assert terminal.stdin is not None
    terminal.stdin.write(b"\x03")
    terminal.stdin.flush()
    out, _ = terminal.communicate(timeout=PATIENCE_S)
    assert terminal.returncode == 130, out.decode()
    assert b"Connecting to board ..." in out
    assert b" runs" in out
    assert b"Traceback" not in out
    assert report(tmp_path)["partial"] is True
    assert report(tmp_path)["latency"]["stopped_because"] == "interrupted"
    assert_gone(processes)


def test_a_second_interrupt_leaves_at_once_and_nothing_behind(
    effprof_through: Through, nets: Path, tmp_path: Path
) -> None:
    process = effprof_through("run", "--model", "nets/slow.py:Slow", "--device", "ssh://board", *HERE, *FOREVER)
    processes = noted(tmp_path, runs=60)  # there is something to keep, had the second been ignored
    for there in processes:  # so that no answer to the first can come
        os.kill(there, signal.SIGSTOP)
    try:
        for patience_s in (2.0, 60.0, 60.0):  # two that come at the same time may be one, hence a third
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
                break
        code, _, err = finished(process)
    finally:
        for there in processes:
            with suppress(ProcessLookupError):
                os.kill(there, signal.SIGCONT)
    assert code == 130, err
    assert "Traceback" not in "\n".join(err)
    assert not (tmp_path / "run").exists()
    assert_gone(processes)


@pytest.mark.parametrize("who", ["ssh", "effprof"])
def test_a_dropped_connection_ends_the_other_side(
    effprof_through: Through, nets: Path, tmp_path: Path, who: str
) -> None:
    process = effprof_through("run", "--model", "nets/slow.py:Slow", "--device", "ssh://board", *HERE, *FOREVER)
    processes = noted(tmp_path)
    os.kill(child_of(process.pid) if who == "ssh" else process.pid, signal.SIGKILL)
    code, _, err = finished(process)
    assert_gone(processes)
    if who == "ssh":
        assert code == 3
        assert err == [
            "effprof: The connection to board ended before there was a result: lost, or effprof was ended there "
            "(memory?)."
        ]
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("network", "code", "said"),
    [
        ("KillsTheBoard", 3, "effprof: The connection to board ended before there was a result"),
        ("KillsItself", 3, "effprof: board: The measuring process was ended by SIGKILL"),
        ("needs_another", 2, "No module named 'beside' (slow.py:29). Only nets/slow.py itself is sent, nothing beside"),
        ("Missing", 2, "effprof: board: nets/slow.py has no 'Missing'."),
    ],
)
def test_crashes_and_mistakes_there_are_one_line_here(
    effprof_through: Through, nets: Path, tmp_path: Path, network: str, code: int, said: str
) -> None:
    (nets.parent / "beside.py").write_text("")
    words = ("--device", "ssh://board", *HERE, *FOREVER)
    found, _, err = finished(effprof_through("run", "--model", f"nets/slow.py:{network}", *words))
    assert found == code
    (line,) = err
    assert said in line
    assert not (tmp_path / "run").exists()
    if network == "KillsTheBoard":
        assert_gone(noted(tmp_path))


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("missing", "Could not resolve hostname no-such-host.invalid"),
        ("closed", "Connection refused. Is sshd running there, on that port?"),
        ("refused", "Permission denied (publickey). ssh must get in without effprof first"),
        ("unknown", "Host key verification failed. Connect once with ssh and accept its key"),
        ("changed", "Host key verification failed. If the machine was set up anew, take its old key out"),
    ],
)
def test_no_connection_is_one_line(effprof_through: Through, tmp_path: Path, host: str, said: str) -> None:
    words = ("--device", f"ssh://{host}/cpu", *HERE, *QUICK)
    code, _, err = finished(effprof_through("run", "--model", "mobilenetv2", *words))
    assert code == 3
    (line,) = err
    assert line.startswith(f"effprof: No connection to {host}: ")
    assert said in line
    assert not (tmp_path / "run").exists()


def test_a_python_without_effprof_and_none_at_all(effprof_through: Through, tmp_path: Path) -> None:
    bare = tmp_path / "bare python"
    bare.write_text(f"#!/bin/sh\nexec '{sys.executable}' -I -S \"$@\"\n")
    bare.chmod(0o755)
    words = ("run", "--model", "mobilenetv2", "--device", "ssh://board/cpu", *QUICK, "--remote-python")
    code, _, err = finished(effprof_through(*words, str(bare)))
    assert (code, len(err)) == (3, 1)
    assert f"{bare} on board has no effprof. Install effprof" in err[0]
    code, _, err = finished(effprof_through(*words, "no/such/python"))
    assert (code, len(err)) == (3, 1)
    assert "There is no 'no/such/python' on board." in err[0]


def test_the_guidelines_of_another_machine(effprof_through: Through, tmp_path: Path) -> None:
    words = ("guidelines", "--quick", "--only", "G1", "--img-size", "8", "--max-time", "2", "--output-dir")
    assert finished(effprof_through(*words, "here", "--device", "fake"))[0] == 0
    code, _, err = finished(effprof_through(*words, "there", "--device", "ssh://board/fake", *HERE))
    assert (code, err) == (0, [])
    here, there = (json.loads((tmp_path / side / "guidelines.json").read_text()) for side in ("here", "there"))
    assert there["device"].pop("host") == "board"
    assert here["device"].pop("host") is None
    assert here["guidelines"] == there["guidelines"]

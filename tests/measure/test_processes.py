"""Measuring in processes of their own: deaths, interrupts and errors come back as one line, results whole."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from gone import assert_gone, is_running
from small_profile import TIMED

from effprof.errors import EffprofError, InterruptedRunError, ModelError, UnavailableError, UnknownNameError
from effprof.measure import processes
from effprof.measure.processes import measure_rounds, merge
from effprof.records import Profile, RunSpec

TINY = """
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())

class Slow(nn.Module):
    def forward(self, x):
        import time
        time.sleep(0.02)
        return x + 1

class Dies(nn.Module):
    def forward(self, x):
        import os, signal
        if not x.is_meta:
            os.kill(os.getpid(), signal.SIGKILL)
        return x + 1

class Stuck(nn.Module):
    def forward(self, x):
        import ctypes, os
        if not x.is_meta:
            os.write(os.open("alive", os.O_WRONLY), f"{os.getpid()}".encode())  # open until this process ends
            ctypes.PyDLL(None).sleep(600)  # in C, and no other thread of Python can run
        return x + 1

class LeavesAChild(nn.Module):
    def forward(self, x):
        import subprocess
        if not x.is_meta:
            print("child", subprocess.Popen(["sleep", "600"]).pid, file=open("child", "a"), flush=True)
            import time
            time.sleep(600)
        return x + 1

class Exits(nn.Module):
    def forward(self, x):
        import os
        if not x.is_meta:
            os._exit(7)
        return x + 1

class Raises(nn.Module):
    def forward(self, x):
        raise ValueError("planted")

class Picky(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(10, 2)
    def forward(self, x):
        return self.linear(x.flatten(1))
"""


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    file = tmp_path / "nets.py"
    file.write_text(TINY)
    return file


def quickly(model: str, **settings: object) -> RunSpec:
    return RunSpec(model, input_shape=((3, 32, 32),), min_time_s=0.001, max_time_s=0.2, threads=1, **settings)  # type: ignore[arg-type]


def measured(spec: RunSpec) -> Profile:
    return measure_rounds(spec, lambda text, share: None)


def test_rounds_come_from_processes_of_their_own(nets: Path) -> None:
    seen: list[float] = []
    profile = measure_rounds(quickly(f"{nets}:net", rounds=2), lambda text, share: seen.append(share))
    assert len(profile.rounds) == 2
    assert not profile.partial
    assert [call.op for call in profile.calls] == ["conv2d", "relu"]
    assert profile.model.parameters == 3 * 4 * 9 + 4
    assert profile.spec.threads == 1
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Dies", "SIGKILL"),
        ("Exits", "exit code 7"),
        ("Raises", "raised ValueError: planted"),
        ("Picky", r"(?s)1x3x32x32.*--input-shape"),
    ],
)
def test_a_bad_network_is_one_line_here(nets: Path, name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        measured(quickly(f"{nets}:{name}"))
    assert len(str(caught.value).splitlines()) <= 4


def test_the_class_of_an_error_survives_the_way_back(nets: Path) -> None:
    with pytest.raises(UnknownNameError, match="mobilenetv2"):
        measured(quickly("mobilenetv3"))


def test_profiles_of_different_networks_are_not_merged(nets: Path) -> None:
    one, other = measured(quickly(f"{nets}:net")), measured(quickly(f"{nets}:Slow"))
    with pytest.raises(ModelError, match="different calls"):
        merge([one, other])


def run_cli(
    nets: Path, folder: Path, *options: str, network: str = "Slow", cwd: Path | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "effprof", "run", "--model", f"{nets}:{network}", "--output-dir", str(folder), *options],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_an_interrupt_keeps_what_was_measured_and_says_so(nets: Path, tmp_path: Path) -> None:
    progress_file, folder = tmp_path / "seen", tmp_path / "run"
    code = f"""
import sys, signal, os
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from effprof.measure import processes
from effprof.records import RunSpec

def watch(text, share):
    if text == "8 runs":
        os.kill(os.getpid(), signal.SIGINT)

profile = processes.measure_rounds(
    RunSpec({f"{nets}:Slow"!r}, input_shape=((3, 8, 8),), max_time_s=600, min_time_s=600, threads=1), watch)
from effprof.store import dumps_profile
open({str(progress_file)!r}, "wb").write(dumps_profile(profile))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    profile = json.loads(progress_file.read_bytes())
    assert profile["partial"] is True
    (one,) = profile["rounds"]
    assert one["stopped_because"] == "interrupted"
    assert len(one["plain"]["times_s"]) == len(one["instrumented"]["times_s"]) >= 8
    assert not folder.exists()


def test_the_command_interrupted_ends_with_130_and_a_partial_report(nets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = run_cli(nets, folder, "--min-time", "600", "--max-time", "900", "--input-shape", "3x8x8")
    wait_for_worker_measuring(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    if folder.joinpath("report.json").exists():  # interrupted after the first pair: kept and marked
        assert json.loads(folder.joinpath("report.json").read_text())["partial"] is True
        assert "Traceback" not in err
    else:  # interrupted before it
        assert "nterrupted" in err


def wait_for_worker_measuring(process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Until the child of `process` has used some CPU time, at most `seconds`."""
    give_up = time.monotonic() + seconds
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while time.monotonic() < give_up and process.poll() is None:
        for child in children.read_text().split():
            ticks = Path(f"/proc/{child}/stat").read_text().split()[13]
            if int(ticks) > 400:
                return
        time.sleep(0.2)


def test_nothing_is_left_when_the_parent_is_killed(nets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = run_cli(nets, folder, "--min-time", "600", "--max-time", "900", "--input-shape", "3x8x8")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    give_up = time.monotonic() + 60
    while not (pids := children.read_text().split()) and time.monotonic() < give_up:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    for pid in pids:  # the orphan notices at its next line of progress
        while Path(f"/proc/{pid}").exists() and time.monotonic() < give_up + 60:
            time.sleep(0.1)
        assert not Path(f"/proc/{pid}").exists()
    assert sorted(path.name for path in folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a worker notices at its next line of progress")
def test_a_stuck_worker_ends_with_a_parent_that_is_killed(nets: Path, tmp_path: Path) -> None:
    """Told by a pipe that the worker alone has open: it says who it is, and the pipe ends with it."""
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    process = run_cli(nets, tmp_path / "run", "--input-shape", "3x8x8", network="Stuck", cwd=tmp_path)
    try:
        poll = select.poll()
        poll.register(alive, select.POLLIN)
        assert poll.poll(120_000)
        worker = int(os.read(alive, 100))
        assert is_running(worker)
        process.kill()
        assert poll.poll(60_000)
        assert os.read(alive, 100) == b""
        assert not is_running(worker)
    finally:
        process.kill()
        process.communicate(timeout=60)
        os.close(alive)


def test_a_worker_whose_parent_is_gone_already_measures_nothing() -> None:
    """It was killed before the worker could tell the kernel: then the worker has another parent than it was told."""
    code = "import os, sys; from effprof.measure.worker import end_with; sys.exit(end_with({}))"
    for parent, expected in (("os.getppid()", 1), ("os.getpid()", 0)):
        done = subprocess.run([sys.executable, "-c", code.format(parent)], cwd=Path(__file__).parents[2], timeout=60)
        assert done.returncode == expected


def test_nothing_of_a_task_or_a_result_lies_in_the_temporary_folder(
    nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    seen: list[list[str]] = []
    measured_with = quickly(f"{nets}:net")
    measure_rounds(measured_with, lambda text, share: seen.append(os.listdir(folder)))
    assert seen
    assert not any(seen)


def test_no_room_for_what_is_handed_over(nets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(UnavailableError, match=r"^A temporary file cannot be written \(No space left on device\)\."):
        measured(quickly(f"{nets}:net"))


def test_no_room_for_the_result(nets: Path) -> None:
    """A limit on the size of files stands for a full disk: the task fits, the result does not."""
    code = f"""
import resource, sys
from effprof.errors import UnavailableError
from effprof.measure import processes
from effprof.measure.processes import measure_rounds
from effprof.records import RunSpec
resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))
spec = RunSpec({f"{nets}:net"!r}, input_shape=((3, 32, 32),), min_time_s=0.001, max_time_s=0.1, threads=1)
try:
    measure_rounds(spec, lambda text, share: None)
except UnavailableError as error:
    sys.stdout.write(str(error))
"""
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("The result does not fit into "), done.stderr
    assert done.stdout.endswith("Make room there, or set TMPDIR to a folder that has some.")


def test_errors_of_ours_are_one_family() -> None:
    assert issubclass(InterruptedRunError, EffprofError)
    assert InterruptedRunError.exit_code == 130


def test_what_the_network_started_ends_with_it(nets: Path, tmp_path: Path) -> None:
    """At the second interrupt, when the worker is killed."""
    command = [sys.executable, "-m", "effprof", "run", "--model", f"{nets}:LeavesAChild", "--input-shape", "3x8x8"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, stderr=subprocess.PIPE
    )
    noted, give_up = tmp_path / "child", time.monotonic() + 60
    while not (noted.exists() and noted.read_text().endswith("\n")) and time.monotonic() < give_up:
        time.sleep(0.05)
    child = int(noted.read_text().split()[1])
    while process.poll() is None and time.monotonic() < give_up:
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    process.communicate(timeout=60)
    assert_gone([child], 5)


def rounds_by_turns(monkeypatch: pytest.MonkeyPatch, works_s: list[float], rounds: int) -> Profile:
    """Rounds whose fixed work takes as given, in the order in which they are asked for; the last given value for all
    that follow."""
    asked: list[float] = []

    def run(*given: object) -> Profile:
        work_s = works_s[min(len(asked), len(works_s) - 1)]
        asked.append(work_s)
        one = replace(TIMED.rounds[0], fixed_work_s=(work_s,))
        return replace(TIMED, rounds=(one,))

    monkeypatch.setattr(processes, "run_worker", run)
    return measure_rounds(RunSpec("net.py:build", rounds=rounds), lambda text, share: None)


def test_a_round_that_the_machine_slowed_is_measured_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = rounds_by_turns(monkeypatch, [1e-3, 1.6e-3, 1.02e-3, 1.01e-3], 3)
    assert [one.fixed_work_s[0] for one in merged.rounds] == [1e-3, 1.01e-3, 1.02e-3]
    (note,) = (note for note in merged.notes if note.code == "rounds-repeated")
    assert note.text.startswith("1 round was measured once more, whatever came out")


def test_a_machine_that_stays_slow_ends_it_with_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first round was lucky: as many again as there are rounds, and no more."""
    merged = rounds_by_turns(monkeypatch, [1e-3, 1.6e-3], 3)
    assert len(merged.rounds) == 3
    (note,) = (note for note in merged.notes if note.code == "rounds-repeated")
    assert note.text.startswith("3 rounds were measured once more")


def test_rounds_alike_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    merged = rounds_by_turns(monkeypatch, [1e-3, 1.05e-3, 1e-3], 3)
    assert "rounds-repeated" not in {note.code for note in merged.notes}


def test_an_interrupt_while_a_round_is_repeated_keeps_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    works_s = iter([1e-3, 1.6e-3])

    def run(*given: object) -> Profile:
        try:
            work_s = next(works_s)
        except StopIteration:
            raise InterruptedRunError("Interrupted before anything was measured.") from None
        return replace(TIMED, rounds=(replace(TIMED.rounds[0], fixed_work_s=(work_s,)),))

    monkeypatch.setattr(processes, "run_worker", run)
    merged = measure_rounds(RunSpec("net.py:build", rounds=2), lambda text, share: None)
    assert [one.fixed_work_s[0] for one in merged.rounds] == [1e-3, 1.6e-3]
    assert merged.partial

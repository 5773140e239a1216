"""The other machine's side, spoken to over plain pipes: it answers, and it ends when nobody is there any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from gone import assert_gone

from effprof import __version__
from effprof.records import RunSpec
from effprof.remote.wire import (
    FROM_BOARD,
    Failure,
    Frame,
    FrameReader,
    FrameWriter,
    Hello,
    ProgressMade,
    RunRequest,
    SentFile,
)
from effprof.store import loads_profile

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
SPEC = RunSpec("nets.py:Net", device="cpu", input_shape=((3, 8, 8),), min_time_s=0.001, max_time_s=0.1, threads=1)
FOREVER = replace(SPEC, min_time_s=600, max_time_s=900)

NETS = """
import ctypes, os, signal, sys, time
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        if not x.is_meta:
            note()
            time.sleep(0.005)
        return x + 1

class Talks(Net):
    def forward(self, x):
        print("effprof-remote/1 result 2")
        print("{}")
        print("read", repr(sys.stdin.read()))
        return super().forward(x)

class KillsItself(Net):
    def forward(self, x):
        if not x.is_meta:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

class KillsTheBoard(Net):
    def forward(self, x):
        if not x.is_meta:
            note()
            os.kill(os.getppid(), signal.SIGKILL)
            ctypes.PyDLL(None).sleep(600)  # in C, and no other thread of Python can run
        return x

def note():
    with open(PIDS, "a") as file:
        file.write(f"{os.getpid()} {os.getppid()} {os.getcwd()}\\n")
"""


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Where the network writes its process, its parent and its folder."""
    return tmp_path / "pids"


def sent(pids: Path) -> SentFile:
    return SentFile("nets.py", f"PIDS = {str(pids)!r}\n{NETS}".encode())


class Board:
    """A board and the two ends of its pipes that are here."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.stdin = process.stdin
        self._writer = FrameWriter(process.stdin.fileno(), PATIENCE_S)
        self._reader = FrameReader(process.stdout.fileno(), FROM_BOARD, PATIENCE_S)
        first = self._reader.first()
        assert first is not None
        self.hello = msgspec.json.decode(first.payload, type=Hello)

    def ask(self, spec: RunSpec, file: SentFile | None) -> None:
        self._writer.send(Frame("run", msgspec.json.encode(RunRequest(spec, file))))

    def interrupt(self) -> None:
        self._writer.send(Frame("interrupt"))

    def say_alive(self) -> None:
        with suppress(BrokenPipeError):
            self._writer.send(Frame("alive"))

    def until(self, *kinds: str) -> Frame:
        while (frame := self._reader.next()) is not None:
            if frame.kind in kinds:
                return frame
        raise AssertionError(f"the board ended before it sent one of {kinds}")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    started: list[subprocess.Popen[bytes]] = []

    def run(change: str = "pass") -> Board:
        code = f"from effprof.remote import board, wire; {change}; import sys; sys.exit(board.main())"
        with (tmp_path / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        started.append(process)
        return Board(process)

    yield run
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()


def first_note(pids: Path, board: Board | None = None) -> tuple[int, int, Path]:
    """(process, its parent, its folder) of the network, when it has run for the first time; `board` is told meanwhile
    that we are there."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        if board is not None:
            board.say_alive()
        if pids.exists() and "\n" in (text := pids.read_text()):
            process, parent, folder = text.splitlines()[0].split(" ", 2)
            return int(process), int(parent), Path(folder)
        time.sleep(0.05)
    raise AssertionError("the network never ran")


def test_it_says_what_it_is_and_measures_what_is_sent(start: Callable[..., Board], pids: Path) -> None:
    board = start()
    assert board.hello.effprof == __version__
    assert board.hello.torch is not None
    board.ask(SPEC, sent(pids))
    profile = loads_profile(board.until("result", "error").payload)
    assert [(call.op, call.source) for call in profile.calls] == [("add", "nets.py:11")]
    board.ask(replace(SPEC, model="nets.py:Nothing"), sent(pids))  # the connection serves several networks
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure.error == "ModelError"
    assert "nets.py has no 'Nothing'" in failure.text
    board.stdin.close()
    assert board.process.wait(PATIENCE_S) == 0
    assert not first_note(pids)[2].exists()


def test_what_the_network_prints_and_reads_has_nothing_to_do_with_the_frames(
    start: Callable[..., Board], pids: Path, tmp_path: Path
) -> None:
    board = start()
    board.ask(replace(SPEC, model="nets.py:Talks"), sent(pids))
    loads_profile(board.until("result", "error").payload)
    assert b"read ''\n" in (tmp_path / "stderr").read_bytes()


def test_progress_is_told_and_an_interrupt_keeps_what_was_measured(start: Callable[..., Board], pids: Path) -> None:
    board = start("board.PULSE_S = 0.05")
    board.ask(FOREVER, sent(pids))
    while not (made := msgspec.json.decode(board.until("progress").payload, type=ProgressMade)).text.endswith(" runs"):
        pass
    assert 0 < made.share < 1
    board.interrupt()
    profile = loads_profile(board.until("result", "error").payload)
    assert profile.partial
    assert profile.rounds[0].stopped_because == "interrupted"


def test_an_interrupt_before_anything_was_measured(start: Callable[..., Board], pids: Path) -> None:
    board = start()
    board.ask(FOREVER, sent(pids))
    board.interrupt()
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure == Failure("InterruptedRunError", "Interrupted before anything was measured.")
    assert not pids.exists()


@pytest.mark.parametrize("end", ["closed", "silent", "garbage"])
def test_it_ends_all_it_started_when_nobody_is_there(start: Callable[..., Board], pids: Path, end: str) -> None:
    board = start("wire.SILENCE_S = 8.0" if end == "silent" else "pass")
    board.ask(FOREVER, sent(pids))
    process, parent, folder = first_note(pids, board)
    assert parent == board.process.pid
    if end == "closed":
        board.stdin.close()
    elif end == "garbage":
        board.stdin.write(b"hello?\n")
    board.process.wait(PATIENCE_S)
    assert_gone([process])
    assert not folder.exists()


def test_nothing_is_begun_for_whoever_asks_and_leaves(start: Callable[..., Board], pids: Path) -> None:
    board = start()
    board.ask(FOREVER, sent(pids))
    board.stdin.close()
    board.process.wait(PATIENCE_S)
    assert not pids.exists()


def test_a_stuck_network_ends_with_a_board_that_is_killed(start: Callable[..., Board], pids: Path) -> None:
    board = start()
    board.ask(replace(FOREVER, model="nets.py:KillsTheBoard"), sent(pids))
    process, parent, _ = first_note(pids)
    assert parent == board.process.pid
    assert board.process.wait(PATIENCE_S) == -signal.SIGKILL
    assert_gone([process])


def test_it_ends_when_what_it_sends_is_not_read(start: Callable[..., Board], pids: Path) -> None:
    """Its own words more than fill the pipe; ours tell it that we are there."""
    board = start("wire.SILENCE_S = 3.0; board.PULSE_S = 0.001; wire.HEARTBEAT_S = 0.0")
    give_up = time.monotonic() + PATIENCE_S
    while board.process.poll() is None and time.monotonic() < give_up:
        board.say_alive()
        time.sleep(0.1)
    assert board.process.poll() is not None


def test_a_file_for_which_there_is_no_room(start: Callable[..., Board], pids: Path) -> None:
    board = start("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))")
    file = SentFile("nets.py", sent(pids).content + b"#" * 1000)
    board.ask(SPEC, file)
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure == Failure(
        "UnavailableError", "There is no room for nets.py (File too large). Make some, or set TMPDIR there."
    )


def test_a_result_that_is_too_large_is_refused_there(start: Callable[..., Board], pids: Path) -> None:
    board = start("wire.MAX_RESULT_VALUES = 100")
    board.ask(SPEC, sent(pids))
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure.error == "RemoteError"
    assert "and at most 100 are sent. Lower --max-time or --rounds." in failure.text


def test_it_says_that_it_is_alive_while_it_has_nothing_to_tell(start: Callable[..., Board]) -> None:
    board = start("board.PULSE_S = 0.02; wire.HEARTBEAT_S = 0.1")
    assert board.until("alive") == Frame("alive")
    assert board.until("alive") == Frame("alive")


@pytest.mark.parametrize(
    ("model", "error", "said"),
    [
        ("nets.py:KillsItself", "RemoteError", "ended by SIGKILL"),
        ("no_such_package.nets:build", "UnknownNameError", "No module 'no_such_package.nets' to import."),
    ],
)
def test_what_goes_wrong_there_is_explained(
    start: Callable[..., Board], pids: Path, model: str, error: str, said: str
) -> None:
    board = start()
    board.ask(replace(SPEC, model=model), sent(pids))
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure.error == error
    assert said in failure.text


def test_a_device_that_is_not_there_is_its_own_error(start: Callable[..., Board], pids: Path) -> None:
    board = start()
    board.ask(replace(SPEC, device="cuda:99"), sent(pids))
    failure = msgspec.json.decode(board.until("result", "error").payload, type=Failure)
    assert failure.error == "UnavailableError"


def test_packages_there_are_found_where_ssh_starts(start: Callable[..., Board], pids: Path, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nets.py").write_text(sent(pids).content.decode())
    board = start()
    board.ask(replace(SPEC, model="package.nets:Net"), None)
    profile = loads_profile(board.until("result", "error").payload)
    assert profile.calls[0].source == "package/nets.py:11"

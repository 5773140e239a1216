"""A connection to a side that floods, repeats itself, reads nothing or does not end: bounded in memory and in time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from board_words import HELLO, says

from effprof.errors import RemoteError
from effprof.remote import wire
from effprof.remote.connection import Connection
from effprof.remote.target import Target
from effprof.remote.wire import Frame

FakeSsh = Callable[[str], Path]
PATIENCE_S = 60.0
GREETS = says("hello", HELLO)
FAILS = says("error", {"error": "RemoteError", "text": "planted"})
PROGRESS = says("progress", {"text": "1 run", "share": 0.5})


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as in a terminal, also where the tests were started without one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def quiet(_text: str, _share: float) -> None: ...


def end_of_listening(connection: Connection) -> None:
    """When all that the other side sent has been taken or refused."""
    listener, _ = connection._threads[0]
    listener.join(PATIENCE_S)
    assert not listener.is_alive()


def test_of_much_progress_little_is_kept(fake_ssh: FakeSsh) -> None:
    fake_ssh(f"{GREETS}; read request; for i in 1 2 3 4 5 6 7 8 9; do {PROGRESS}; done; {FAILS}")
    shown = []
    with Connection(Target("board"), "python3") as connection:

        def look(text: str, share: float) -> None:
            shown.append((text, share))
            end_of_listening(connection)
            assert connection._events.qsize() <= 3  # one more progress at most, the answer and the end

        assert connection.ask(Frame("run", b"{}"), look).kind == "error"
    assert shown in ([("1 run", 0.5)], [("1 run", 0.5)] * 2), "by when the first was taken"


def test_answers_that_nobody_asked_for_are_refused_and_not_kept(fake_ssh: FakeSsh) -> None:
    fake_ssh(f"{GREETS}; read request; {FAILS}; {FAILS}; {FAILS}; read rest")
    with Connection(Target("board"), "python3") as connection:
        assert connection.ask(Frame("run", b"{}"), quiet).kind == "error"
        end_of_listening(connection)
        with pytest.raises(RemoteError, match=r"^No effprof to talk to on board: it sent a 'error' that nobody asked"):
            connection.ask(Frame("run", b"{}"), quiet)


def test_an_answer_before_the_question_is_refused(fake_ssh: FakeSsh) -> None:
    fake_ssh(f"{GREETS}; {FAILS}; read rest")
    with Connection(Target("board"), "python3") as connection:
        end_of_listening(connection)
        with pytest.raises(RemoteError, match="that nobody asked for"):
            connection.ask(Frame("run", b"{}"), quiet)


def test_a_side_that_is_alive_and_reads_nothing(fake_ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_S", 2.0)
    alive = f"printf 'effprof-remote/{wire.PROTOCOL} alive 0\\n'"
    fake_ssh(f"{GREETS}; while {alive}; do sleep 0.1; done")
    with Connection(Target("board"), "python3") as connection:
        request = Frame("run", b" " * 1_000_000)  # more than a pipe holds
        with pytest.raises(RemoteError, match=r"^No effprof to talk to on board: it has read nothing for 2 s\.$"):
            connection.ask(request, quiet)


def test_a_greeting_that_does_not_end(fake_ssh: FakeSsh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("effprof.remote.connection.HELLO_S", 0.2)
    fake_ssh("while echo Loading; do sleep 0.05; done")
    with pytest.raises(RemoteError, match="nothing was heard of it"), Connection(Target("board"), "python3"):
        raise AssertionError("greeted")


def test_a_second_interrupt_leaves_without_an_answer(fake_ssh: FakeSsh, interruptible: None) -> None:
    """The script reads the request before it interrupts us, and the word of that before it does so again."""
    fake_ssh(f"{GREETS}; read request; kill -INT $PPID; read rest; kill -INT $PPID; read end")
    with Connection(Target("board"), "python3") as connection:
        with pytest.raises(KeyboardInterrupt):
            connection.ask(Frame("run", b"{}"), quiet)
        with pytest.raises(KeyboardInterrupt):  # nor is another network measured
            connection.ask(Frame("run", b"{}"), quiet)


def test_one_interrupt_waits_for_what_was_measured(fake_ssh: FakeSsh, interruptible: None) -> None:
    fake_ssh(f"{GREETS}; read request; kill -INT $PPID; read rest; {FAILS}; read end")
    with Connection(Target("board"), "python3") as connection:
        assert connection.ask(Frame("run", b"{}"), quiet).kind == "error"
        with pytest.raises(KeyboardInterrupt):
            connection.ask(Frame("run", b"{}"), quiet)

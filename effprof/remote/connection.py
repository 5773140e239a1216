"""The user's own ssh with an effprof at its other end, as something that can be asked.

ssh gets a list of arguments, never a shell string, and everything that ~/.ssh/config says holds. Only the other
machine's login shell parses the command, so that is one short, quoted line.
"""

from __future__ import annotations

import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, TypeVar

import msgspec

from effprof.errors import RemoteError, UsageError
from effprof.remote import reasons, wire
from effprof.remote.target import Target
from effprof.remote.wire import Frame, FrameReader, FrameWriter, Hello, ProgressMade, WireError
from effprof.report.untrusted import printable

Progress = Callable[[str, float], None]
Payload = TypeVar("Payload")

SSH_VARIABLE = "EFFPROF_SSH"
"""Environment variable with another ssh and its options, as in git's GIT_SSH_COMMAND; no shell sees it."""
HELLO_S = 120.0
"""For connecting, passwords asked by ssh included, and for starting Python on a slow board."""
ENDING_S = 5.0
MAX_STDERR_LINE_BYTES = 4096
KEPT_LINES = 50

# As for a local worker: the current directory, there the user's home, is not where Python looks for effprof. Without
# quotes and backslashes, so that every login shell takes it alike.
START = (
    "import sys; sys.path[:] = [entry for entry in sys.path if entry]; "
    "from effprof.remote.board import main; sys.exit(main())"
)


def ssh_command(target: Target, remote_python: str) -> list[str]:
    """Raises UsageError when the environment's ssh command cannot be taken apart."""
    try:
        ssh = shlex.split(os.environ.get(SSH_VARIABLE, "")) or ["ssh"]
    except ValueError as error:
        raise UsageError(f"{SSH_VARIABLE} is {os.environ[SSH_VARIABLE]!r}: {error}.") from None
    port = [] if target.port is None else ["-p", str(target.port)]
    user = [] if target.user is None else ["-l", target.user]
    return [*ssh, "-T", *port, *user, "--", target.host, shlex.join([remote_python, "-c", START])]


class Connection:
    """An effprof on another machine that waits for requests. A context manager: leaving it ends the other side."""

    def __init__(self, target: Target, remote_python: str) -> None:
        self.target = target
        self._python = remote_python
        self._events: queue.SimpleQueue[Frame | BaseException | None] = queue.SimpleQueue()
        """Frames, at most one answer and one progress whatever is sent; None: the connection ended; exceptions are
        raised by whoever waits."""
        self._outgoing: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        """What `_write` sends; None: nothing more."""
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._is_greeted = self._is_asking = self._is_progress_waiting = self._is_interrupted = False

    def __enter__(self) -> Connection:
        """Raises RemoteError when there is no effprof of this version to talk to."""
        with _interrupts_put_into(self._events):
            self._start()
            try:
                self._greet()
            except BaseException:
                self._close()
                raise
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def ask(self, request: Frame, progress: Progress) -> Frame:
        """The other side's answer, a `result` or an `error`.

        Ctrl-C asks it to end early and hand over what it has; a second one leaves at once.

        Raises:
            RemoteError: it ended, fell silent, or sent something that cannot be read.
            KeyboardInterrupt: the second Ctrl-C, or an earlier request was interrupted.
        """
        if self._is_interrupted:
            raise KeyboardInterrupt
        with _interrupts_put_into(self._events):
            self._is_asking = True
            self._outgoing.put(request)
            while True:
                try:
                    frame = self._next()
                except KeyboardInterrupt:
                    if self._is_interrupted:
                        raise
                    self._is_interrupted = True
                    self._outgoing.put(Frame("interrupt"))
                    continue
                if frame.kind != "progress":
                    return frame
                self._is_progress_waiting = False
                made = self._decoded(frame.payload, ProgressMade)
                progress(printable(made.text), min(max(made.share, 0.0), 1.0))

    # ------------------------------------------------------------------------------------------------ starting

    def _start(self) -> None:
        command = ssh_command(self.target, self._python)
        try:
            with _interrupts_blocked():
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
                )
        except OSError as error:
            raise RemoteError(
                f"{command[0]!r} cannot be started: {error.strerror or error}. --device ssh:// needs OpenSSH's client."
            ) from None
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        reader = FrameReader(stdout.fileno(), wire.FROM_BOARD, wire.SILENCE_S)
        self._threads = (
            (threading.Thread(target=self._listen, args=(reader,), daemon=True), stdout),
            (threading.Thread(target=self._pass_on, args=(stderr,), daemon=True), stderr),
            (threading.Thread(target=self._write, args=(stdin,), daemon=True), stdin),
        )
        for thread, _ in self._threads:
            thread.start()

    def _greet(self) -> None:
        frame = self._next()
        if frame.kind != "hello":
            raise RemoteError(f"{self.target.where} sent a {frame.kind!r} before saying hello; its effprof is broken.")
        reasons.check_versions(self.target, self._python, self._decoded(frame.payload, Hello))
        self._is_greeted = True
        for line in tuple(self._said):  # ssh's warnings, held back in case of a failure that they would explain
            self._show(line)
        self._said.clear()

    # ------------------------------------------------------------------------------------------------- threads

    def _listen(self, reader: FrameReader) -> None:
        try:
            frame = reader.first(HELLO_S)
            if frame is not None:
                self._events.put(frame)
            while frame is not None and (frame := reader.next()) is not None:
                self._take(frame)
            self._events.put(None)
        except WireError as error:
            self._events.put(self._nobody_to_talk_to(error))

    def _take(self, frame: Frame) -> None:
        """Keeps no more than was asked for. Raises WireError for what nobody asked for."""
        if frame.kind == "progress":
            if self._is_asking and not self._is_progress_waiting:  # else there is something newer before it is shown
                self._is_progress_waiting = True
                self._events.put(frame)
        elif frame.kind != "alive":
            if not self._is_asking:
                raise WireError(f"it sent a {frame.kind!r} that nobody asked for")
            self._is_asking = False
            self._events.put(frame)

    def _write(self, stdin: IO[bytes]) -> None:
        """Sends what is to be sent, and now and then that we are here; then lets the other side see the end."""
        writer = FrameWriter(stdin.fileno(), wire.SILENCE_S)
        try:
            while (frame := self._next_outgoing()) is not None:
                writer.send(frame)
        except WireError as error:
            self._events.put(self._nobody_to_talk_to(error))
        except OSError:  # nobody reads: the end of its output says why
            pass
        finally:
            stdin.close()

    def _next_outgoing(self) -> Frame | None:
        try:
            return self._outgoing.get(timeout=wire.HEARTBEAT_S)
        except queue.Empty:
            return Frame("alive")

    def _nobody_to_talk_to(self, error: WireError) -> RemoteError:
        return RemoteError(f"No effprof to talk to on {self.target.where}: {error}.")

    def _pass_on(self, stderr: IO[bytes]) -> None:
        """What ssh and the network print, line by line, with nothing in it that a terminal would obey."""
        pending = b""
        while chunk := os.read(stderr.fileno(), MAX_STDERR_LINE_BYTES):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > MAX_STDERR_LINE_BYTES:
                lines, pending = [*lines, pending], b""
            for line in lines:
                self._take_line(line)
        self._take_line(pending)

    def _take_line(self, line: bytes) -> None:
        text = printable(line.decode("utf-8", "replace")).strip()
        if text:
            self._said.append(text)
            if self._is_greeted:
                self._show(text)

    def _show(self, text: str) -> None:
        with suppress(OSError):  # nobody reads our stderr: the exit code still tells
            print(f"{self.target.host}: {text}", file=sys.stderr)

    # ----------------------------------------------------------------------------------- what came, and ending

    def _next(self) -> Frame:
        event = self._events.get()
        if isinstance(event, BaseException):
            raise event
        if event is None:
            raise self._why_it_ended()
        return event

    def _why_it_ended(self) -> RemoteError:
        try:
            code = self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            code = reasons.SSH_FAILED
        self._threads[1][0].join(1.0)  # a ControlMaster in the background may keep it open
        said = tuple(self._said)
        if self._is_greeted:
            return reasons.lost(self.target, code, said)
        return reasons.no_answer(self.target, self._python, code, said)

    def _decoded(self, payload: bytes, kind: type[Payload]) -> Payload:
        try:
            return msgspec.json.decode(payload, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteError(f"{self.target.where} sent something that is not effprof's: {error}.") from None

    def _close(self) -> None:
        """In good order: the other side sees the end of its input and ends what it runs."""
        self._outgoing.put(None)
        process = self._process
        try:
            if not self._is_greeted:  # nobody there to tell; ssh may be asking for a password
                process.terminate()
            for end in (process.terminate, process.kill):
                try:
                    process.wait(ENDING_S)
                    break
                except subprocess.TimeoutExpired:
                    end()
        finally:
            if process.poll() is None:  # interrupted while waiting
                process.kill()
                process.wait()
        for thread, stream in self._threads:
            thread.join(1.0)
            if not thread.is_alive():
                stream.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A child started inside never sees Ctrl-C, which a terminal sends to all; ours comes at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_put_into(events: queue.SimpleQueue[Frame | BaseException | None]) -> Iterator[None]:
    """Ctrl-C becomes an event among the others, so that it never cuts one in half.

    As in `interrupts_deferred`: only in the main thread, and not where a program handles SIGINT in its own way.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def put(number: int, frame: FrameType | None) -> None:
        events.put(KeyboardInterrupt())

    signal.signal(signal.SIGINT, put)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

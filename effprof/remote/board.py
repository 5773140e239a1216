"""The other machine's side: waits for requests on stdin and measures, until nobody is there any more.

Started by `connection.py` through ssh. The measurement is `effprof run`'s own, in processes of its own, so this one can
listen, answer and end it: when the connection closes, when nothing has been heard for a minute, and on Ctrl-C.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from effprof import __version__
from effprof.errors import CrashError, EffprofError, InterruptedRunError, RemoteError, UnavailableError
from effprof.foreign import one_line
from effprof.interrupts import interrupts_deferred
from effprof.measure.processes import Progress, measure_rounds
from effprof.remote import wire
from effprof.remote.wire import (
    Failure,
    Frame,
    FrameReader,
    FrameWriter,
    Hello,
    ProgressMade,
    RunRequest,
    SentFile,
    WireError,
    too_large,
)
from effprof.settings import usable_device
from effprof.store import dumps_profile, dumps_sweep
from effprof.sweep_records import SweepSpec

PULSE_S = 1.0
"""How often progress is sent: waking up more often would disturb what is measured."""
LAST_S = 10.0
"""For ending in good order when nobody is there any more."""
ALONE = 98
"""Exit code then; nobody sees it."""


def main() -> int:
    reader, writer = _take_streams()
    return Board(reader, writer).serve()


def _take_streams() -> tuple[FrameReader, FrameWriter]:
    """stdin and stdout, for frames alone: whatever else reads sees the end, whatever else prints goes to stderr."""
    own_in, own_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return FrameReader(own_in, wire.TO_BOARD, wire.SILENCE_S), FrameWriter(own_out, wire.SILENCE_S)


class Board:
    """Three threads: this one measures, one listens, one tells how far it is and that it is alive."""

    def __init__(self, reader: FrameReader, writer: FrameWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._requests: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        # Each is set before the other is looked at, so that nothing starts that nobody would end.
        self._is_measuring = self._is_over = False
        self._once = threading.Lock()
        self._interrupted = False
        self._news: ProgressMade | None = None

    def serve(self) -> int:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: sys.exit(ALONE))
        self._send(Frame("hello", msgspec.json.encode(hello())))
        for work in (self._listen, self._pulse):
            threading.Thread(target=work, daemon=True).start()
        while (request := self._requests.get()) is not None:
            self._send(self._answer(request))
        return 0

    def _send(self, frame: Frame) -> None:
        try:
            self._writer.send(frame)
        except (OSError, WireError):  # nobody reads any more
            sys.exit(ALONE)

    def _answer(self, request: Frame) -> Frame:
        measure = {"run": _run, "sweep": _sweep}[request.kind]
        self._is_measuring = True
        if self._is_over:
            sys.exit(ALONE)
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                if self._interrupted:  # before the handler was in place
                    raise KeyboardInterrupt
                return _result(measure(request.payload, self._report))
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                self._is_measuring = False
                self._news = None
        except KeyboardInterrupt:
            return _failure(InterruptedRunError.__name__, "Interrupted before anything was measured.")
        except CrashError as error:
            return _failure(RemoteError.__name__, str(error))
        except EffprofError as error:
            return _failure(type(error).__name__, str(error))

    def _report(self, text: str, share: float) -> None:
        self._news = ProgressMade(text, share)

    def _listen(self) -> None:
        try:
            while (frame := self._reader.next()) is not None:
                if frame.kind == "interrupt":
                    self._interrupted = True
                    _signal_main(signal.SIGINT)
                elif frame.kind != "alive":
                    self._requests.put(frame)
        except WireError as error:
            with suppress(OSError):  # and perhaps whoever reads this
                print(f"effprof: the other side is gone: {error}", file=sys.stderr)
        self._leave()

    def _leave(self) -> None:
        """Nobody is there any more: what is measured ends, in good order if that does not take long."""
        if not self._once.acquire(blocking=False):  # a second signal would cut the good order short
            return
        self._is_over = True
        self._requests.put(None)
        if self._is_measuring:
            _signal_main(signal.SIGTERM)
        time.sleep(LAST_S)
        os._exit(ALONE)

    def _pulse(self) -> None:
        last_s = time.monotonic()
        while True:
            time.sleep(PULSE_S)
            news, self._news = self._news, None
            if news is None and time.monotonic() - last_s < wire.HEARTBEAT_S:
                continue
            try:
                self._writer.send(Frame("alive") if news is None else Frame("progress", _progress(news)))
            except (OSError, WireError):
                break
            last_s = time.monotonic()
        self._leave()


def hello() -> Hello:
    return Hello(__version__, platform.python_version(), _torch_version())


def _torch_version() -> str | None:
    """Without importing it, which takes seconds on a board."""
    if importlib.util.find_spec("torch") is None:
        return None
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _signal_main(number: signal.Signals) -> None:
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    signal.pthread_kill(main_thread, number)


def _progress(news: ProgressMade) -> bytes:
    return msgspec.json.encode(replace(news, text=one_line(news.text)))


def _result(payload: bytes) -> Frame:
    if (problem := too_large(payload)) is not None:
        return _failure(RemoteError.__name__, f"The result is too large: {problem}. Lower --max-time or --rounds.")
    return Frame("result", payload)


def _failure(error: str, text: str) -> Frame:
    cut = text[:2000].encode("utf-8", "replace").decode()
    return Frame("error", msgspec.json.encode(Failure(error, cut)))


# ------------------------------------------------------------------------------------------------------- requests


def _run(payload: bytes, progress: Progress) -> bytes:
    request = msgspec.json.decode(payload, type=RunRequest)
    spec = replace(request.spec, device=usable_device(request.spec.device))
    with _in_place(request.file):
        return dumps_profile(measure_rounds(spec, progress))


def _sweep(payload: bytes, progress: Callable[[str, float], None]) -> bytes:
    spec = msgspec.json.decode(payload, type=SweepSpec)
    spec = replace(spec, device=usable_device(spec.device))
    with interrupts_deferred():  # an import that is cut in half leaves broken modules behind
        from effprof.bench.sweep import measure_sweep

    return dumps_sweep(measure_sweep(spec, progress))


@contextmanager
def _in_place(file: SentFile | None) -> Iterator[None]:
    """The sent file below the current directory, in a folder of its own that is gone afterwards."""
    if file is None:
        yield
        return
    before = os.getcwd()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="effprof-"))
            path = Path(folder, file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
        except OSError as error:
            raise UnavailableError(
                f"There is no room for {file.path} ({error.strerror or error}). Make some, or set TMPDIR there."
            ) from None
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)

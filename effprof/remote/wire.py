"""What goes over the connection, both ways: frames of a kind, a length and that many bytes.

`effprof-remote/1 progress 34\n` and 34 bytes of JSON. Whoever reads says which kinds it takes and how long each may be,
and how long it waits: what the other side sends is not trusted.
"""

from __future__ import annotations

import io
import os
import re
import select
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from effprof.records import RunSpec

PROTOCOL = 1
HEARTBEAT_S = 10.0
"""Each side says at least this often that it is there."""
SILENCE_S = 60.0
"""A side that has not been heard for so long is gone."""

MAX_FILE_BYTES = 4 << 20
FROM_BOARD = {"hello": 4 << 10, "alive": 0, "progress": 4 << 10, "error": 16 << 10, "result": 512 << 20}
"""Kinds that the board sends, with the most bytes of each."""
TO_BOARD = {"run": 2 * MAX_FILE_BYTES, "sweep": 64 << 10, "alive": 0, "interrupt": 0}

_HEAD = re.compile(rb"effprof-remote/([0-9]{1,6}) ([a-z]{1,16}) ([0-9]{1,10})")
_MAX_HEAD_BYTES = 64
_MAX_CHATTER_BYTES = 64 << 10
_CHUNK_BYTES = 64 << 10


class WireError(Exception):
    """Not a frame, one of another protocol, a too long one, or nothing for too long; the text says what was found."""


@dataclass(frozen=True)
class Frame:
    kind: str
    payload: bytes = b""


# ------------------------------------------------------------------------------------------- what payloads hold


@dataclass(frozen=True)
class Hello:
    """The board's first word."""

    effprof: str
    python: str
    torch: str | None
    """None: not installed there."""


@dataclass(frozen=True)
class ProgressMade:
    text: str
    share: float


@dataclass(frozen=True)
class Failure:
    """An explained error, by the name of its class in effprof.errors."""

    error: str
    text: str


@dataclass(frozen=True)
class SentFile:
    """A file of the user's with a network, put into a folder of its own on the board."""

    path: str
    """Relative: what source lines are named by."""
    content: bytes


@dataclass(frozen=True)
class RunRequest:
    spec: RunSpec
    """With the board's own word for its device; the model is named as it is found there."""
    file: SentFile | None = None


# ------------------------------------------------------------------------------------------- reading and writing


class FrameReader:
    """Frames from a file descriptor; one thread reads."""

    def __init__(self, descriptor: int, limits_bytes: Mapping[str, int], patience_s: float) -> None:
        self.patience_s = patience_s
        self._descriptor = descriptor
        self._limits_bytes = limits_bytes
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def first(self) -> Frame | None:
        """The first frame, past what a login script may print before it. None at the end. Raises WireError."""
        skipped_bytes = 0
        while (line := self._line(_MAX_CHATTER_BYTES)) is not None:
            if found := _HEAD.fullmatch(line):
                return self._frame(found)
            skipped_bytes += len(line) + 1
            if skipped_bytes > _MAX_CHATTER_BYTES:
                raise WireError("it sent much text that is not effprof's")
        return None

    def next(self) -> Frame | None:
        """The next frame; None at the end, also when that comes in the middle of one. Raises WireError."""
        line = self._line(_MAX_HEAD_BYTES)
        if line is None:
            return None
        found = _HEAD.fullmatch(line)
        if found is None:
            raise WireError("it sent something that is not effprof's")
        return self._frame(found)

    def _frame(self, found: re.Match[bytes]) -> Frame | None:
        protocol, kind, size = int(found[1]), found[2].decode(), int(found[3])
        if protocol != PROTOCOL:
            raise WireError(f"it speaks protocol {protocol} and this effprof protocol {PROTOCOL}")
        limit_bytes = self._limits_bytes.get(kind)
        if limit_bytes is None:
            raise WireError(f"it sent a {kind!r}, which is not expected")
        if size > limit_bytes:
            raise WireError(f"it wants to send a {kind!r} of {size} bytes, and {limit_bytes} are allowed")
        while len(self._buffer) < size:
            if not self._fill():
                return None
        payload = bytes(self._buffer[:size])
        del self._buffer[:size]
        return Frame(kind, payload)

    def _line(self, limit_bytes: int) -> bytes | None:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit_bytes:
                raise WireError("it sent something that is not effprof's")
            if not self._fill():
                return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _fill(self) -> bool:
        if not self._poll.poll(self.patience_s * 1000):
            raise WireError(f"nothing was heard of it for {self.patience_s:.0f} s")
        chunk = os.read(self._descriptor, _CHUNK_BYTES)
        self._buffer += chunk
        return bool(chunk)


class FrameWriter:
    """Frames to an unbuffered stream; any thread writes."""

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, frame: Frame) -> None:
        """Raises OSError when nobody reads any more."""
        head = f"effprof-remote/{PROTOCOL} {frame.kind} {len(frame.payload)}\n".encode()
        rest = memoryview(head + frame.payload)
        with self._lock:
            while rest:
                if self._stream.closed:
                    raise BrokenPipeError
                rest = rest[self._stream.write(rest) or 0 :]

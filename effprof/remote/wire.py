"""What goes over the connection, both ways: frames of a kind, a length and that many bytes.

`effprof-remote/1 progress 34\n` and 34 bytes of JSON. Whoever reads says which kinds it takes and how long each may be:
what the other side sends is not trusted. Every wait has an end: for its words, and for its reading of ours.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from effprof.records import RunSpec

PROTOCOL = 1
HEARTBEAT_S = 10.0
"""Each side says at least this often that it is there."""
SILENCE_S = 60.0
"""A side that has not been heard for so long, or has read nothing, is gone."""
SLOWEST_BYTES_PER_S = 10_000
"""Content that comes more slowly is given up: a link on which nobody would measure."""

MAX_FILE_BYTES = 4 << 20
MAX_RESULT_BYTES = 256 << 20
"""10,000 calls of which each was timed 600 times make 132 MB; twice that."""
MAX_RESULT_VALUES = 12_000_000
"""Of values, names and lists; those have 6 million. A result of short ones could hold many more, and take many times
its bytes in memory (docs/remote.md)."""
FROM_BOARD = {"hello": 4 << 10, "alive": 0, "progress": 4 << 10, "error": 16 << 10, "result": MAX_RESULT_BYTES}
"""Kinds that the board sends, with the most bytes of each."""
TO_BOARD = {"run": 2 * MAX_FILE_BYTES, "sweep": 64 << 10, "alive": 0, "interrupt": 0}

_HEAD = re.compile(rb"effprof-remote/([0-9]{1,6}) ([a-z]{1,16}) ([0-9]{1,10})\Z")
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
    """The board's first word. Another version's may have less in it, and be told by its version all the same."""

    effprof: str
    python: str | None = None
    torch: str | None = None
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


def too_large(result: bytes) -> str | None:
    """Why a result is neither sent nor decoded, in words; None for one that is."""
    if len(result) > MAX_RESULT_BYTES:
        return f"it has {len(result) >> 20} MiB, and at most {MAX_RESULT_BYTES >> 20} are sent"
    values = sum(map(result.count, (b",", b":", b"[", b"{")))
    return f"it has {values} values, and at most {MAX_RESULT_VALUES} are sent" if values > MAX_RESULT_VALUES else None


# ------------------------------------------------------------------------------------------- reading and writing


class FrameReader:
    """Frames from a file descriptor; one thread reads.

    A frame's first line is whole `patience_s` after the frame before it, its content as much later as a slow link
    takes for it: bytes that trickle in are no sign of life.
    """

    def __init__(self, descriptor: int, limits_bytes: Mapping[str, int], patience_s: float) -> None:
        self._descriptor = descriptor
        self._limits_bytes = limits_bytes
        self._patience_s = patience_s
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def first(self, patience_s: float | None = None) -> Frame | None:
        """The first frame, past what a login script may print before it, without a line's end too. None at the end.

        Args:
            patience_s: until its first line is whole.

        Raises WireError.
        """
        patience_s = self._patience_s if patience_s is None else patience_s
        give_up_s = time.monotonic() + patience_s
        skipped_bytes = 0
        while (line := self._line(_MAX_CHATTER_BYTES, give_up_s, patience_s)) is not None:
            if found := _HEAD.search(line):
                return self._frame(found)
            skipped_bytes += len(line) + 1
            if skipped_bytes > _MAX_CHATTER_BYTES:
                raise WireError("it sent much text that is not effprof's")
        return None

    def next(self) -> Frame | None:
        """The next frame; None at the end, also when that comes in the middle of one. Raises WireError."""
        line = self._line(_MAX_HEAD_BYTES, time.monotonic() + self._patience_s, self._patience_s)
        if line is None:
            return None
        found = _HEAD.match(line)
        if found is None:
            raise WireError("it sent something that is not effprof's")
        return self._frame(found)

    def _frame(self, found: re.Match[bytes]) -> Frame | None:
        protocol, kind, size = int(found[1]), found[2].decode(), int(found[3])
        if protocol != PROTOCOL:
            raise WireError(
                f"it speaks protocol {protocol} and this effprof protocol {PROTOCOL}: install the same version on both"
            )
        limit_bytes = self._limits_bytes.get(kind)
        if limit_bytes is None:
            raise WireError(f"it sent a {kind!r}, which is not expected")
        if size > limit_bytes:
            raise WireError(f"it wants to send a {kind!r} of {size} bytes, and {limit_bytes} are allowed")
        give_up_s = time.monotonic() + self._patience_s + size / SLOWEST_BYTES_PER_S
        while len(self._buffer) < size:
            if not self._fill(give_up_s, f"it began a {kind!r} of {size} bytes and did not end it"):
                return None
        with memoryview(self._buffer) as buffered:  # a slice of the buffer itself would be one copy more
            payload = bytes(buffered[:size])
        del self._buffer[:size]
        return Frame(kind, payload)

    def _line(self, limit_bytes: int, give_up_s: float, patience_s: float) -> bytes | None:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > limit_bytes:
                raise WireError("it sent something that is not effprof's")
            if not self._fill(give_up_s, f"nothing was heard of it for {patience_s:.0f} s"):
                return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _fill(self, give_up_s: float, too_late: str) -> bool:
        """False at the end. What has arrived is read after `give_up_s` too: we may have been stopped meanwhile."""
        if not self._poll.poll(max(give_up_s - time.monotonic(), 0.0) * 1000):
            raise WireError(too_late)
        try:
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
        except ConnectionError:  # of a socket, which is what sshd gives: the other end is gone
            return False
        self._buffer += chunk
        return bool(chunk)


class FrameWriter:
    """Frames to a pipe or a socket; any thread writes."""

    def __init__(self, descriptor: int, patience_s: float) -> None:
        self._descriptor = descriptor
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def send(self, frame: Frame) -> None:
        """Raises OSError when nobody reads any more, WireError when somebody has read nothing for too long."""
        head = f"effprof-remote/{PROTOCOL} {frame.kind} {len(frame.payload)}\n".encode()
        with self._lock:
            for part in (head, frame.payload):
                self._write(memoryview(part))

    def _write(self, rest: memoryview) -> None:
        while rest:
            if not self._poll.poll(self._patience_s * 1000):
                raise WireError(f"it has read nothing for {self._patience_s:.0f} s")
            # No more than goes into a pipe that is ready without waiting for its reader (POSIX: PIPE_BUF).
            rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]

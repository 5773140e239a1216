"""A trace file as chunks of whole events: never the whole file at once, and no more than a bomb may take."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from effprof.errors import BadFileError
from effprof.importers.skeleton import are_in_outermost, scan

CHUNK_BYTES = 1 << 20
MAX_EVENT_BYTES = 1 << 24
"""The longest event, and the most there may be before and after the list of events."""
MAX_RATIO = 60
"""Unpacked over packed size; traces come to 10 to 25."""
FREE_BYTES = 1 << 26
"""What may be unpacked whatever the ratio."""
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*')


class Source:
    """The bytes of a file, unpacked where it is gzip."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        self._unpacked: BinaryIO = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
        self._packed = packed
        self.read_bytes = 0

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; empty at the end. Raises BadFileError on damage and on a bomb."""
        try:
            data = self._unpacked.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadFileError(f"it is damaged or cut off: {error}") from error
        self.read_bytes += len(data)
        if self._packed and self.read_bytes > max(FREE_BYTES, MAX_RATIO * self._raw.tell()):
            raise BadFileError(f"it unpacks to more than {MAX_RATIO} times its size, which no trace does")
        return data

    def read_rest(self) -> bytes:
        """All that is left. Raises BadFileError where that is too much."""
        parts: list[bytes] = []
        size = 0
        while data := self.read(CHUNK_BYTES):
            parts.append(data)
            size += len(data)
            if size > MAX_EVENT_BYTES:
                raise BadFileError(f"more than {MAX_EVENT_BYTES >> 20} MB follow its list of events")
        return b"".join(parts)


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Raises BadFileError when the file cannot be opened or read."""
    try:
        with path.open("rb") as raw:
            yield Source(raw)
    except OSError as error:
        raise BadFileError(f"it cannot be read: {error.strerror or error}") from error


class EventList:
    """The list of events of one file; after it was read, what stands around it."""

    def __init__(self, source: Source) -> None:
        """Reads up to the beginning of the list. Raises BadFileError where there is none."""
        self._source = source
        self._prefix, self._buffer = self._find()
        self._suffix = b""

    def chunks(self) -> Iterator[bytes]:
        """JSON lists of whole events. Raises BadFileError where the file is cut off or damaged."""
        size, first = CHUNK_BYTES, True
        while True:
            skeleton = scan(self._buffer)
            if skeleton.closed_at is not None:
                content, rest = self._buffer[: skeleton.closed_at], self._buffer[skeleton.closed_at + 1 :]
                if content.strip():
                    yield _as_list(content, first)
                self._suffix, self._buffer = rest + self._source.read_rest(), b""
                return
            if skeleton.end:
                content, self._buffer = self._buffer[: skeleton.end], self._buffer[skeleton.end :]
                yield _as_list(content, first)
                size, first = CHUNK_BYTES, False
            elif len(self._buffer) > MAX_EVENT_BYTES:
                raise BadFileError(f"one of its events is longer than {MAX_EVENT_BYTES >> 20} MB")
            else:
                size = max(size, len(self._buffer))
            data = self._source.read(size)
            if not data:
                raise BadFileError("it is cut off: its list of events does not end")
            self._buffer += data

    @property
    def surroundings(self) -> bytes:
        """The file with an empty list of events; only after all chunks were read."""
        return self._prefix + b"]" + self._suffix

    def _find(self) -> tuple[bytes, bytes]:
        """What stands before the events, their opening bracket included, and the first bytes after it."""
        buffer, size = self._source.read(CHUNK_BYTES).removeprefix(_BYTE_ORDER_MARK), CHUNK_BYTES
        start = buffer.lstrip()[:1]
        if start == b"[":
            before, _, after = buffer.partition(b"[")
            return before + b"[", after
        if start != b"{":
            raise BadFileError("it is empty" if not buffer.strip() else "it is not JSON")
        while True:
            found = _list_start(buffer)
            if found is not None:
                return buffer[:found], buffer[found:]
            data = self._source.read(size)
            if not data:
                raise BadFileError(_why_no_events(buffer))
            buffer += data
            size = len(buffer)
            if size > MAX_EVENT_BYTES:
                raise BadFileError(f"no list of traceEvents begins within its first {MAX_EVENT_BYTES >> 20} MB")


def _list_start(buffer: bytes) -> int | None:
    """Just past the bracket that opens the value of the outermost `traceEvents`."""
    starts = np.fromiter((match.start() for match in _EVENTS.finditer(buffer)), np.intp)
    if not len(starts):
        return None
    for start in starts[are_in_outermost(buffer[: starts[-1]], starts)].tolist():
        if (match := _EVENTS.match(buffer, start)) is not None and match.end() < len(buffer):
            if buffer[match.end()] != ord("["):
                raise BadFileError("its traceEvents are not a list")
            return match.end() + 1
    return None


def _why_no_events(buffer: bytes) -> str:
    if b'"nodes"' in buffer and b'"schema"' in buffer:
        return "it is an execution trace, which has no times; the profiler's own trace has a list of traceEvents"
    return "it has no list of traceEvents, or is cut off before it"


def _as_list(content: bytes, first: bool) -> bytes:
    if first:
        return b"[" + content + b"]"
    start = len(content) - len(content.lstrip())
    if content[start : start + 1] != b",":
        raise BadFileError("it is not JSON: a comma is missing between two events")
    return b"[" + content[start + 1 :] + b"]"

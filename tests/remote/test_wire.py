"""Frames: whole or refused, however they arrive."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.remote.wire import FROM_BOARD, PROTOCOL, Frame, FrameReader, FrameWriter, WireError

frames = st.builds(Frame, st.sampled_from(("hello", "progress", "error", "result")), st.binary(max_size=4000))


class Sink(io.RawIOBase):
    """Takes a few bytes at a time, as a full pipe does."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.taken = bytearray()
        self._step = step

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)[: self._step]  # type: ignore[call-overload]
        self.taken += piece
        return len(piece)


def written(sent: Sequence[Frame], step: int = 1 << 20) -> bytes:
    sink = Sink(step)
    writer = FrameWriter(sink)
    for frame in sent:
        writer.send(frame)
    return bytes(sink.taken)


def read(data: bytes, pieces: Sequence[int] = ()) -> list[Frame]:
    """All frames of `data`, which arrives in pieces cut at the given places."""
    read_end, write_end = os.pipe()

    def feed() -> None:
        before = 0
        for cut in (*sorted(pieces), len(data)):
            os.write(write_end, data[before:cut])
            before = max(before, cut)
        os.close(write_end)

    thread = threading.Thread(target=feed)
    thread.start()
    reader = FrameReader(read_end, FROM_BOARD, patience_s=10)
    found = []
    try:
        frame = reader.first()
        while frame is not None:
            found.append(frame)
            frame = reader.next()
    finally:
        while os.read(read_end, 1 << 16):
            pass
        thread.join()
        os.close(read_end)
    return found


@given(st.lists(frames, max_size=5), st.integers(1, 100), st.data())
def test_frames_arrive_as_they_were_sent(sent: list[Frame], step: int, data: st.DataObject) -> None:
    raw = written(sent, step)
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=6))
    assert read(raw, cuts) == sent


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_the_end_in_the_middle_loses_the_last_frame_only(sent: list[Frame], data: st.DataObject) -> None:
    raw = written(sent)
    cut = data.draw(st.integers(len(written(sent[:-1])), len(raw) - 1))
    assert read(raw[:cut]) == sent[:-1]


@given(st.binary(max_size=300))
def test_whatever_comes_is_frames_or_one_error(noise: bytes) -> None:
    hello = Frame("hello", b"{}")
    with suppress(WireError):
        assert read(written([hello]) + noise)[0] == hello


def test_what_a_login_script_prints_is_skipped() -> None:
    assert read(b"Welcome!\n\xff\x1b[31m\n\n" + written([Frame("hello", b"{}")])) == [Frame("hello", b"{}")]
    with pytest.raises(WireError, match="much text"):
        read(b"x\n" * 100_000 + written([Frame("hello", b"{}")]))
    with pytest.raises(WireError, match="not effprof's"):
        read(b"x" * 200_000)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"effprof-remote/%d hello 4097\n" % PROTOCOL, "4097 bytes, and 4096 are allowed"),
        (b"effprof-remote/%d result 9999999999\n" % PROTOCOL, "9999999999 bytes"),
        (b"effprof-remote/%d run 3\nabc" % PROTOCOL, "a 'run', which is not expected"),
        (b"effprof-remote/%d hello 2\n{}" % (PROTOCOL + 1), f"protocol {PROTOCOL + 1} and this effprof protocol"),
        (written([Frame("hello", b"{}")]) + b"hello again\n", "not effprof's"),
        (written([Frame("hello", b"{}")]) + b"x" * 1000, "not effprof's"),
    ],
)
def test_what_is_not_allowed_is_refused_before_it_is_read(raw: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        read(raw)


def test_silence_is_an_error_and_not_a_wait() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(WireError, match="nothing was heard"):
            FrameReader(read_end, FROM_BOARD, patience_s=0.01).next()
    finally:
        os.close(read_end)
        os.close(write_end)


def test_nobody_reads_any_more() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb", buffering=0) as stream, pytest.raises(BrokenPipeError):
        FrameWriter(stream).send(Frame("alive"))
    with pytest.raises(BrokenPipeError):
        FrameWriter(stream).send(Frame("alive"))

"""Frames: whole or refused, however they arrive."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effprof.remote.wire import (
    FROM_BOARD,
    MAX_RESULT_BYTES,
    MAX_RESULT_VALUES,
    PROTOCOL,
    Frame,
    FrameReader,
    FrameWriter,
    WireError,
    too_large,
)

frames = st.builds(Frame, st.sampled_from(("hello", "progress", "error", "result")), st.binary(max_size=4000))


PATIENCE_S = 60.0


@contextmanager
def pipe_read_by(work: Callable[[int], None]) -> Iterator[int]:
    """The end to write to of a pipe, of which `work` reads in a thread until the end."""
    read_end, write_end = os.pipe()
    thread = threading.Thread(target=work, args=(read_end,))
    thread.start()
    try:
        yield write_end
    finally:
        os.close(write_end)
        thread.join()
        os.close(read_end)


def written(sent: Sequence[Frame], step: int = 1 << 16) -> bytes:
    """What goes over a pipe that is read `step` bytes at a time."""
    taken = bytearray()

    def take(read_end: int) -> None:
        while chunk := os.read(read_end, step):
            taken.extend(chunk)

    with pipe_read_by(take) as write_end:
        writer = FrameWriter(write_end, PATIENCE_S)
        for frame in sent:
            writer.send(frame)
    return bytes(taken)


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
    reader = FrameReader(read_end, FROM_BOARD, PATIENCE_S)
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


@given(st.lists(frames, max_size=5), st.integers(50, 5000), st.data())
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
    title = b"\x1b]0;board\x07Loading ... "
    assert read(title + written([Frame("hello", b"{}")])) == [Frame("hello", b"{}")]
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
        (b"effprof-remote/%d hello 2\n{}" % (PROTOCOL + 1), "install the same version on both"),
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
    try:
        with pytest.raises(BrokenPipeError):
            FrameWriter(write_end, PATIENCE_S).send(Frame("alive"))
    finally:
        os.close(write_end)


def test_what_is_larger_than_a_pipe_waits_for_its_reader() -> None:
    sent = [Frame("result", bytes(range(256)) * 2000), Frame("alive")]
    assert read(written(sent, step=30_000)) == sent


def test_a_side_that_does_not_read_is_given_up() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(WireError, match="has read nothing"):
            FrameWriter(write_end, 0.01).send(Frame("result", b" " * 1_000_000))
    finally:
        os.close(read_end)
        os.close(write_end)


@contextmanager
def trickle(start: bytes, drop: bytes) -> Iterator[int]:
    """The end to read from of a pipe that brings `start`, and then `drop` after `drop` for ever."""
    read_end, write_end = os.pipe()
    is_over = threading.Event()

    def feed() -> None:
        with suppress(BrokenPipeError):
            os.write(write_end, start)
            while not is_over.wait(0.01):
                os.write(write_end, drop)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield read_end
    finally:
        is_over.set()
        thread.join()
        os.close(read_end)
        os.close(write_end)


def test_bytes_that_trickle_in_are_no_sign_of_life() -> None:
    """Each would end sooner or later if only the silence between two bytes were looked at."""
    with trickle(b"", b"x\n") as read_end, pytest.raises(WireError, match="nothing was heard"):
        FrameReader(read_end, FROM_BOARD, PATIENCE_S).first(patience_s=0.1)
    with trickle(written([Frame("hello", b"{}")]), b"e") as read_end:
        reader = FrameReader(read_end, FROM_BOARD, patience_s=0.05)
        assert reader.first(PATIENCE_S) == Frame("hello", b"{}")
        with pytest.raises(WireError, match="nothing was heard"):
            reader.next()
    head = b"effprof-remote/%d progress 4000\n" % PROTOCOL
    with trickle(head, b"1") as read_end, pytest.raises(WireError, match="began a 'progress' of 4000 bytes and did"):
        FrameReader(read_end, FROM_BOARD, patience_s=0.05).first()


def test_what_arrived_while_we_were_stopped_is_read() -> None:
    sent = [Frame("hello", b"{}"), Frame("alive")]
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, written(sent))
        reader = FrameReader(read_end, FROM_BOARD, patience_s=0.0)
        assert [reader.first(), reader.next()] == sent
    finally:
        os.close(read_end)
        os.close(write_end)


def test_results_that_would_fill_the_memory() -> None:
    assert too_large(b"[" * MAX_RESULT_VALUES) is None
    assert too_large(b"[" * MAX_RESULT_VALUES + b",") == (
        f"it has {MAX_RESULT_VALUES + 1} values, and at most {MAX_RESULT_VALUES} are sent"
    )
    assert too_large(bytes(MAX_RESULT_BYTES + (1 << 20))) == "it has 257 MiB, and at most 256 are sent"


def test_the_largest_realistic_result_is_sent() -> None:
    """10,000 calls with 600 times each, as dumps_profile writes them."""
    op = b'{"calls":[1234],"times_s":[' + b",".join([b"0.00012345678901234567"] * 600) + b"]},\n    "
    assert too_large(op * 10_000) is None

"""Keeping a process to some cores: all its threads, and back again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from effprof.errors import UnavailableError, UsageError
from effprof.sensors.affinity import kept_to, require_usable

linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
ROOT = Path(__file__).parents[2]


def masks() -> dict[int, frozenset[int]]:
    return {int(t): frozenset(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")}


@linux
def test_every_thread_goes_and_comes_back() -> None:
    one = (min(os.sched_getaffinity(0)),)
    stop, started = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        stop.wait()

    early, late = threading.Thread(target=wait), threading.Thread(target=stop.wait)
    early.start()
    started.wait()
    try:
        before = masks()
        with kept_to(one):
            late.start()
            assert set(masks().values()) == {frozenset(one)}
        after = masks()
        assert {thread: after[thread] for thread in before} == before
        assert set(after.values()) == set(before.values())
    finally:
        stop.set()
        early.join()
        late.join()


@linux
def test_back_after_an_error() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), kept_to((min(before),)):
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


@linux
def test_cores_that_are_not_there() -> None:
    allowed = os.sched_getaffinity(0)
    beyond = max(allowed) + 1
    with pytest.raises(UsageError, match=rf"--cpus names {beyond}; this process may use "):
        require_usable((min(allowed), beyond))
    with pytest.raises(UsageError), kept_to((beyond,)):
        pass
    assert os.sched_getaffinity(0) == allowed


def test_where_no_cores_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(UnavailableError, match="--cpus is for Linux"):
        require_usable((0,))
    with kept_to(()):  # not asked for
        pass


@linux
def test_torch_computes_on_the_chosen_core_only() -> None:
    """In a process of its own, whose pool of threads was at work before."""
    code = """
import os, torch
from effprof.sensors.affinity import kept_to
torch.randn(400, 400) @ torch.randn(400, 400)
core = min(os.sched_getaffinity(0))
with kept_to((core,)):
    torch.randn(400, 400) @ torch.randn(400, 400)
    print({frozenset(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")} == {frozenset({core})})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@linux
def test_a_thread_that_ends_meanwhile_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Thread(target=lambda: None)
    ended.start()
    ended.join()
    assert ended.native_id is not None
    threads = [threading.get_native_id(), ended.native_id]
    monkeypatch.setattr("effprof.sensors.affinity._threads", lambda: threads)
    before = os.sched_getaffinity(0)
    with kept_to((min(before),)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


@linux
def test_back_after_an_error_halfway_through_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    before, move, moves = os.sched_getaffinity(0), os.sched_setaffinity, []

    def fails_once_moved(thread: int, cpus: set[int]) -> None:
        move(thread, cpus)
        moves.append(thread)
        if len(moves) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "sched_setaffinity", fails_once_moved)
    monkeypatch.setattr("effprof.sensors.affinity._threads", lambda: [threading.get_native_id()])
    with pytest.raises(KeyboardInterrupt), kept_to((min(before),)):
        raise AssertionError("never got here")
    assert os.sched_getaffinity(0) == before

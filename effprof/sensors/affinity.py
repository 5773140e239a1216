"""A process kept to some cores: one big core of a phone's processor, one socket of a server (Linux)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from effprof.errors import UnavailableError, UsageError
from effprof.sensors.files import cpu_ranges


def require_usable(cpus: tuple[int, ...]) -> None:
    """Raises UsageError for cores that this process may not use, UnavailableError where none can be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        raise UnavailableError(f"--cpus is for Linux: {sys.platform} does not let a program choose its cores.")
    allowed = os.sched_getaffinity(0)
    unknown = tuple(sorted(set(cpus) - allowed))
    if unknown:
        raise UsageError(f"--cpus names {cpu_ranges(unknown)}; this process may use {cpu_ranges(tuple(allowed))}.")


@contextmanager
def kept_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """All threads of this process on `cpus` inside, afterwards as before; nothing is done for no cores.

    Raises:
        UsageError, UnavailableError: see `require_usable`.
    """
    if not cpus:
        yield
        return
    require_usable(cpus)
    own = os.sched_getaffinity(0)
    before = _affinities()
    try:
        _move({thread: set(cpus) for thread in before})
        yield
    finally:
        _move({thread: before.get(thread, own) for thread in _threads()})  # those begun inside go where we were


def _threads() -> list[int]:
    """A pool that was started before (torch's) does not follow the thread that started it."""
    return [int(name) for name in os.listdir("/proc/self/task")]


def _affinities() -> dict[int, set[int]]:
    found = {}
    for thread in _threads():
        with suppress(ProcessLookupError):  # ended meanwhile
            found[thread] = os.sched_getaffinity(thread)
    return found


def _move(wanted: dict[int, set[int]]) -> None:
    for thread, cpus in wanted.items():
        with suppress(ProcessLookupError):  # ended meanwhile
            os.sched_setaffinity(thread, cpus)

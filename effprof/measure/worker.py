"""A measuring process: reads its task from a file, measures, writes the profile (or the error) to another.

Started by `processes.py` with both files and a pipe open. Lines of JSON on the pipe tell the parent how far it is. It
ends with its parent, also while it is stuck in a network.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from effprof.errors import EffprofError, ModelError
from effprof.records import Profile, RunSpec
from effprof.store import dumps_profile

INTERRUPTED = 130
EXPLAINED = 210
"""Tells the parent to read an explained error from the result file."""
FAILED = 211
"""A mistake of ours; its traceback has been printed."""
UNSAVED = 212
"""There was no room for the result."""

Progress = Callable[[str, float], None]

PR_SET_PDEATHSIG = 1
"""Of Linux' prctl(2)."""


def main(arguments: list[str]) -> int:
    return serve(arguments, lambda form, task, progress: dumps_profile(_measure(form, task, progress)))


def serve(arguments: list[str], work: Callable[[str, bytes, Progress], bytes]) -> int:
    """Does the work, writes what it gives; returns the exit code.

    Args:
        arguments: the form of the task (`json` or `pickle`); numbers of the open files with the task and for the
            result, of the pipe, and of the parent.
    """
    form, (task_file, result_file, pipe, parent) = arguments[0], map(int, arguments[1:])

    def progress(text: str, share: float) -> None:
        os.write(pipe, json.dumps({"text": text, "share": share}).encode() + b"\n")

    if not end_with(parent):
        return INTERRUPTED
    try:
        # Until now an interrupt ended the process without a word (see processes.START).
        signal.signal(signal.SIGINT, signal.default_int_handler)
        result = work(form, _content(task_file), progress)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # measured: nothing is left to interrupt
        return _saved(result_file, result, 0)
    except EffprofError as error:
        told = {"error": str(error), "class": type(error).__name__}
        return _saved(result_file, json.dumps(told).encode(), EXPLAINED)
    except (KeyboardInterrupt, BrokenPipeError):  # the parent is gone
        return INTERRUPTED
    except BaseException:
        traceback.print_exc()
        return FAILED


def end_with(parent: int) -> bool:
    """From now on the kernel kills this process when its parent ends, however that happens. False: it has already.

    Linux alone does so; elsewhere a parent that is gone is noticed at the next line of progress. "Parent" is the thread
    that started this process, and it waits for it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), *[ctypes.c_ulong(0)] * 3)
    return os.getppid() == parent  # it may have ended before the kernel was told


def _content(file: int) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def _saved(file: int, data: bytes, code: int) -> int:
    try:
        with open(file, "wb") as stream:
            stream.write(data)
    except OSError:
        return UNSAVED
    return code


def _measure(form: str, task: bytes, progress: Progress) -> Profile:
    if form == "pickle":
        from effprof.measure.session import measure

        model, inputs, spec = _unpickled(task)
        return measure(model, inputs, spec, name=type(model).__name__, source="python", progress=progress)
    from effprof.measure.named import measure_by_name

    return measure_by_name(msgspec.json.decode(task, type=RunSpec), progress)


def _unpickled(task: bytes) -> tuple[Any, Any, RunSpec]:
    """The parent's network, found by the modules on the parent's path."""
    path, network = pickle.loads(task)
    sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        unpickled: tuple[Any, Any, RunSpec] = pickle.loads(network)
    except (AttributeError, ImportError) as error:
        raise ModelError(
            f"A measuring process cannot find the network's code ({error}). For rounds above 1 its class must be in an "
            "importable module, not in a script or notebook (__main__); or use rounds=1."
        ) from None
    return unpickled

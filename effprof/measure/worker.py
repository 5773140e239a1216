"""A measuring process: reads its task from a file, measures, writes the profile (or the error) beside it.

Started by `processes.py` with the names of both files and the number of an open pipe. Lines of JSON on the pipe tell
the parent how far it is; a parent that died is noticed at the next line.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from effprof.errors import EffprofError, ModelError
from effprof.records import Profile, RunSpec
from effprof.store import dumps_profile, write_atomically

INTERRUPTED = 130
EXPLAINED = 210
"""Tells the parent to read an explained error from the result file."""
FAILED = 211
"""A mistake of ours; its traceback has been printed."""


def main(arguments: list[str]) -> int:
    task_file, result_file, pipe = Path(arguments[0]), Path(arguments[1]), int(arguments[2])

    def progress(text: str, share: float) -> None:
        os.write(pipe, json.dumps({"text": text, "share": share}).encode() + b"\n")

    try:
        # Until now an interrupt ended the process without a word (see processes.START).
        signal.signal(signal.SIGINT, signal.default_int_handler)
        profile = _measure(task_file, progress)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # measured: nothing is left to interrupt
        write_atomically(result_file, dumps_profile(profile))
    except EffprofError as error:
        write_atomically(result_file, json.dumps({"error": str(error), "class": type(error).__name__}).encode())
        return EXPLAINED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        shutil.rmtree(task_file.parent, ignore_errors=True)  # the parent is gone, and with it whoever would
        return INTERRUPTED
    except BaseException:
        traceback.print_exc()
        return FAILED
    return 0


def _measure(task_file: Path, progress: Callable[[str, float], None]) -> Profile:
    if task_file.suffix == ".pickle":
        from effprof.measure.session import measure

        model, inputs, spec = _unpickled(task_file)
        return measure(model, inputs, spec, name=type(model).__name__, source="python", progress=progress)
    from effprof.measure.named import measure_by_name

    return measure_by_name(msgspec.json.decode(task_file.read_bytes(), type=RunSpec), progress)


def _unpickled(task_file: Path) -> tuple[Any, Any, RunSpec]:
    """The parent's network, found by the modules on the parent's path."""
    path, task = pickle.loads(task_file.read_bytes())
    sys.path.extend(entry for entry in path if entry not in sys.path)
    try:
        unpickled: tuple[Any, Any, RunSpec] = pickle.loads(task)
    except (AttributeError, ImportError) as error:
        raise ModelError(
            f"A measuring process cannot find the network's code ({error}). For rounds above 1 its class must be in an "
            "importable module, not in a script or notebook (__main__); or use rounds=1."
        ) from None
    return unpickled

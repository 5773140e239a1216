"""A measuring process: reads its task from a file, measures, writes the profile (or the error) beside it.

Started by `processes.py` with the names of both files and the number of an open pipe. Lines of JSON on the pipe tell
the parent how far it is; a parent that died is noticed at the next line.
"""

from __future__ import annotations

import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from effprof.errors import EffprofError
from effprof.records import Profile, RunSpec
from effprof.store import dumps_profile, write_atomically

INTERRUPTED = 130
EXPLAINED = 10
"""Exit code that tells the parent to read an explained error from the result file."""


def main(arguments: list[str]) -> int:
    task_file, result_file, pipe = Path(arguments[0]), Path(arguments[1]), int(arguments[2])

    def progress(text: str, share: float) -> None:
        os.write(pipe, json.dumps({"text": text, "share": share}).encode() + b"\n")

    try:
        profile = _measure(task_file, progress)
    except EffprofError as error:
        write_atomically(result_file, json.dumps({"error": str(error), "class": type(error).__name__}).encode())
        return EXPLAINED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return INTERRUPTED  # the parent is gone, and with it whoever wanted the result
    except BaseException:
        traceback.print_exc()
        return 1
    write_atomically(result_file, dumps_profile(profile))
    return 0


def _measure(task_file: Path, progress: Callable[[str, float], None]) -> Profile:
    if task_file.suffix == ".pickle":
        from effprof.measure.session import measure

        model, inputs, spec = pickle.loads(task_file.read_bytes())
        return measure(model, inputs, spec, name=type(model).__name__, source="python", progress=progress)
    from effprof.measure.named import measure_by_name

    return measure_by_name(msgspec.json.decode(task_file.read_bytes(), type=RunSpec), progress)

"""Measuring in processes of their own; torch-free on this side.

Each network of `effprof run`, and each of its rounds, gets a fresh process: its allocator has seen no other network,
and a crash of the user's code (or the kernel killing it for memory) is a line here and not the end of us.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from effprof import errors
from effprof.analyze.machine_speed import slowed
from effprof.errors import CrashError, EffprofError, InterruptedRunError, ModelError, UnavailableError
from effprof.measure.unlinked import with_shared_calls
from effprof.measure.worker import EXPLAINED, FAILED, INTERRUPTED, UNSAVED
from effprof.records import Note, Profile, RunSpec
from effprof.store import loads_profile
from effprof.units import counted

if TYPE_CHECKING:
    from torch import nn

    from effprof.capture import Inputs

Progress = Callable[[str, float], None]

# The child must find this effprof, from any directory and past whatever lies in the current one: the current
# directory leaves its path, and the folder that holds effprof comes last (in a source checkout only this adds it).
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "sys.path[:1] = []; sys.path.append(sys.argv.pop(1)); "
    "import importlib; sys.exit(importlib.import_module(sys.argv.pop(1)).main(sys.argv[1:]))"
)
OWN_FOLDER = str(Path(__file__).parents[2])
WORKER = "effprof.measure.worker"
Result = TypeVar("Result")


def measure_rounds(spec: RunSpec, progress: Progress) -> Profile:
    """All rounds of a network given by name, one process after another, as one Profile.

    An interrupt ends the running round, keeps what was measured and marks it partial.

    Raises:
        EffprofError: the measuring process explained why not.
        InterruptedRunError: interrupted before anything was measured.
        CrashError: the measuring process died without a word.
    """
    return _rounds(msgspec.json.encode(spec), "json", spec.rounds, progress)


def measure_pickled(model: nn.Module, inputs: Inputs, spec: RunSpec) -> Profile:
    """All rounds of a network handed over from Python, which must be picklable.

    Raises:
        ModelError: it is not.
    """
    try:
        # Twice: the path must be there before the network can be read.
        task = pickle.dumps((sys.path, pickle.dumps((model, inputs, spec))))
    except Exception as error:
        raise ModelError(
            f"rounds={spec.rounds} needs a network that can be pickled ({type(error).__name__}: {error}). Use rounds=1."
        ) from None
    return _rounds(task, "pickle", spec.rounds, lambda text, share: None)


def _rounds(task: bytes, form: str, rounds: int, progress: Progress) -> Profile:
    def measured(number: int, again: bool) -> Profile:
        def report(text: str, share: float) -> None:
            once_more = " once more" if again else ""
            prefix = f"round {number + 1} of {rounds}{once_more}, " if rounds > 1 else ""
            progress(prefix + text, 1.0 if again else (number + share) / rounds)

        return run_worker(task, form, report, WORKER, loads_profile)

    return all_rounds(rounds, measured)


def all_rounds(rounds: int, measured: Callable[[int, bool], Profile]) -> Profile:
    """The rounds as one Profile; those in which the machine was slower than in the best (`analyze/machine_speed.py`)
    are measured once more, whatever came out, as many as there are rounds at most.

    Args:
        measured: gives the round of that number, for the first time or once more.

    Raises:
        InterruptedRunError: interrupted before anything was measured.
    """
    profiles: list[Profile] = []
    repeated = 0
    try:
        for number in range(rounds):
            profiles.append(measured(number, False))
            if profiles[-1].partial:
                return merge(profiles)
        while repeated < rounds and (slow := slowed([one for profile in profiles for one in profile.rounds])):
            place = max(slow, key=lambda one: one[1])[0]
            once_more = measured(place, True)
            if once_more.partial:  # the round that it was to stand for is whole
                raise InterruptedRunError("Interrupted while a round was measured once more.")
            profiles[place], repeated = once_more, repeated + 1
    except InterruptedRunError:
        if not profiles:
            raise
        profiles[-1] = replace(profiles[-1], partial=True)
    return _with_repeated(merge(profiles), repeated)


def _with_repeated(profile: Profile, repeated: int) -> Profile:
    if not repeated:
        return profile
    text = (
        f"{counted(repeated, 'round was', 'rounds were')} measured once more, whatever came out: a fixed piece of work "
        "showed that the machine was slower meanwhile, for reasons outside of this one (a neighbour on the same "
        "hardware, a lower clock)."
    )
    return replace(profile, notes=(*profile.notes, Note("rounds-repeated", text)))


def merge(profiles: list[Profile]) -> Profile:
    """One Profile with the rounds of all; calls and everything else from the first, notes once each.

    Raises:
        ModelError: the processes saw different calls, so their rounds are not of one network.
    """
    profiles = with_shared_calls(profiles)
    first = profiles[0]
    names = [call.aten for call in first.calls]
    notes: dict[str, Note] = {}
    for profile in profiles:
        if [call.aten for call in profile.calls] != names:
            raise ModelError(
                "The network made different calls in different processes. effprof needs one that is built the same "
                "way every time."
            )
        for note in profile.notes:
            notes.setdefault(note.code, note)
    return replace(
        first,
        rounds=tuple(one for profile in profiles for one in profile.rounds),
        notes=tuple(notes.values()),
        partial=any(profile.partial for profile in profiles),
        crosscheck=next((p.crosscheck for p in profiles if p.crosscheck is not None), None),
    )


def run_worker(
    task: bytes, form: str, report: Progress, worker: str, read: Callable[[bytes], Result]
) -> Result:
    """What `read` makes of the result of a module that serves tasks (`worker.serve`), in a process of its own.

    Raises as `measure_rounds` does, InterruptedRunError at Ctrl-C where the worker keeps nothing.
    """
    with _nameless_file(task) as task_file, _nameless_file() as result_file:
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, encoding="utf-8", errors="replace") as lines:
            try:
                # A session of its own: Ctrl-C at the terminal reaches us alone, and we pass it on exactly once.
                numbers = (task_file.fileno(), result_file.fileno(), write_end)
                process = subprocess.Popen(
                    [sys.executable, "-c", START, OWN_FOLDER, worker, form, *map(str, (*numbers, os.getpid()))],
                    pass_fds=numbers,
                    stdin=subprocess.DEVNULL,
                    stdout=2,  # what the network prints must not mix with our own output
                    start_new_session=True,
                )
            finally:
                os.close(write_end)
            try:
                code = _follow(process, lines, report)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)  # with what the network started
                    process.wait()
        result_file.seek(0)
        return _result(code, result_file.read(), read)


@contextmanager
def _nameless_file(content: bytes = b"") -> Iterator[IO[bytes]]:
    """A temporary file to hand to a process, at its start; nothing of it is left, whoever is killed."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(prefix="effprof-"))
            file.write(content)
            file.seek(0)
        except OSError as error:
            raise UnavailableError(
                f"A temporary file cannot be written ({error.strerror or error}). Make room, or set TMPDIR to a folder "
                "that has some."
            ) from None
        yield file


def _follow(process: subprocess.Popen[bytes], lines: Iterable[str], report: Progress) -> int:
    """Passes progress on until the process ends; the first interrupt is forwarded, the second ends it at once."""
    interrupts = 0
    while True:
        try:
            for line in lines:
                told = json.loads(line)
                report(told["text"], told["share"])
            return process.wait()
        except KeyboardInterrupt:
            interrupts += 1
            if interrupts > 1:
                raise
            process.send_signal(signal.SIGINT)


def _result(code: int, result: bytes, read: Callable[[bytes], Result]) -> Result:
    if code == 0 and result:
        return read(result)
    if code in (INTERRUPTED, -signal.SIGINT):
        raise InterruptedRunError("Interrupted before anything was measured.")
    if code == EXPLAINED and result:
        told = json.loads(result)
        kind = getattr(errors, told["class"], EffprofError)
        raise kind(told["error"])
    if code == UNSAVED:
        raise UnavailableError(
            f"The result does not fit into {tempfile.gettempdir()}. Make room there, or set TMPDIR to a folder that "
            "has some."
        )
    if code == FAILED:
        raise CrashError("The measuring process failed: a bug in effprof, whose traceback is above.")
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (perhaps out of memory: try a smaller --batch-size)" if name == "SIGKILL" else ""
        raise CrashError(f"The measuring process was ended by {name}{hint}.")
    raise CrashError(f"The measuring process ended itself with exit code {code}; the network's code must not exit.")

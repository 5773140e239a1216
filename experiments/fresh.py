"""Work in a fresh process without paying for imports each time.

A server process imports torch and whatever else is named and runs nothing; each piece of work is a fork of it. The fork
has the memory, the allocator and the threads of a process that has just been started, about 4 s sooner.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from effprof.errors import EffprofError, InterruptedRunError
from effprof.records import Profile, RunSpec
from effprof.sweep_records import Sweep, SweepSpec

# The first pass over meta tensors imports torch._dynamo, half of what a start takes.
MEASURING = ("__main__", "torch._dynamo", "effprof.measure.named", "effprof.measure.session", "effprof.devices.cpu")
Result = TypeVar("Result")
Spec = TypeVar("Spec", RunSpec, SweepSpec)
Told = TypeVar("Told", Profile, Sweep)


class DiedError(Exception):
    """The process gave no result."""


def in_fork(
    function: Callable[..., Result], *arguments: Any, preloaded: Sequence[str], timeout_s: float | None = None
) -> Result:
    """What `function` gives in a process of its own, which has `preloaded` imported.

    Raises DiedError when it ended without a result, or had none after `timeout_s`.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preloaded))
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout_s):
            raise DiedError(f"not done after {timeout_s:g} s")
        result: Result = receiver.recv()
        return result
    except EOFError:
        process.join()
        raise DiedError(f"its process died: exit code {process.exitcode}") from None
    finally:
        process.kill()  # also after a timeout or an interrupt; one that has answered has nothing left to do
        process.join()
        receiver.close()


def _send(sender: Connection, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
    sender.send(function(*arguments))


def measure_in_fork(spec: RunSpec) -> Profile:
    """One round of `spec`, without the other libraries' count.

    Raises:
        EffprofError: it cannot be measured, and why. InterruptedRunError: it was cut short.
    """
    return told_in_fork(_profile_or_error, spec, preloaded=MEASURING)


def told_in_fork(function: Callable[[Spec], Told | EffprofError], spec: Spec, *, preloaded: Sequence[str]) -> Told:
    """What `function` measures of `spec` in a process of its own, whole. Raises as `measure_in_fork` does."""
    try:
        told: Told | EffprofError = in_fork(function, spec, preloaded=preloaded)
    except DiedError as error:
        raise EffprofError(f"The measurement gave no result: {error}.") from None
    if isinstance(told, EffprofError):
        raise told
    if told.partial:
        raise InterruptedRunError("Interrupted.")
    return told


def _profile_or_error(spec: RunSpec) -> Profile | EffprofError:
    from effprof.measure.named import measure_by_name

    try:
        return measure_by_name(spec, with_crosscheck=False)
    except EffprofError as error:
        return error

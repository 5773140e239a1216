"""One measurement in a fresh process without paying for imports each time.

A server process imports torch and effprof and runs nothing; each measurement is a fork of it. The fork has the memory,
the allocator and the threads of a process that has just been started, about 4 s sooner.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection

from effprof.errors import EffprofError, InterruptedRunError
from effprof.records import Profile, RunSpec

# The first pass over meta tensors imports torch._dynamo, half of what a start takes.
PRELOADED = ["__main__", "torch._dynamo", "effprof.measure.named", "effprof.measure.session", "effprof.devices.cpu"]


def measure_in_fork(spec: RunSpec) -> Profile:
    """One round of `spec`, without the other libraries' count.

    Raises:
        EffprofError: it cannot be measured, and why. InterruptedRunError: it was cut short.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(spec, theirs))
    process.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        process.join()
        raise EffprofError(f"The measuring process ended with exit code {process.exitcode}.") from None
    process.join()
    if isinstance(told, EffprofError):
        raise told
    assert isinstance(told, Profile)
    if told.partial:
        raise InterruptedRunError("Interrupted.")
    return told


def _measure(spec: RunSpec, pipe: Connection) -> None:
    from effprof.measure.named import measure_by_name

    try:
        pipe.send(measure_by_name(spec, with_crosscheck=False))
    except EffprofError as error:
        pipe.send(error)

"""One session of torch.profiler around runs of a network, as the columns that importers attribute."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn
from torch._C._profiler import _RecordFunctionFast
from torch.profiler import ProfilerActivity, profile

from effprof.errors import UsageError
from effprof.importers.events import LAYER_PREFIX, STEP_PREFIX, TraceEvents
from effprof.importers.reading import read_events
from effprof.importers.stream import open_source
from effprof.tracing.hooks import layer_hooks

LOG_LEVEL = "KINETO_LOG_LEVEL"


def trace_runs(
    model: nn.Module | None,
    run: Callable[[], object],
    runs: int = 1,
    *,
    cuda: bool = False,
    finish: Callable[[], object] | None = None,
    layers: bool = True,
) -> TraceEvents:
    """What `runs` forward passes do, each in a range `ProfilerStep#0`, `#1`, ...; without shapes, stacks or memory.

    Args:
        model: whose modules open ranges around their ops; None: nobody's.
        run: makes one forward pass.
        cuda: also what CUDA devices do.
        finish: called after each run, within its step (torch.cuda.synchronize).
        layers: False: no ranges but the steps, which is less to carry.

    Hooks and the profiler are gone afterwards, also when `run` raises, whose error comes through unchanged.

    Raises:
        UsageError: another profiler is running.
    """
    if torch._C._autograd._profiler_enabled():
        raise UsageError("A torch.profiler is running already, and there can be one. Stop it before effprof measures.")
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with tempfile.TemporaryDirectory(prefix="effprof-") as folder:
        path = Path(folder, "trace.json")
        with _quiet(), profile(activities=activities) as session, _ranges(model if layers else None):
            for number in range(runs):
                with _RecordFunctionFast(f"{STEP_PREFIX}{number}"):
                    run()
                    if finish is not None:
                        finish()
        session.export_chrome_trace(str(path))
        with open_source(path) as source:
            return read_events(source)


@contextmanager
def _quiet() -> Iterator[None]:
    """The profiler otherwise writes two lines to stderr for every session. It asks at the first one of a process."""
    if LOG_LEVEL in os.environ:  # somebody has said what they want to see
        yield
        return
    os.environ[LOG_LEVEL] = "99"
    try:
        yield
    finally:
        del os.environ[LOG_LEVEL]


def _ranges(model: nn.Module | None) -> AbstractContextManager[None]:
    """A range around the forward of each module, named by its path."""
    if model is None:
        return nullcontext()
    opened: list[_RecordFunctionFast] = []

    def enter(path: str) -> None:
        # torch.profiler.record_function takes several times as long: it is an operator of its own.
        opened.append(_RecordFunctionFast(LAYER_PREFIX + path))
        opened[-1].__enter__()

    def leave() -> None:
        opened.pop().__exit__(None, None, None)

    return layer_hooks(model, enter, leave)

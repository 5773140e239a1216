"""The CPU timed by torch.profiler: the span of each call is its op's in the trace.

The pass that a GPU needs, on a device that the other timers know too. Layers are joined once, from a run whose modules
open ranges; timed runs carry none, and must show the same ops in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from effprof.capture.failure import forward_explained
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpu import NS, FreshInputs, Marker, now_ns, plain_run
from effprof.interrupts import interrupts_deferred
from effprof.records import OpCall
from effprof.tracing import ExpectedCall, expected_calls, join, trace_runs

AT_MOST = 30.0
"""A span's cost in a network, ops within it left out, as a multiple of that in a tight loop at most. Only against
noise: 6 to 10 were measured."""
LOOP_CALLS = 20
LOOPS = 25


@dataclass(frozen=True)
class KinetoSubject:
    """Times the op of every call with the profiler; one span a call."""

    model: torch.nn.Module
    inputs: FreshInputs
    expected: tuple[ExpectedCall, ...]
    nested: tuple[int, ...]
    """The profiler records the ops within an op too, and their cost is inside its span."""
    is_marked: bool
    """Code that asks whether somebody watches is answered as in the capture pass. Not where tensors have a dispatch of
    their own, which that switches off."""
    timer: str = "kineto"

    @classmethod
    def of(
        cls, model: torch.nn.Module, inputs: FreshInputs, calls: tuple[OpCall, ...], is_marked: bool
    ) -> KinetoSubject:
        """Runs the network twice: under hooks alone, and under the profiler with hooks.

        Raises:
            ModelError: the network makes other calls under hooks, or the profiler shows other ops than it made.
        """

        def run() -> None:
            fresh = inputs.refreshed()
            with forward_explained(fresh):
                fresh.run(model)

        def watched() -> None:
            with _watched(is_marked):
                run()

        with interrupts_deferred():
            expected = expected_calls(model, run, calls)
            joined = join(trace_runs(model, watched), expected)
        of_call = np.bincount(joined.call_of_op[joined.call_of_op >= 0], minlength=len(calls))
        return cls(model, inputs, expected, tuple(int(of_call[one.call]) - 1 for one in expected), is_marked)

    @property
    def input_shape(self) -> tuple[tuple[int, ...], ...]:
        return self.inputs.shapes

    @property
    def spans(self) -> tuple[tuple[int, ...], ...]:
        return tuple((one.call,) for one in self.expected)

    def plain(self) -> PlainRun:
        return plain_run(self.model, self.inputs.refreshed())

    def timed(self) -> TimedRun:
        inputs, model = self.inputs.refreshed(), self.model
        args, kwargs = inputs.args, inputs.kwargs
        times_ns: list[int] = []

        def run() -> None:
            with _watched(self.is_marked), forward_explained(inputs):
                start = now_ns()
                result = model(*args, **kwargs)
                times_ns.append(now_ns() - start)
            del result

        with interrupts_deferred():
            events = trace_runs(None, run)
        joined = join(events, self.expected, check_layers=False)
        self.plain()  # reading the trace has filled the caches, and the next run may be one that counts
        return TimedRun(times_ns[0] * NS, joined.runs[0].calls_s)

    def span_cost(self) -> SpanCost:
        return tight_loop_cost()


def _watched(is_marked: bool) -> AbstractContextManager[object]:
    """As around the timed runs of the entry timer."""
    stack = ExitStack()
    if is_marked:
        stack.enter_context(Marker())
        stack.enter_context(torch._C._DisableTorchDispatch())
    return stack


@lru_cache(maxsize=1)
def tight_loop_cost() -> SpanCost:
    """What the profiler costs an op that calls no other (`aten::neg`), and each of those within one that calls several
    (`aten::batch_norm`).

    `inside_s` is the op's record less its time as a caller sees it. It is negative where the profiler begins late:
    torch has read the arguments by then, and has still to wrap the result.
    """
    image, ones = torch.zeros(1, 4, 4, 4), torch.ones(4)
    single = _loop_times(lambda: torch.neg(ones))
    several = _loop_times(lambda: torch.batch_norm(image, ones, ones, ones, ones, False, 0.1, 1e-5, False))
    mean_s = max(several.traced_s - several.bare_s, 0.0) / several.ops  # a bound where noise made the single one cheap
    whole_s = max(single.traced_s - single.bare_s, mean_s)
    inside_s = single.span_s - single.bare_s
    nested_s = max(several.traced_s - several.bare_s - whole_s, 0.0) / max(several.ops - 1, 1)
    return SpanCost(inside_s, whole_s - inside_s, AT_MOST, nested_s)


@dataclass(frozen=True)
class _LoopTimes:
    """Of one call in a loop: the shortest of several loops, since whatever else runs only adds."""

    bare_s: float
    traced_s: float
    span_s: float
    """Median of its outermost ops in the trace."""
    ops: float
    """Recorded in one call."""


def _loop_times(call: Callable[[], object]) -> _LoopTimes:
    loops_s: list[float] = []

    def run() -> None:
        loops_s.clear()
        for _ in range(LOOPS):
            start = now_ns()
            for _ in range(LOOP_CALLS):
                call()
            loops_s.append((now_ns() - start) * NS / LOOP_CALLS)

    run()
    bare_s = min(loops_s)
    ops = trace_runs(None, run).ops
    outermost = ops.name == ops.name[np.argmin(ops.start)]
    span_s = float(np.median((ops.end - ops.start)[outermost])) * 1e-6
    return _LoopTimes(bare_s, min(loops_s), span_s, len(ops) / (LOOPS * LOOP_CALLS))

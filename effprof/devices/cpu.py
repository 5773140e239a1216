"""The CPU: wall clock around the forward pass, timed twins of torch's entry points within it."""

from __future__ import annotations

import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.capture import Inputs, SpanPlan
from effprof.capture.entries import Function, swapped
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpuinfo import cpu_name
from effprof.errors import ModelError
from effprof.records import DeviceInfo

now_ns = time.perf_counter_ns
NS = 1e-9


def cpu_device() -> DeviceInfo:
    return DeviceInfo("cpu", cpu_name() or "unknown", platform.machine(), torch.get_num_threads())


def minor_page_faults() -> int | None:
    """Of this process so far; None where getrusage does not count them."""
    if sys.platform != "linux":
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


Span = tuple[int, int, int]
"""(number of the entry point or operator, start, end) in clock ticks of a nanosecond."""


def timed_twin(number: int, function: Function, log: list[Span]) -> Function:
    """`function` with a clock reading on either side. As little as possible happens here: it is all overhead."""
    append = log.append

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = now_ns()
        result = function(*args, **kwargs)
        end = now_ns()
        append((number, start, end))
        return result

    return timed


class Marker(TorchDispatchMode):
    """Does nothing. While timed twins are in place it stands on torch's stack of modes (switched off, so that no call
    passes through it): code that asks torch whether somebody is watching gets the honest answer."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@dataclass
class EntrySubject:
    """Times spans with twins of the entry points that the capture pass found."""

    model: torch.nn.Module
    inputs: Inputs
    plan: SpanPlan
    timer: str = "entry"

    def __post_init__(self) -> None:
        self.input_shape = tuple(tuple(t.shape) for t in self.inputs.tensors())
        self.spans = self.plan.calls

    def plain(self) -> PlainRun:
        return plain_run(self.model, self.inputs)

    def timed(self, layers: int = 1) -> TimedRun:
        log: list[Span] = []
        functions = [entry.function for entry in self.plan.entries]
        for _ in range(layers):
            functions = [timed_twin(number, function, log) for number, function in enumerate(functions)]
        args, kwargs, model = self.inputs.args, self.inputs.kwargs, self.model
        with ExitStack() as stack:
            stack.enter_context(Marker())
            stack.enter_context(torch._C._DisableTorchDispatch())
            stack.enter_context(swapped(self.plan.entries, functions))
            start = now_ns()
            result = model(*args, **kwargs)
            end = now_ns()
        del result
        spans = outermost(log)
        check_sequence([number for number, _, _ in spans], self.plan.sequence, lambda n: self.plan.entries[n].name)
        return TimedRun((end - start) * NS, tuple((e - s) * NS for _, s, e in spans))

    def span_cost(self) -> SpanCost:
        return tight_span_cost(lambda log: timed_twin(0, abs, log))


def plain_run(model: torch.nn.Module, inputs: Inputs) -> PlainRun:
    args, kwargs = inputs.args, inputs.kwargs
    faults = minor_page_faults()
    start = now_ns()
    result = model(*args, **kwargs)
    end = now_ns()
    after = minor_page_faults()
    del result  # freed outside the clock, as the instrumented runs do
    return PlainRun((end - start) * NS, None if faults is None or after is None else after - faults)


def outermost(log: Sequence[Span]) -> list[Span]:
    """Spans in order of their start, without those inside another (an operator written in Python calls others)."""
    spans: list[Span] = []
    end = -1
    for span in sorted(log, key=lambda span: (span[1], -span[2])):
        if span[1] >= end:
            spans.append(span)
            end = span[2]
    return spans


def check_sequence(seen: Sequence[int], expected: Sequence[int], name: Callable[[int], str]) -> None:
    """A timed run must meet the calls of the capture pass, in order.

    Raises:
        ModelError: the network does something else from run to run, so its times could not be attributed.
    """
    if list(seen) == list(expected):
        return
    for index, (a, b) in enumerate(zip(seen, expected, strict=False)):
        if a != b:
            raise ModelError(
                f"The network does not repeat itself: call {index} of a timed run was {name(a)}, of the recorded run "
                f"{name(b)}. effprof needs a forward pass that makes the same calls every time."
            )
    raise ModelError(
        f"The network does not repeat itself: a timed run made {len(seen)} calls, the recorded run {len(expected)}. "
        "effprof needs a forward pass that makes the same calls every time."
    )


def tight_span_cost(make_twin: Callable[[list[Span]], Function], calls: int = 2000, repeats: int = 7) -> SpanCost:
    """Cost of one timed span around a C function that does next to nothing, in a tight loop (median of repeats)."""
    inside, outside = [], []
    for _ in range(repeats):
        log: list[Span] = []
        twin = make_twin(log)
        start = now_ns()
        for _ in range(calls):
            abs(1)
        bare = now_ns() - start
        start = now_ns()
        for _ in range(calls):
            twin(1)
        whole = now_ns() - start
        spans = statistics.median(end - begin for _, begin, end in log)
        function = bare / calls
        inside.append(max(spans - function, 0.0))
        outside.append(max((whole - bare) / calls - inside[-1], 0.0))
    return SpanCost(statistics.median(inside) * NS, statistics.median(outside) * NS)

"""The CPU: wall clock around the forward pass, timed twins of torch's entry points within it."""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.capture import Inputs, SpanPlan
from effprof.capture.entries import Function, swapped
from effprof.capture.failure import forward_explained
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpuinfo import cpu_name, usable_cpus
from effprof.errors import ModelError
from effprof.interrupts import interrupts_deferred
from effprof.records import DeviceInfo, OpCall
from effprof.sensors.cores import core_types, instruction_set

now_ns = time.perf_counter_ns
NS = 1e-9
AT_MOST = 12.0
"""A twin's cost in a network, as a multiple of that in a tight loop at most. Only against noise: 4 to 6 were measured
(docs/how-we-measure.md)."""


def cpu_device() -> DeviceInfo:
    return DeviceInfo(
        "cpu",
        cpu_name() or "unknown",
        platform.machine(),
        torch.get_num_threads(),
        core_types=core_types(usable_cpus()) or None,
        isa=instruction_set(),
    )


def minor_page_faults() -> int | None:
    """Of this process so far; None where getrusage does not count them."""
    if sys.platform != "linux":
        return None
    import resource  # not there on Windows

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


@dataclass(frozen=True)
class FreshInputs:
    """The input of a network, the same for every run also where the forward writes it."""

    inputs: Inputs
    contents: tuple[torch.Tensor, ...]
    """What the input tensors hold; empty where no call writes them."""

    @classmethod
    def of(cls, inputs: Inputs, calls: Iterable[OpCall]) -> FreshInputs:
        writes = any(call.inputs[position].role == "input" for call in calls for position in call.written)
        return cls(inputs, tuple(t.clone() for t in inputs.tensors()) if writes else ())

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(t.shape) for t in self.inputs.tensors())

    def refreshed(self) -> Inputs:
        for tensor, content in zip(self.inputs.tensors(), self.contents, strict=False):
            tensor.copy_(content)
        return self.inputs


@dataclass
class EntrySubject:
    """Times spans with twins of the entry points that the capture pass found."""

    model: torch.nn.Module
    inputs: FreshInputs
    plan: SpanPlan
    timer: str = "entry"

    def __post_init__(self) -> None:
        self.input_shape = self.inputs.shapes
        self.spans = self.plan.calls
        self.nested = (0,) * len(self.spans)

    def plain(self) -> PlainRun:
        return plain_run(self.model, self.inputs.refreshed())

    def timed(self) -> TimedRun:
        log: list[Span] = []
        twins = [timed_twin(number, entry.function, log) for number, entry in enumerate(self.plan.entries)]
        inputs, model = self.inputs.refreshed(), self.model
        args, kwargs = inputs.args, inputs.kwargs
        with (
            interrupts_deferred(),
            Marker(),
            torch._C._DisableTorchDispatch(),
            swapped(self.plan.entries, twins),
            forward_explained(inputs),
        ):
            start = now_ns()
            result = model(*args, **kwargs)
            end = now_ns()
        del result
        spans = outermost(log)
        check_sequence([number for number, _, _ in spans], self.plan.sequence, lambda n: self.plan.entries[n].name)
        return TimedRun((end - start) * NS, tuple((e - s) * NS for _, s, e in spans))

    def span_cost(self) -> SpanCost:
        log: list[Span] = []
        twin = timed_twin(0, abs, log)
        inside_s, outside_s = tight_loop_s(partial(abs, 1), partial(twin, 1), log)
        return SpanCost(inside_s, outside_s, AT_MOST)


def plain_run(model: torch.nn.Module, inputs: Inputs) -> PlainRun:
    args, kwargs = inputs.args, inputs.kwargs
    with forward_explained(inputs):
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


def tight_loop_s(
    bare: Callable[[], object],
    timed: Callable[[], object],
    log: list[tuple[Any, int, int]],
    calls: int = 1000,
    batch: int = 1,
    repeats: int = 7,
) -> tuple[float, float]:
    """Seconds that timing a call costs (inside, outside) its two clock readings, in a tight loop (median of repeats).

    Args:
        bare: calls a function that does next to nothing.
        timed: the same, timed into `log`.
        batch: how many calls each of the two makes.
    """
    inside, outside = [], []
    for _ in range(repeats):
        log.clear()
        start = now_ns()
        for _ in range(calls):
            bare()
        bare_ns = (now_ns() - start) / (calls * batch)
        start = now_ns()
        for _ in range(calls):
            timed()
        timed_ns = (now_ns() - start) / (calls * batch)
        span_ns = statistics.median(end - begin for _, begin, end in log)
        inside.append(max(span_ns - bare_ns, 0.0))
        outside.append(max(timed_ns - bare_ns - inside[-1], 0.0))
    log.clear()
    return statistics.median(inside) * NS, statistics.median(outside) * NS

"""The slower timer for networks whose calls cannot all be met at torch's entry points: a Python dispatch mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.capture.failure import forward_explained
from effprof.capture.recorder import aten_name
from effprof.cost.aten_names import base_name
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpu import NS, FreshInputs, check_sequence, now_ns, plain_run, tight_loop_s
from effprof.interrupts import interrupts_deferred
from effprof.records import OpCall

DispatchSpan = tuple[Any, int, int]
"""(operator, start, end) in clock ticks of a nanosecond."""
BATCH = 20
AT_MOST = 20.0
"""A dispatched call's cost in a network, as a multiple of that of a transposition in a tight loop: taking a
convolution's arguments apart and putting them together again takes longer (17.6 against 5.1 µs in a
tight loop on the machine of docs/how-we-measure.md), and caches add to it."""


class TimingMode(TorchDispatchMode):
    """Reads the clock around every dispatched call."""

    supports_higher_order_operators = True

    def __init__(self, log: list[DispatchSpan]) -> None:
        super().__init__()
        self._append = log.append

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        start = now_ns()
        result = func(*args, **kwargs) if kwargs else func(*args)
        end = now_ns()
        self._append((func, start, end))
        return result


@dataclass
class DispatchSubject:
    """Times every dispatched call; one span a call."""

    model: torch.nn.Module
    inputs: FreshInputs
    calls: tuple[OpCall, ...]
    timer: str = "dispatch"

    def __post_init__(self) -> None:
        self.input_shape = self.inputs.shapes
        self.spans = tuple((call.index,) for call in self.calls)
        self.nested = (0,) * len(self.spans)

    def plain(self) -> PlainRun:
        return plain_run(self.model, self.inputs.refreshed())

    def timed(self) -> TimedRun:
        log: list[DispatchSpan] = []
        inputs, model = self.inputs.refreshed(), self.model
        args, kwargs = inputs.args, inputs.kwargs
        with interrupts_deferred(), TimingMode(log), forward_explained(inputs):
            start = now_ns()
            result = model(*args, **kwargs)
            end = now_ns()
        del result
        numbers: dict[str, int] = {}
        expected = [numbers.setdefault(call.aten, len(numbers)) for call in self.calls]
        seen = [numbers.setdefault(aten_name(func), len(numbers)) for func, _, _ in log]
        names = {number: base_name(name) for name, number in numbers.items()}
        check_sequence(seen, expected, names.__getitem__)
        return TimedRun((end - start) * NS, tuple((e - s) * NS for _, s, e in log))

    def span_cost(self) -> SpanCost:
        log: list[DispatchSpan] = []
        mode, tensor = TimingMode(log), torch.zeros(2, 2)

        def through_mode() -> None:
            with mode:
                for _ in range(BATCH):
                    tensor.t()

        def bare() -> None:
            for _ in range(BATCH):
                tensor.t()

        inside_s, outside_s = tight_loop_s(bare, through_mode, log, calls=50, batch=BATCH)
        return SpanCost(inside_s, outside_s, AT_MOST)

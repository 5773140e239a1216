"""The slower timer for networks whose calls cannot all be met at torch's entry points: a Python dispatch mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.capture import Inputs
from effprof.capture.names import base_name
from effprof.devices.base import PlainRun, SpanCost, TimedRun
from effprof.devices.cpu import NS, Span, check_sequence, now_ns, outermost, plain_run, tight_span_cost
from effprof.records import OpCall


class TimingMode(TorchDispatchMode):
    """Reads the clock around every dispatched call."""

    supports_higher_order_operators = True

    def __init__(self, log: list[tuple[Any, int, int]]) -> None:
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
    inputs: Inputs
    calls: tuple[OpCall, ...]
    timer: str = "dispatch"

    def __post_init__(self) -> None:
        self.input_shape = tuple(tuple(t.shape) for t in self.inputs.tensors())
        self.spans = tuple((call.index,) for call in self.calls)

    def plain(self) -> PlainRun:
        return plain_run(self.model, self.inputs)

    def timed(self, layers: int = 1) -> TimedRun:
        log: list[tuple[Any, int, int]] = []
        args, kwargs, model = self.inputs.args, self.inputs.kwargs, self.model
        modes = [TimingMode(log) for _ in range(layers)]
        for mode in modes:
            mode.__enter__()
        try:
            start = now_ns()
            result = model(*args, **kwargs)
            end = now_ns()
        finally:
            for mode in reversed(modes):
                mode.__exit__(None, None, None)
        del result
        spans: list[Span] = outermost([(i, s, e) for i, (_, s, e) in enumerate(log)])
        names = [aten_name(log[i][0]) for i, _, _ in spans]
        expected = [call.aten for call in self.calls]
        numbers = {name: i for i, name in enumerate({*names, *expected})}
        text = {i: base_name(name) for name, i in numbers.items()}
        check_sequence([numbers[n] for n in names], [numbers[n] for n in expected], text.__getitem__)
        return TimedRun((end - start) * NS, tuple((e - s) * NS for _, s, e in spans))

    def span_cost(self) -> SpanCost:
        mode_log: list[tuple[Any, int, int]] = []
        mode = TimingMode(mode_log)

        def make(log: list[Span]) -> Callable[..., Any]:
            def call(value: int) -> int:
                start = now_ns()
                result = mode.__torch_dispatch__(abs, (), (value,))
                end = now_ns()
                log.append((0, start, end))
                return int(result)

            return call

        return tight_span_cost(make)


def aten_name(func: Any) -> str:
    schema = getattr(func, "_schema", None)
    if schema is None:
        return str(func)
    return f"{schema.name}.{schema.overload_name}" if schema.overload_name else str(schema.name)

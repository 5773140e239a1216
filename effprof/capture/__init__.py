"""What a network does, call by call: one recorded forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from effprof.capture.entries import EntryRecorder, SpanPlan, plan_spans
from effprof.capture.layers import StackReader, run_marked
from effprof.capture.recorder import Recorder, TensorLedger
from effprof.interrupts import interrupts_deferred
from effprof.records import OpCall

__all__ = ["Capture", "Inputs", "SpanPlan", "capture"]


@dataclass(frozen=True)
class Inputs:
    """The example input of a network: positional and keyword arguments."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def tensors(self) -> tuple[torch.Tensor, ...]:
        return tuple(iter_tensors((self.args, self.kwargs)))

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Inputs:
        """The same nesting with every tensor changed."""
        return Inputs(_map(self.args, change), _map(self.kwargs, change))

    def run(self, model: nn.Module) -> Any:
        return model(*self.args, **self.kwargs)


@dataclass(frozen=True)
class Capture:
    calls: tuple[OpCall, ...]
    spans: SpanPlan | None
    """How timed runs meet the calls; None where only a dispatch mode sees them all, or when it was not asked for."""
    output_ids: frozenset[int]
    """Ids of the tensors that the network returned."""
    uncovered: tuple[str, ...] = ()
    """Operators that kept `spans` from being made."""
    in_other_threads: tuple[str, ...] = ()
    """Functions of torch called from threads that the network started: in none of `calls`."""


def capture(model: nn.Module, inputs: Inputs, *, find_spans: bool = False) -> Capture:
    """Runs the network once under inference_mode (or the caller's no_grad) and writes every operator call down.

    Shapes, strides and identities are those of real tensors, meta tensors or fake tensors alike. The network and
    torch are left as found. Errors of the network's own forward come through unchanged.
    """
    ledger = TensorLedger()
    for tensor, role in _known_tensors(model, inputs):
        ledger.give_role(tensor, role)
    entries = EntryRecorder(model) if find_spans else None
    entry_of_call: list[int | None] = []
    stack = StackReader(model)

    def where() -> tuple[str, str | None]:
        if entries is not None:
            entry_of_call.append(entries.current)
        return stack.where()

    recorder = Recorder(ledger, where, entries.paused if entries is not None else nullcontext)
    with interrupts_deferred(), recorder, entries.installed() if entries is not None else nullcontext():
        result = run_marked(lambda: inputs.run(model))
    calls = tuple(recorder.calls)
    output_ids = frozenset(ledger.spec(tensor).id for tensor in iter_tensors(result))
    if entries is None or recorder.saw_subclass:  # a subclass brings its own dispatch, which timed twins switch off
        return Capture(calls, None, output_ids)
    if entries.in_other_threads:
        return Capture(calls, None, output_ids, in_other_threads=tuple(sorted(entries.in_other_threads)))
    spans = plan_spans(entries, entry_of_call, [not call.is_view for call in calls])
    uncovered = tuple(
        sorted({c.op for c, e in zip(calls, entry_of_call, strict=True) if e is None and not c.is_view})
    )
    return Capture(calls, spans, output_ids, uncovered)


def iter_tensors(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in nested tuples, lists, sets, dicts and dataclasses (model outputs)."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from iter_tensors(item)
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            yield from iter_tensors(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from iter_tensors(getattr(value, name, None))


def _map(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_map(item, change) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_map(item, change) for item in value)
    return value


def _known_tensors(model: nn.Module, inputs: Inputs) -> Iterator[tuple[torch.Tensor, str]]:
    for parameter in model.parameters():
        yield parameter, "parameter"
    for buffer in model.buffers():
        yield buffer, "buffer"
    for tensor in inputs.tensors():
        yield tensor, "input"

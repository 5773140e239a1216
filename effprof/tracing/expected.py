"""What a trace must show for the calls of a capture pass: the op's name, and the layer as hooks see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.capture.recorder import aten_name
from effprof.errors import ModelError
from effprof.records import OpCall
from effprof.tracing.hooks import layer_hooks
from effprof.tracing.join import ExpectedCall, in_layer

UNOBSERVED = {"aten::size", "aten::is_leaf", "aten::output_nr", "aten::_version", "aten::is_complex",
              "profiler::_record_function_enter", "profiler::_record_function_enter_new",
              "profiler::_record_function_exit"}  # fmt: skip
"""Operators that torch shows to no profiler (ATen/core/dispatch/ObservedOperators.cpp)."""


def expected_calls(model: nn.Module, run: Callable[[], object], calls: Sequence[OpCall]) -> tuple[ExpectedCall, ...]:
    """One pass under our global hooks, which must make the calls of the capture pass, made without them.

    The capture pass reads layers from the stack, which also sees modules run through `.forward()`; hooks do not. So
    that nothing has to be guessed, this pass says for each call what the ranges in a trace will say.

    Args:
        run: makes one forward pass.

    Raises:
        ModelError: the calls under hooks are others.
    """
    running: list[str] = []
    watcher = _Watcher(running)
    with watcher, layer_hooks(model, running.append, running.pop):
        run()
    _check(watcher.seen, calls)
    layers = [layer for _, layer in watcher.seen]
    shown = (ExpectedCall(c.index, without_overload(c.aten), layer) for c, layer in zip(calls, layers, strict=True))
    return tuple(one for one in shown if one.aten not in UNOBSERVED)


def without_overload(aten: str) -> str:
    """As traces write it: `aten::add.Tensor` gives `aten::add`."""
    space, colons, name = aten.rpartition("::")
    return space + colons + name.partition(".")[0]


class _Watcher(TorchDispatchMode):
    """Notes each call and the layer that hooks say at that moment."""

    supports_higher_order_operators = True

    def __init__(self, running: Sequence[str]) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []
        """(`OpCall.aten`, layer)."""
        self._running = running

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append((aten_name(func), self._running[-1] if self._running else ""))
        return func(*args, **(kwargs or {}))


def _check(seen: Sequence[tuple[str, str]], calls: Sequence[OpCall]) -> None:
    for call, (aten, layer) in zip(calls, seen, strict=False):
        if aten != call.aten:
            was, now = in_layer(call.aten, call.layer), in_layer(aten, layer)
            raise _others(f"call {call.index} was {was} without them and is {now} with them")
    if len(seen) != len(calls):
        raise _others(f"it made {len(calls)} calls without them and {len(seen)} with them")


def _others(what: str) -> ModelError:
    return ModelError(f"The network does other things under hooks: {what}. --timer entry or dispatch needs no hooks.")

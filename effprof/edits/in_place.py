"""Activations that write over their input, where the recorded pass proves that nobody else reads it.

Proof: the input's memory was allocated within the pass (it is no parameter, buffer, constant or input of the network),
no later call reads or writes it other than through the activation's output, and the network does not return it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from torch import nn

from effprof.capture import Capture, Inputs
from effprof.edits.base import Change, first_hooked, observed
from effprof.errors import NotApplicableError
from effprof.records import OpCall
from effprof.units import counted

ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.SiLU, nn.Mish, nn.Hardswish,
    nn.Hardsigmoid, nn.Threshold,
)  # fmt: skip
"""Modules with an attribute `inplace` that means what it says."""


def make_in_place(model: nn.Module, inputs: Inputs) -> Change:
    candidates = {
        path: module
        for path, module in model.named_modules()
        if type(module) in ACTIVATIONS and not getattr(module, "inplace", True)
    }
    if not candidates:
        raise NotApplicableError("it has no activation module that is not in place already")
    hooked = first_hooked(model)
    if hooked is not None:
        raise NotApplicableError(f"a hook is registered on {hooked}, which may keep what would be written over")
    left = reasons_against(observed(model, inputs), tuple(candidates))
    done = tuple(path for path in candidates if left[path] is None)
    if not done:
        reasons = ", ".join(dict.fromkeys(filter(None, left.values())))
        raise NotApplicableError(f"none may write over its input: {reasons}")
    for path in done:
        candidates[path].inplace = True
    kept = len(candidates) - len(done)
    whose = "its" if len(done) == 1 else "their"
    text = f"{counted(len(done), 'activation')} made to write over {whose} input" + (f", {kept} left" if kept else "")
    return Change(model, done, text)


def reasons_against(captured: Capture, paths: Sequence[str]) -> dict[str, str | None]:
    """For each activation module's path why it may not write over its input; None where it may."""
    memory = _Memory(captured)
    own: dict[str, list[OpCall]] = defaultdict(list)
    for call in captured.calls:
        own[call.layer].append(call)
    return {
        path: next(filter(None, map(memory.reason_against, own[path])), None) if own[path] else "it does not run"
        for path in paths
    }


class _Memory:
    """Who made each stretch of memory of a pass, and who touches it last."""

    def __init__(self, captured: Capture) -> None:
        self._made_in: set[int] = set()
        self._last_touched: dict[int, int] = {}
        self._returned: set[int] = set()
        for call in captured.calls:
            given = {spec.storage for spec in call.inputs}
            for spec in call.inputs:
                self._last_touched[spec.storage] = call.index
            for spec in call.outputs:
                if spec.storage not in given and spec.storage not in self._last_touched:
                    self._made_in.add(spec.storage)
            self._returned |= {spec.storage for spec in call.outputs if spec.id in captured.output_ids}

    def reason_against(self, call: OpCall) -> str | None:
        if len(call.inputs) != 1 or len(call.outputs) != 1 or call.written or call.is_view:
            return "it does more than one thing to one tensor"
        source, result = call.inputs[0], call.outputs[0]
        if source.role != "activation" or source.storage not in self._made_in:
            return "its input is not the network's own to write over"
        if (source.shape, source.dtype) != (result.shape, result.dtype):
            return "its output is not of the input's kind"
        if len(source.strides) != len(source.shape):
            return "its input is sparse or nested"
        if any(stride == 0 and size > 1 for stride, size in zip(source.strides, source.shape, strict=True)):
            return "its input is an expanded tensor"
        if self._last_touched[source.storage] > call.index:
            return "its input is read again later"
        if source.storage in self._returned:
            return "its input is an output of the network"
        return None

"""What a forward pass was seen to do: its calls and their tensors, the part of `records` that a capture fills.

Like `records`, which hands these names on: frozen, torch-free and JSON-able; `None` means unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class TensorSpec:
    """One tensor as one op saw it."""

    id: int
    """Identity of the value: the same id as an output of one call and an input of a later one means data flow. A
    write in place gives the tensor a new id, so that every id has at most one producer."""
    storage: int
    """Tensors with the same number share memory."""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    """torch's name without the prefix: `float32`."""
    item_bytes: int
    role: Literal["activation", "parameter", "buffer", "input"] = "activation"
    values: tuple[int, ...] | None = None
    """The entries of a small integer tensor used as an index, where they are known (never on meta)."""


Argument = int | float | bool | str | tuple[int | float | bool | str | None, ...] | None


@dataclass(frozen=True, slots=True)
class OpCall:
    """One execution of one operator, as seen in the capture pass; enough to cost and classify it without torch."""

    index: int
    op: str
    """effprof's name, the same in every spelling and grad mode: `conv2d`, `add`, `batch_norm`, `mylib::spin`."""
    aten: str
    """torch's own name with overload: `aten::add.Tensor`."""
    layer: str
    source: str | None
    """Nearest frame outside torch and effprof, `file:line`; None where there is none."""
    inputs: tuple[TensorSpec, ...]
    input_names: tuple[str, ...]
    """The schema's name of each input, parallel to `inputs`; a list argument gives `tensors.0`, `tensors.1`."""
    outputs: tuple[TensorSpec, ...]
    arguments: dict[str, Argument] = field(default_factory=dict)
    """The arguments that are not tensors, by schema name, defaults filled in. Anything that is not JSON-able is
    written as its text."""
    written: tuple[int, ...] = ()
    """Positions in `inputs` that the call writes in place (from the schema)."""
    is_view: bool = False
    """The call moved no data: every output shares storage with an input and nothing was written."""
    direction: Literal["forward", "backward"] = "forward"
    tensors: Literal["known", "shapes", "unknown"] = "known"
    """What an imported trace has of the tensors: `shapes` are without types, so that bytes are unknown."""
    count: int = 1
    """Executions recorded as one call: kernels of a trace that have no op but the same name."""
    backend: str | None = None
    """Which of its convolutions torch picks for this call: `Slow2d`, `Mkldnn`. None for other calls, and where no data
    was at hand (meta tensors, imported traces)."""

    def tensor(self, name: str) -> TensorSpec | None:
        """The input of that schema name, or None when it was not given."""
        for spec, input_name in zip(self.inputs, self.input_names, strict=True):
            if input_name == name:
                return spec
        return None

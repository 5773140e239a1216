"""Looking up a call's operands, and how many different elements a tensor has."""

from __future__ import annotations

from math import prod
from typing import TypeVar

from effprof.errors import BadFileError
from effprof.records import OpCall, TensorSpec

Kind = TypeVar("Kind", int, str)


def tensor(call: OpCall, *names: str) -> TensorSpec:
    """The first of these inputs that the call has.

    Raises BadFileError when it has none: a recorded call is then not what its name says.
    """
    for name in names:
        found = call.tensor(name)
        if found is not None:
            return found
    raise BadFileError(
        f"Call {call.index} ({call.op}) should have a tensor named {' or '.join(names)}; "
        f"it has {', '.join(call.input_names) or 'none'}."
    )


def list_of(call: OpCall, name: str) -> list[TensorSpec]:
    """The tensors of a list argument: `tensors.0`, `tensors.1` ... in order."""
    return [
        spec
        for spec, input_name in zip(call.inputs, call.input_names, strict=True)
        if input_name.rpartition(".")[0] == name
    ]


def output_shape(call: OpCall) -> tuple[int, ...]:
    """Shape of the first output.

    Raises BadFileError when the call has none.
    """
    if not call.outputs:
        raise BadFileError(f"Call {call.index} ({call.op}) should have an output; it has none.")
    return call.outputs[0].shape


def argument(call: OpCall, name: str, kind: type[Kind]) -> Kind:
    """An argument of that kind.

    Raises BadFileError when the call has none.
    """
    value = call.arguments.get(name)
    if isinstance(value, kind):
        return value
    raise BadFileError(
        f"Call {call.index} ({call.op}) should have an argument {name} ({kind.__name__}); it has {value!r}."
    )


def argument_dims(call: OpCall, name: str) -> tuple[int, ...]:
    """An argument that is a list of integers; empty when it was not given."""
    value = call.arguments.get(name)
    entries = value if isinstance(value, tuple) else ()
    return tuple(entry for entry in entries if isinstance(entry, int))


def tensor_bytes(spec: TensorSpec) -> int:
    """Of all its elements, whether they lie apart in memory or not."""
    return prod(spec.shape) * spec.item_bytes


def distinct_elements(spec: TensorSpec) -> int:
    """Elements at different places in memory.

    An expanded axis (stride 0) shows the same elements again, and windows made by `unfold` overlap: what is there
    once can be read once. No view reaches more places than lie between its first and its last element.
    """
    if len(spec.strides) != len(spec.shape):  # sparse and opaque layouts have no strides
        return prod(spec.shape)
    elements = span = 1
    for size, stride in zip(spec.shape, spec.strides, strict=True):
        if size == 0:
            return 0
        if stride:
            elements *= size
            span += (size - 1) * stride
    return min(elements, span)

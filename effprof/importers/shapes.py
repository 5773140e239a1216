"""From what a trace records of an op's inputs to an OpCall's tensors, names and arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from math import prod
from typing import Any, Literal

from effprof.analyze.recorded_ops import recorded_op
from effprof.cost.aten_names import call_name
from effprof.importers.decoding import decode_lenient
from effprof.importers.events import RecordedTensors
from effprof.importers.limits import MAX_TENSORS
from effprof.importers.outputs import output_dtype, output_shape
from effprof.importers.schemas import GENERIC, SCHEMAS
from effprof.records import Argument, TensorSpec

MAX_ELEMENTS = 2**60
MAX_RANK = 64
MAX_VALUE_LENGTH = 1000
_TYPES: dict[str, tuple[str, int]] = {
    "float": ("float32", 4),
    "double": ("float64", 8),
    "c10::Half": ("float16", 2),
    "c10::BFloat16": ("bfloat16", 2),
    "long int": ("int64", 8),
    "long": ("int64", 8),
    "long long": ("int64", 8),
    "int": ("int32", 4),
    "short int": ("int16", 2),
    "short": ("int16", 2),
    "signed char": ("int8", 1),
    "unsigned char": ("uint8", 1),
    "bool": ("bool", 1),
    "c10::complex<float>": ("complex64", 8),
    "c10::complex<double>": ("complex128", 16),
    "c10::Float8_e4m3fn": ("float8_e4m3fn", 1),
    "c10::Float8_e5m2": ("float8_e5m2", 1),
    "c10::Float8_e4m3fnuz": ("float8_e4m3fnuz", 1),
    "c10::Float8_e5m2fnuz": ("float8_e5m2fnuz", 1),
}
"""The profiler's name of an element type -> torch's, and its bytes."""
_UNTYPED = ("unrecorded", 0)


@dataclass(frozen=True)
class Operands:
    """What an OpCall has of its tensors."""

    op: str
    inputs: tuple[TensorSpec, ...] = ()
    input_names: tuple[str, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    arguments: dict[str, Argument] = field(default_factory=dict)
    written: tuple[int, ...] = ()
    state: Literal["known", "shapes", "unknown"] = "unknown"


@dataclass(frozen=True)
class _Input:
    name: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    dtype: tuple[str, int]


class OperandTable:
    """Makes operands, one object for equal ones: a trace repeats itself.

    A trace has no identities of tensors. Ids are given so that none is met again as an input of a later call after
    being an output, which would be data flow. Beyond MAX_TENSORS different inputs, those of further ops are unknown.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._specs: dict[tuple[object, ...], TensorSpec] = {}
        self._operands: dict[tuple[str, RecordedTensors | None], Operands] = {}
        self._room = MAX_TENSORS

    @property
    def is_full(self) -> bool:
        """There were more different inputs than are kept."""
        return self._room < 0

    def operands(self, aten: str, recorded: RecordedTensors | None) -> Operands:
        """Of an op by torch's name, from what was recorded of it."""
        key = (aten, recorded)
        if key not in self._operands:
            self._operands[key] = self._make(aten, recorded)
        return self._operands[key]

    def _make(self, aten: str, recorded: RecordedTensors | None) -> Operands:
        known = recorded_op(aten)
        if recorded is None or self.is_full:
            return Operands(known.op)
        name = aten.rpartition("::")[2].rstrip("_") or aten
        names = SCHEMAS.get(name, GENERIC)
        inputs = tuple(islice(_inputs(names, recorded), self._room + 1))
        self._room -= len(inputs)
        if self.is_full:
            return Operands(known.op)
        arguments = dict(_arguments(names, recorded))
        shapes = {one.name: one.shape for one in inputs}
        _add_groups(shapes, arguments)
        op = _named_by_rank(known.op, shapes, arguments)
        specs = tuple(self._spec("in", position, one) for position, one in enumerate(inputs))
        shape = output_shape(op, shapes, arguments)
        if shape is None or not inputs or _elements(shape) > MAX_ELEMENTS:
            return Operands(op, specs, tuple(shapes), (), arguments)
        in_place = name != aten.rpartition("::")[2] and shape == inputs[0].shape
        sides = [(one.shape, one.dtype) for one in inputs]
        dtype = inputs[0].dtype if in_place else output_dtype(op, sides, arguments if recorded.values else None)
        output = _Input("output", shape, None, dtype or _UNTYPED)
        spec = self._spec("out", 0, output, specs[0].storage if in_place else None)
        typed = all(one.dtype is not _UNTYPED for one in (*inputs, output))
        return Operands(
            op, specs, tuple(shapes), (spec,), arguments, (0,) if in_place else (), "known" if typed else "shapes"
        )

    def _spec(self, side: str, position: int, one: _Input, storage: int | None = None) -> TensorSpec:
        key = (side, position, one.shape, one.strides, one.dtype, storage)
        if key not in self._specs:
            number = next(self._numbers)
            strides = one.strides if one.strides is not None else _contiguous(one.shape)
            home = number if storage is None else storage
            self._specs[key] = TensorSpec(number, home, one.shape, strides, *one.dtype)
        return self._specs[key]


def _inputs(names: tuple[str, ...], recorded: RecordedTensors) -> Iterator[_Input]:
    """The arguments that are tensors, elements of lists too."""
    dims = decode_lenient(recorded.dims, list[Any]) or []
    types = decode_lenient(recorded.types, list[Any]) or []
    strides = decode_lenient(recorded.strides, list[Any]) or []
    for position, shape in enumerate(dims[: len(names)]):
        kind = types[position] if position < len(types) else None
        stride = strides[position] if position < len(strides) else None
        if _is_shape(shape):
            dtype = _TYPES.get(kind) if isinstance(kind, str) else None
            if dtype is None and (not shape or kind):
                continue  # no tensor: an absent one, a number, a list of numbers
            yield _Input(names[position], tuple(shape), _strides(stride, shape), dtype or _UNTYPED)
        elif isinstance(shape, list) and shape and all(map(_is_shape, shape)):
            for number, part in enumerate(shape):
                yield _Input(f"{names[position]}.{number}", tuple(part), None, _UNTYPED)


def _is_shape(value: object) -> bool:
    if not isinstance(value, list) or len(value) > MAX_RANK:
        return False
    return all(type(size) is int and 0 <= size <= MAX_ELEMENTS for size in value) and _elements(value) <= MAX_ELEMENTS


def _elements(shape: Sequence[int]) -> int:
    """As strides count them, to which an axis without entries is one of a single entry."""
    return prod(max(size, 1) for size in shape)


def _strides(value: object, shape: list[int]) -> tuple[int, ...] | None:
    if not isinstance(value, list) or len(value) != len(shape) or not _are_small(value):
        return None
    return tuple(value)


def _are_small(value: list[Any]) -> bool:
    return all(type(size) is int and 0 <= size <= MAX_ELEMENTS for size in value)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(_elements(shape[axis + 1 :]) for axis in range(len(shape)))


def _arguments(names: tuple[str, ...], recorded: RecordedTensors) -> Iterator[tuple[str, Argument]]:
    """The arguments that are no tensors, where their values were recorded (`Concrete Inputs`, as text)."""
    values = decode_lenient(recorded.values, list[Any]) or []
    for name, value in zip(names, values, strict=False):
        if isinstance(value, str) and value:
            yield name, _value(value)


def _value(text: str) -> Argument:
    """`[16, 16]`, `True`, `0.1` as what they are, anything else as text."""
    if len(text) > MAX_VALUE_LENGTH:
        return text[:MAX_VALUE_LENGTH]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (bool, float)) or (type(item) is int and abs(item) < 2**63) for item in items):
        return text
    return tuple(items) if isinstance(value, list) else items[0]


def _named_by_rank(op: str, shapes: dict[str, tuple[int, ...]], arguments: dict[str, Argument]) -> str:
    """`convolution` of a weight with two places is `conv2d`, as elsewhere in effprof."""
    rank = len(shapes.get("weight", ()))
    if op == "conv_transpose":
        return f"{op}{rank - 2}d" if rank >= 3 else op
    return call_name(op, arguments, rank or None, mat2_is_weight=False)


def _add_groups(shapes: dict[str, tuple[int, ...]], arguments: dict[str, Argument]) -> None:
    """What old traces lack: as many groups as the input has times the channels of a filter."""
    weight, data = shapes.get("weight", ()), shapes.get("input") or shapes.get("self") or ()
    if "groups" in arguments or "transposed" in arguments or len(weight) < 3 or len(data) != len(weight):
        return
    if weight[1] > 0 and data[1] % weight[1] == 0:
        arguments["groups"] = data[1] // weight[1]

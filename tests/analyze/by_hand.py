"""Tensors, calls and profiles written by hand, and a tape that runs data movements on numpy while noting the calls."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from effprof.records import (
    Calibration,
    DeviceInfo,
    Environment,
    MeasuredOp,
    ModelInfo,
    ModuleInfo,
    Note,
    OpCall,
    Profile,
    Round,
    RunSpec,
    Samples,
    TensorSpec,
)

Shape = tuple[int, ...]


def tensor(
    number: int, shape: Shape, role: str = "activation", storage: int | None = None, values: Shape | None = None
) -> TensorSpec:
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    dtype, item_bytes = ("float32", 4) if values is None else ("int64", 8)
    storage = number if storage is None else storage
    return TensorSpec(number, storage, shape, strides, dtype, item_bytes, role, values)  # type: ignore[arg-type]


def call(
    index: int,
    op: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    *,
    names: Sequence[str] | None = None,
    layer: str = "",
    is_view: bool = False,
    written: Shape = (),
    **arguments: Any,
) -> OpCall:
    names = tuple(names or ("self", "other", "third")[: len(inputs)])
    return OpCall(
        index, op, f"aten::{op}", layer, None, tuple(inputs), names, tuple(outputs), arguments, written, is_view
    )


def conv(
    index: int,
    source: TensorSpec,
    weight: Shape,
    out: TensorSpec,
    *,
    groups: int = 1,
    layer: str = "",
    op: str = "conv2d",
) -> OpCall:
    weights = tensor(1000 + index, weight, "parameter")
    return call(index, op, (source, weights), (out,), names=("input", "weight"), layer=layer, groups=groups)


def one_round(
    plain: Sequence[float],
    instrumented: Sequence[float] = (),
    spans: Sequence[tuple[Shape, Sequence[float]]] = (),
    *,
    inside_s: float = 0.0,
    outside_s: float = 0.0,
    order: str | None = None,
    warmup: Sequence[float] = (),
    page_faults: Sequence[int] = (),
    stopped_because: str = "interval",
) -> Round:
    return Round(
        plain=Samples(tuple(plain), tuple(warmup), tuple(page_faults)),
        instrumented=Samples(tuple(instrumented)),
        ops=tuple(MeasuredOp(calls, tuple(times)) for calls, times in spans),
        calibration=Calibration(inside_s, outside_s, "planned"),
        order="AB" * len(instrumented) if order is None else order,
        stopped_because=stopped_because,
        timer="planned",
    )


def make_profile(
    calls: Sequence[OpCall],
    rounds: Sequence[Round] = (),
    modules: Sequence[ModuleInfo] = (),
    *,
    batch_size: int = 1,
    malloc: str = "default",
    notes: Sequence[Note] = (),
) -> Profile:
    return Profile(
        spec=RunSpec("net", device="fake", batch_size=batch_size, malloc=malloc),
        model=ModelInfo("net", "python", 0, 0, (), "float32", "contiguous", tuple(modules)),
        environment=Environment("0", "3", None, "any", None, "any", None, "2025-01-01T00:00:00Z"),
        device=DeviceInfo("fake", "fake", "fake", 1) if rounds else None,
        calls=tuple(calls),
        rounds=tuple(rounds),
        notes=tuple(notes),
    )


class Tape:
    """Data movements on a numpy array of 0 .. n-1, each noted as the call that torch would have made.

    `values[id]` is what the tensor with that id really holds, so a claim about the calls can be checked.
    """

    def __init__(self, shape: Shape) -> None:
        self.calls: list[OpCall] = []
        self.values: dict[int, np.ndarray[Any, Any]] = {}
        self.start = self._note(np.arange(prod(shape)).reshape(shape))

    def view(self, source: TensorSpec, shape: Shape, op: str = "view") -> TensorSpec:
        return self._move(op, [source], [self.values[source.id].reshape(shape)])[0]

    def permute(self, source: TensorSpec, dims: Shape) -> TensorSpec:
        return self._move("permute", [source], [self.values[source.id].transpose(dims)], dims=dims)[0]

    def transpose(self, source: TensorSpec, dim0: int, dim1: int) -> TensorSpec:
        moved = self.values[source.id].swapaxes(dim0, dim1)
        return self._move("transpose", [source], [moved], dim0=dim0, dim1=dim1)[0]

    def copy(self, source: TensorSpec, op: str = "contiguous") -> TensorSpec:
        return self._move(op, [source], [self.values[source.id].copy()])[0]

    def chunk(self, source: TensorSpec, chunks: int, dim: int) -> list[TensorSpec]:
        return self._move("chunk", [source], np.split(self.values[source.id], chunks, dim), dim=dim, chunks=chunks)

    def unbind(self, source: TensorSpec, dim: int) -> list[TensorSpec]:
        pieces = list(np.moveaxis(self.values[source.id], dim, 0))
        return self._move("unbind", [source], pieces, dim=dim)

    def every(self, source: TensorSpec, dim: int, start: int, step: int) -> TensorSpec:
        taken = self.values[source.id][(slice(None),) * dim + (slice(start, None, step),)]
        return self._move("slice", [source], [taken], dim=dim, start=start, end=2**63 - 1, step=step)[0]

    def stack(self, sources: Sequence[TensorSpec], dim: int) -> TensorSpec:
        return self._move("stack", sources, [np.stack([self.values[s.id] for s in sources], dim)], dim=dim)[0]

    def cat(self, sources: Sequence[TensorSpec], dim: int) -> TensorSpec:
        return self._move("cat", sources, [np.concatenate([self.values[s.id] for s in sources], dim)], dim=dim)[0]

    def _move(
        self, op: str, sources: Sequence[TensorSpec], results: Sequence[np.ndarray[Any, Any]], **arguments: Any
    ) -> list[TensorSpec]:
        outputs = [self._note(result) for result in results]
        is_view = all(np.shares_memory(result, self.values[sources[0].id]) for result in results)
        names = ["self"] if len(sources) == 1 else [f"tensors.{i}" for i in range(len(sources))]
        self.calls.append(call(len(self.calls), op, sources, outputs, names=names, is_view=is_view, **arguments))
        return outputs

    def _note(self, values: np.ndarray[Any, Any]) -> TensorSpec:
        spec = tensor(len(self.values), values.shape)
        self.values[spec.id] = values
        return spec

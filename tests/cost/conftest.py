"""Calls made by hand, and torch's own counter to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from effprof.records import Argument, OpCall, TensorSpec

Like = TensorSpec | torch.Tensor | tuple[int, ...]
"""A tensor to be described: a real one, or the shape of a contiguous float32."""


def spec_of(like: Like, identity: int | None = None) -> TensorSpec:
    """Describes a tensor. Without an identity it is one of its own, in a storage of its own."""
    if isinstance(like, TensorSpec):
        return like
    tensor = torch.empty(like, device="meta") if isinstance(like, tuple) else like
    number = id(tensor) if identity is None else identity
    return TensorSpec(
        number, number, tuple(tensor.shape), tensor.stride(), str(tensor.dtype)[6:], tensor.element_size()
    )


def make_call_(
    op: str,
    inputs: Mapping[str, Like],
    outputs: Sequence[Like],
    arguments: dict[str, Argument] | None = None,
    *,
    written: tuple[int, ...] = (),
    is_view: bool = False,
) -> OpCall:
    return OpCall(
        index=0,
        op=op,
        aten=f"aten::{op}",
        layer="",
        source=None,
        inputs=tuple(spec_of(like, 100 + i) for i, like in enumerate(inputs.values())),
        input_names=tuple(inputs),
        outputs=tuple(spec_of(like, 200 + i) for i, like in enumerate(outputs)),
        arguments=arguments or {},
        written=written,
        is_view=is_view,
    )


def torch_mult_adds_(run: Callable[[], Any]) -> int:
    """Half of what torch's counter finds in the parts of a computation on meta; products with vectors added."""
    aten = torch.ops.aten
    vector_products = {
        aten.mv: lambda matrix, vector, **_: 2 * prod(matrix),
        aten.dot: lambda left, right, **_: 2 * prod(left),
    }
    with (
        torch.no_grad(),
        torch.device("meta"),
        FlopCounterMode(display=False, custom_mapping=vector_products) as counter,
    ):
        run()
    flops: int = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


@pytest.fixture(scope="session")
def make_call() -> Callable[..., OpCall]:
    return make_call_


@pytest.fixture(scope="session")
def spec() -> Callable[..., TensorSpec]:
    return spec_of


@pytest.fixture(scope="session")
def torch_mult_adds() -> Callable[[Callable[[], Any]], int]:
    return torch_mult_adds_

"""Ops of a recorded trace: what their names say, where shapes may be missing and the pass may be a backward one.

A backward op has the category of its forward op. torch names it `<forward>_backward`, some with what they return
(`_data`, `_input`, `_weight`) behind it; the autograd nodes around them (`ConvolutionBackward0`) are no ops.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from effprof.analyze.categories import UNKNOWN, Placement, place
from effprof.analyze.kernel_names import NAMES_KEPT
from effprof.cost.aten_names import CONVOLUTIONS as TORCH_CONVOLUTIONS
from effprof.cost.aten_names import base_name
from effprof.records import Category, OpCall

_BACKWARD_OP = re.compile(r"(?P<forward>.+?)_backward(?:_(?:data|input|weight|bias|self|overrideable))*")
_BACKWARD_NODE = re.compile(r"autograd::engine::evaluate_function: .*|torch::autograd::\w+|\w+Backward\d*")
_COMM_PREFIXES = ("nccl:", "gloo:", "mpi:", "ucc:", "nvshmem:", "record_param_comms", "c10d::")
_ALIASES = {
    "embedding_dense": "embedding",
    "embedding_sparse": "embedding",
    "_flash_attention": "_flash_attention_forward",
    "_efficient_attention": "_efficient_attention_forward",
    "_cudnn_attention": "_cudnn_attention_forward",
    "_thnn_differentiable_lstm_cell": "_thnn_fused_lstm_cell",
    "_cat": "cat",
    "cudnn_convolution_add_relu": "convolution",
    "cudnn_convolution_relu": "convolution",
    "miopen_convolution_add_relu": "convolution",
    "miopen_convolution_relu": "convolution",
}
_ONLY_TRACED = {
    "_amp_foreach_non_finite_check_and_unscale": Placement(Category.ELEMWISE, "arithmetic"),
    "_amp_update_scale": Placement(Category.ELEMWISE, "arithmetic"),
}
_COMM = Placement(Category.COMM, "collective")


@dataclass(frozen=True)
class RecordedOp:
    """What the name of an op says."""

    op: str
    """effprof's name: `relu`, `convolution`, `convolution_backward`."""
    forward: str
    """Of a backward op its forward's name, else the same as `op`."""
    placement: Placement | None
    """None where no table knows the op."""
    is_backward: bool
    """It is a backward op, or a node of the backward pass."""


@lru_cache(maxsize=NAMES_KEPT)
def recorded_op(name: str) -> RecordedOp:
    """What `aten::cudnn_convolution_backward_input`, `ReluBackward0` or `mylib::spin` says."""
    if name.startswith(_COMM_PREFIXES):
        return RecordedOp(name, name, _COMM, False)
    match = _BACKWARD_OP.fullmatch(name)
    forward = _forward_name(base_name(match["forward"] if match else name))
    op = f"{forward}_backward" if match else forward
    is_backward = match is not None or _BACKWARD_NODE.fullmatch(name) is not None
    return RecordedOp(op, forward, _placement(forward), is_backward)


def place_recorded(call: OpCall) -> Placement | None:
    """Category and kind of a recorded call, by its shapes too where it has them; None where no table knows it."""
    if not call.inputs and not call.arguments:
        return place_by_name(call.aten)
    known = recorded_op(call.aten)
    if known.placement is None or known.forward in _ONLY_TRACED or known.placement is _COMM:
        return known.placement
    placement = place(replace(call, op=known.forward) if known.is_backward else call)
    if placement.category is Category.CONV and call.tensor("weight") is None:
        return Placement(Category.CONV, "transposed" if "transpose" in call.aten else "unrecorded")
    return known.placement if placement == UNKNOWN else placement


@lru_cache(maxsize=NAMES_KEPT)
def place_by_name(name: str) -> Placement | None:
    """Of an op of which nothing but the name was recorded."""
    known = recorded_op(name)
    if known.placement is not None and known.placement.category is Category.CONV:
        return Placement(Category.CONV, "transposed" if "transpose" in name else "unrecorded")
    return known.placement


def _forward_name(name: str) -> str:
    name = _ALIASES.get(name, name)
    if name in TORCH_CONVOLUTIONS:
        return "conv_transpose" if "transpose" in name else "convolution"
    return base_name(f"aten::{name}") if "::" not in name else name


def _placement(op: str) -> Placement | None:
    if op in _ONLY_TRACED:
        return _ONLY_TRACED[op]
    if op == "conv_transpose":
        return Placement(Category.CONV, "transposed")
    placement = place(OpCall(0, op, f"aten::{op}", "", None, (), (), ()))
    return None if placement == UNKNOWN else placement

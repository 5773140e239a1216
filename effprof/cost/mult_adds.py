"""Multiply-adds of convolutions and matrix products, from tensor shapes alone.

One multiplication with its addition counts 1 (the "FLOPs" of the paper; `flops` elsewhere is twice this). Formulas
are those of the dense, naive definition: padding is multiplied like any other value, masks and causality save
nothing, a fused kernel does what its parts would do. Bias, normalisation, activation, pooling, element-wise
arithmetic and moving data count 0 and are listed in `free_ops`. For every op that `torch.utils.flop_counter` knows the
result is half of its count.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from effprof.cost.contraction import chain_mult_adds, einsum_mult_adds
from effprof.cost.free_ops import FREE_OPS
from effprof.cost.tensors import argument, argument_dims, list_of, output_shape, tensor
from effprof.records import OpCall


def mult_adds_of(call: OpCall) -> int | None:
    """Multiply-adds of one call; None when no table knows the op."""
    if call.op in FREE_OPS:
        return 0
    formula = MULT_ADDS.get(call.op)
    if formula is not None:
        return formula(call)
    # A view of torch's is free whatever it is called; a foreign op that returns no tensor may have done anything.
    return 0 if call.is_view and (call.outputs or "::" not in call.op) else None


# --------------------------------------------------------------------------------------------------- convolutions


def conv(call: OpCall) -> int:
    """Every output element is a product of one filter with as many inputs; groups are in the weight's shape.

    input (N, C, ...), weight (C_out, C / groups, ...), output (N, C_out, ...); the batch axis may be missing.
    """
    return prod(output_shape(call)) * prod(tensor(call, "weight").shape[1:])


def conv_transpose(call: OpCall) -> int:
    """Every input element is multiplied by one filter and spread out.

    input (N, C, ...), weight (C, C_out / groups, ...): the input's places count, not the output's.
    """
    return prod(tensor(call, "input", "self").shape) * prod(tensor(call, "weight").shape[1:])


def conv_tbc(call: OpCall) -> int:
    """self (T, B, C), weight (K, C, C_out), output (T', B, C_out)."""
    return prod(output_shape(call)) * prod(tensor(call, "weight").shape[:2])


# ------------------------------------------------------------------------------------------------ matrix products


def matmul(call: OpCall) -> int:
    """Output elements times the length of the contracted axis, for vectors, matrices and broadcast batches alike."""
    return prod(output_shape(call)) * tensor(call, "self").shape[-1]


def mm_with_bias(call: OpCall) -> int:
    """addmm, baddbmm: mat1 or batch1 (..., m, k), output (..., m, n)."""
    return prod(output_shape(call)) * tensor(call, "mat1", "batch1").shape[-1]


def addbmm(call: OpCall) -> int:
    """batch1 (b, m, k), batch2 (b, k, n) summed over b into (m, n)."""
    batch, _, inner = tensor(call, "batch1").shape
    return prod(output_shape(call)) * batch * inner


def addmv(call: OpCall) -> int:
    """mat (m, k), vec (k)."""
    return prod(tensor(call, "mat").shape)


def dot(call: OpCall) -> int:
    """self (k), other (k)."""
    return prod(tensor(call, "self").shape)


def vecdot(call: OpCall) -> int:
    """x (k), y (k) is torch's vdot; for more axes torch multiplies and sums element by element, which is arithmetic."""
    shape = tensor(call, "x").shape
    return prod(shape) if len(shape) == 1 else 0


def inner(call: OpCall) -> int:
    """self (..., k), other (..., k); with a scalar it is a plain product, which is arithmetic."""
    first, second = tensor(call, "self"), tensor(call, "other")
    return prod(output_shape(call)) * first.shape[-1] if first.shape and second.shape else 0


def tensordot(call: OpCall) -> int:
    """self and other contracted over the axes `dims_self` and `dims_other`."""
    shape = tensor(call, "self").shape
    return prod(output_shape(call)) * prod(shape[axis] for axis in argument_dims(call, "dims_self"))


def linear(call: OpCall) -> int:
    """input (..., k), weight (n, k); or addmm's mat1 (m, k) where the composite was taken apart."""
    return prod(output_shape(call)) * tensor(call, "input", "mat1", "self").shape[-1]


def bilinear(call: OpCall) -> int:
    """input1 (..., k1), input2 (..., k2), weight (n, k1, k2): x1 @ W_n, then its product with x2, for every n.

    `_trilinear`, its only part, has the same operands as i1, i3 and i2.
    """
    _, k1, k2 = tensor(call, "weight", "i2").shape
    return prod(output_shape(call)) * (k1 * k2 + k2)


def affine_grid(call: OpCall) -> int:
    """theta (N, d, d + 1) times the coordinates of every place; output (N, ..., d)."""
    return prod(output_shape(call)) * tensor(call, "theta").shape[-1]


def chain(call: OpCall) -> int:
    """Matrices multiplied in the cheapest order."""
    return chain_mult_adds([spec.shape for spec in list_of(call, "tensors") or list_of(call, "matrices")])


def einsum(call: OpCall) -> int:
    """Pairwise, in the order torch takes."""
    shapes = [spec.shape for spec in list_of(call, "tensors")]
    return einsum_mult_adds(argument(call, "equation", str), shapes, argument_dims(call, "path"))


# ------------------------------------------------------------------------------------------------------ attention


def scaled_dot_product_attention(call: OpCall) -> int:
    """query (..., h, l, e), key (..., h_kv, s, e), value (..., h_kv, s, e_v): query @ key^T, then scores @ value.

    Grouped-query attention repeats keys and values, so the query's heads count (they are the output's).
    """
    query, key, value = (tensor(call, name).shape for name in ("query", "key", "value"))
    scores = prod(output_shape(call)[:-1]) * key[-2]
    return scores * (query[-1] + value[-1])


def native_multi_head_attention(call: OpCall) -> int:
    """query (b, l, e), key and value (b, s, e), qkv_weight (3e, e), proj_weight (e, e).

    In-projections of all three, scores, values and out-projection; the number of heads cancels out.
    """
    query, key, value = (tensor(call, name).shape for name in ("query", "key", "value"))
    embed = query[-1]
    in_projection = (prod(query) + prod(key) + prod(value)) * embed
    return in_projection + 2 * prod(query) * key[-2] + prod(query) * embed


def transformer_encoder_layer(call: OpCall) -> int:
    """src (b, l, e): self-attention as above, then the feed-forward of ffn_weight_1 (f, e) and ffn_weight_2 (e, f)."""
    src = tensor(call, "src").shape
    embed = src[-1]
    rows = prod(src[:-1])
    attention = 3 * rows * embed * embed + 2 * rows * src[-2] * embed + rows * embed * embed
    feed_forward = rows * (prod(tensor(call, "ffn_weight_1").shape) + prod(tensor(call, "ffn_weight_2").shape))
    return attention + feed_forward


# ------------------------------------------------------------------------------------------------------ recurrent


def recurrent(call: OpCall) -> int:
    """Every row of every step is multiplied by every weight matrix of every layer and direction (projections too).

    input (T, N, C), or packed data (rows, C); params hold the matrices and, as vectors, the biases.
    """
    rows = prod(tensor(call, "input", "data").shape[:-1])
    weights = list_of(call, "params") or list_of(call, "weight")
    return rows * sum(prod(spec.shape) for spec in weights if len(spec.shape) == 2)


def recurrent_cell(call: OpCall) -> int:
    """input (N, C), w_ih (gates * h, C), w_hh (gates * h, h)."""
    rows = prod(tensor(call, "input").shape[:-1])
    return rows * (prod(tensor(call, "w_ih").shape) + prod(tensor(call, "w_hh").shape))


def mkldnn_rnn_layer(call: OpCall) -> int:
    """One layer and direction: input (T, N, C), weight0 (gates * h, C), weight1 (gates * h, h)."""
    rows = prod(tensor(call, "input").shape[:-1])
    return rows * (prod(tensor(call, "weight0").shape) + prod(tensor(call, "weight1").shape))


MULT_ADDS: dict[str, Callable[[OpCall], int]] = {
    "conv1d": conv,
    "conv2d": conv,
    "conv3d": conv,
    "conv_transpose1d": conv_transpose,
    "conv_transpose2d": conv_transpose,
    "conv_transpose3d": conv_transpose,
    "conv_tbc": conv_tbc,
    # what is left of a convolution where torch has no composite for it
    "_conv_depthwise2d": conv,
    "conv_depthwise3d": conv,
    "thnn_conv2d": conv,
    "_slow_conv2d_forward": conv,
    "slow_conv3d": conv,
    "slow_conv3d_forward": conv,
    "slow_conv_dilated2d": conv,
    "slow_conv_dilated3d": conv,
    "slow_conv_transpose2d": conv_transpose,
    "slow_conv_transpose3d": conv_transpose,
    "torchvision::deform_conv2d": conv,
    "linear": linear,
    "mkldnn_linear": linear,
    "matmul": matmul,
    "linalg_matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "mv": matmul,
    "_scaled_mm": matmul,
    "addmm": mm_with_bias,
    "_addmm_activation": mm_with_bias,
    "baddbmm": mm_with_bias,
    "addbmm": addbmm,
    "addmv": addmv,
    "dot": dot,
    "vdot": dot,
    "linalg_vecdot": vecdot,
    "inner": inner,
    "tensordot": tensordot,
    "einsum": einsum,
    "chain_matmul": chain,
    "linalg_multi_dot": chain,
    "bilinear": bilinear,
    "_trilinear": bilinear,
    "affine_grid_generator": affine_grid,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "_native_multi_head_attention": native_multi_head_attention,
    "_transformer_encoder_layer_fwd": transformer_encoder_layer,
    "lstm": recurrent,
    "gru": recurrent,
    "rnn_tanh": recurrent,
    "rnn_relu": recurrent,
    "_cudnn_rnn": recurrent,
    "miopen_rnn": recurrent,
    "lstm_cell": recurrent_cell,
    "gru_cell": recurrent_cell,
    "rnn_tanh_cell": recurrent_cell,
    "rnn_relu_cell": recurrent_cell,
    "mkldnn_rnn_layer": mkldnn_rnn_layer,
}
"""Every op that multiplies and adds, by effprof's name for it."""

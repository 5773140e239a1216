"""Memory access of one call, from tensor shapes alone: the paper's MAC (Ma et al., ECCV 2018, equations 1 and 2).

Inputs are read once, weights are read once, outputs are written once. Caches, padding to blocks and kernels that
read a value again are ignored, so real traffic may be higher, or lower where a value is still in a cache.

Rules, and why:

- A view moves nothing, and neither do ops that change only a tensor's shape in place, nor dropout outside training.
- A tensor given twice (`x * x`) is one input: read once. So is an expanded axis or an overlapping window: what is in
  memory once is read once.
- Filling, creating and copying into a tensor need its shape only: its old values are not read. `empty` writes
  nothing. A bias multiplied by `beta = 0` is not read.
- A lookup (`embedding`, `index_select`, `gather`, `x[i]`) reads the entries it delivers, never more than the table
  has, and the index. A write through an index (`x[i] = v`) touches the entries it changes; how many a mask changes
  cannot be known from shapes, so it touches all.
- A tensor written in place is written once, also when it is returned; an output that is a view of an unwritten input
  is not written.
- Where torch's composite op returns less than the parts it is made of (batch_norm's saved statistics, max_pool's
  indices, attention's log-sum-exp), only what the composite returns counts, so that both spellings of the same
  network cost the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from effprof.cost.op_names import names
from effprof.cost.tensors import argument, distinct_elements, list_of, tensor
from effprof.records import OpCall, TensorSpec

METADATA_OPS = names("as_strided detach requires_grad resize set squeeze swapaxes swapdims t transpose unsqueeze")
"""Torch's schema says that `squeeze_` and its like write their input; what they write is its shape."""

DROPOUTS = frozenset({"dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout", "native_dropout"})

UNWRITTEN_OUTPUTS = frozenset(
    {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}
)

UNREAD_INPUTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        names(
            """
            copy fill zero zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_empty
            new_empty_strided new_full new_ones new_zeros normal uniform random exponential geometric cauchy
            log_normal
            """
        ),
        frozenset({"self"}),
    ),
    **dict.fromkeys(names("expand_as reshape_as type_as view_as to"), frozenset({"other"})),
}
"""Inputs of which the op needs shape, type or address, but not the values."""

BETA_OPS = frozenset({"addmm", "baddbmm", "addbmm", "addmv", "addr", "linear", "_addmm_activation"})
"""beta * self + product: torch does not look at self when beta is 0."""

LOOKUP_TABLES: dict[str, str] = {
    "embedding": "weight",
    **dict.fromkeys(
        names(
            """
            gather index _unsafe_index index_select masked_select narrow_copy select_copy slice_copy take
            take_along_dim
            """
        ),
        "self",
    ),
}
"""Ops that read part of one input, and that input's name."""

EMBEDDING_BAGS = frozenset({"embedding_bag", "_embedding_bag", "_embedding_bag_forward_only"})

LIST_INDEXED_WRITES = frozenset({"index_put", "_index_put_impl", "_unsafe_index_put"})
AXIS_INDEXED_WRITES = frozenset({"index_add", "index_copy", "index_fill", "index_reduce"})
ELEMENT_INDEXED_WRITES = frozenset({"put", "scatter", "scatter_add", "scatter_reduce"})
INDEXED_WRITES = LIST_INDEXED_WRITES | AXIS_INDEXED_WRITES | ELEMENT_INDEXED_WRITES
"""Ops that write part of `self`: at a list of indices, along an axis, or one element for each index."""

ACCUMULATING_WRITES = frozenset({"index_add", "index_reduce", "scatter_add", "scatter_reduce"})

COMPOSITE_OUTPUTS: dict[str, int] = {
    **dict.fromkeys(
        names(
            """
            batch_norm layer_norm group_norm rms_norm _fused_rms_norm max_pool1d max_pool2d max_pool3d
            max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices scaled_dot_product_attention
            embedding_bag _embedding_bag _embedding_bag_forward_only native_dropout log_sigmoid_forward
            nll_loss_forward nll_loss2d_forward _weight_norm_interface _ctc_loss _thnn_fused_gru_cell
            """
        ),
        1,
    ),
    "_thnn_fused_lstm_cell": 2,
    "mkldnn_rnn_layer": 3,
    "_cudnn_rnn": 3,
}
"""How many outputs the composite op has; those that follow are kept for a backward pass."""


@dataclass(frozen=True)
class Access:
    read_elements: int = 0
    read_bytes: int = 0
    write_elements: int = 0
    write_bytes: int = 0


def access_of(call: OpCall) -> Access:
    """What one call reads and writes, in elements and bytes."""
    if moves_nothing(call):
        return Access()
    # by id: a tensor given or returned twice is one tensor
    reads = {spec.id: (elements, spec.item_bytes) for spec, elements in read_parts(call)}.values()
    writes = {spec.id: (elements, spec.item_bytes) for spec, elements in written_parts(call)}.values()
    return Access(
        read_elements=sum(elements for elements, _ in reads),
        read_bytes=sum(elements * item_bytes for elements, item_bytes in reads),
        write_elements=sum(elements for elements, _ in writes),
        write_bytes=sum(elements * item_bytes for elements, item_bytes in writes),
    )


def moves_nothing(call: OpCall) -> bool:
    """Views, in-place changes of shape, and dropout that drops nothing."""
    if call.is_view or (call.op in METADATA_OPS and call.written):
        return True
    return call.op in DROPOUTS and call.arguments.get("train") is False


# ---------------------------------------------------------------------------------------------------------- reads


def read_parts(call: OpCall) -> Iterable[tuple[TensorSpec, int]]:
    """Every input that is read, and how many of its elements are."""
    unread = unread_inputs(call)
    limits = read_limits(call)
    for spec, name in zip(call.inputs, call.input_names, strict=True):
        if name not in unread:
            elements = distinct_elements(spec)
            yield spec, min(elements, limits.get(name, elements))


def unread_inputs(call: OpCall) -> frozenset[str]:
    """Names of the inputs whose values the call does not look at."""
    unread = UNREAD_INPUTS.get(call.op, frozenset())
    beta_is_zero = call.op in BETA_OPS and call.arguments.get("beta") == 0
    # bernoulli(p) reads probabilities, x.bernoulli_(0.5) overwrites x
    draws_in_place = call.op == "bernoulli" and bool(call.written)
    overwrites_entries = bool(call.written) and call.op in INDEXED_WRITES and not accumulates(call)
    return unread | {"self"} if beta_is_zero or draws_in_place or overwrites_entries else unread


def read_limits(call: OpCall) -> dict[str, int]:
    """The most elements that are read of inputs of which the call reads a part."""
    if call.op in LOOKUP_TABLES:
        return {LOOKUP_TABLES[call.op]: sum(prod(spec.shape) for spec in call.outputs)}
    if call.op in EMBEDDING_BAGS:
        return {"weight": prod(tensor(call, "indices").shape) * tensor(call, "weight").shape[-1]}
    if call.op in INDEXED_WRITES and call.written:
        changed = changed_elements(call)
        return {"self": changed, "src": changed}
    return {}


# --------------------------------------------------------------------------------------------------------- writes


def written_parts(call: OpCall) -> Iterable[tuple[TensorSpec, int]]:
    """Every tensor that is written, and how many of its elements are."""
    if call.op in UNWRITTEN_OUTPUTS:
        return
    written = [call.inputs[position] for position in call.written]
    only_read = {spec.storage for spec in call.inputs} - {spec.storage for spec in written}
    outputs = [spec for spec in call.outputs[: COMPOSITE_OUTPUTS.get(call.op)] if spec.storage not in only_read]
    returned = {spec.storage for spec in outputs}
    for spec in [*outputs, *(spec for spec in written if spec.storage not in returned)]:
        elements = distinct_elements(spec)
        partly = bool(written) and call.op in INDEXED_WRITES
        yield spec, min(elements, changed_elements(call)) if partly else elements


def accumulates(call: OpCall) -> bool:
    """Whether a write through an index combines with the old values."""
    return call.op in ACCUMULATING_WRITES or bool(call.arguments.get("accumulate") or call.arguments.get("reduce"))


def changed_elements(call: OpCall) -> int:
    """Elements of `self` that a write through an index touches; all of them for a mask."""
    shape = tensor(call, "self").shape
    if call.op in LIST_INDEXED_WRITES:
        return list_indexed_elements(call, shape)
    indices = prod(tensor(call, "index").shape)
    if call.op in ELEMENT_INDEXED_WRITES:
        return indices
    axis = argument(call, "dim", int) % max(len(shape), 1)
    return indices * prod(size for position, size in enumerate(shape) if position != axis)


def list_indexed_elements(call: OpCall, shape: tuple[int, ...]) -> int:
    """`x[i, j]`: the indices broadcast together, times the axes that have no index."""
    indices = list_of(call, "indices")
    if any(spec.dtype in ("bool", "uint8") for spec in indices):
        return prod(shape)
    axes = {int(name.rpartition(".")[2]) for name in call.input_names if name.startswith("indices.")}
    picked = prod(broadcast_shape([spec.shape for spec in indices]))
    return picked * prod(size for axis, size in enumerate(shape) if axis not in axes)


def broadcast_shape(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of tensors of these shapes combined element by element."""
    rank = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*padded, strict=True))

"""Which of the nine categories a call belongs to: one plain table, operator name -> (category, kind).

Here a call is judged on its own. Channel shuffles made of several calls are found in `shuffle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Literal, NamedTuple

from effprof.analyze.op_tables import COMM_NAMESPACES, CONVOLUTIONS, KINDS, REDUCTIONS
from effprof.records import Category, OpCall, Share

DepthwiseAs = Literal["conv", "elemwise"]


class Placement(NamedTuple):
    """Where a call belongs."""

    category: Category
    kind: str


VIEW = Placement(Category.OVERHEAD, "view")
UNKNOWN = Placement(Category.OTHER, "unknown")

_PLACEMENTS = {name: Placement(category, kind) for (category, kind), names in KINDS.items() for name in names.split()}


def place(call: OpCall, depthwise_as: DepthwiseAs = "conv") -> Placement:
    """Category and kind of one call; an operator in no table is (other, unknown), a zero-copy view (overhead, view)."""
    if call.is_view:
        return VIEW
    if call.op in CONVOLUTIONS:
        kind = convolution_kind(call)
        moved = kind == "depthwise" and depthwise_as == "elemwise"
        return Placement(Category.ELEMWISE if moved else Category.CONV, kind)
    if call.op in REDUCTIONS:
        return _place_reduction(call)
    if call.op.partition("::")[0] in COMM_NAMESPACES:
        return Placement(Category.COMM, "collective")
    if call.op.startswith("_foreach_"):
        return Placement(Category.ELEMWISE, "arithmetic")
    return _PLACEMENTS.get(call.op, UNKNOWN)


def convolution_kind(call: OpCall) -> str:
    """`transposed`, `depthwise` (as many groups as input channels, any multiplier), `grouped`, `pointwise` or `dense`.

    The weight has the shape (out, in / groups, *kernel).
    """
    if "transpose" in call.op or call.arguments.get("transposed"):
        return "transposed"
    weight = call.tensor("weight")
    if weight is None or len(weight.shape) < 3 or call.op == "conv_tbc":
        return "dense"
    groups = call.arguments.get("groups", call.arguments.get("n_weight_grps", 1))
    if isinstance(groups, int) and groups > 1:
        return "depthwise" if weight.shape[1] == 1 else "grouped"
    return "pointwise" if prod(weight.shape[2:]) == 1 else "dense"


def _place_reduction(call: OpCall) -> Placement:
    """A sum, mean or maximum is pooling when it runs over all places of an image or all tokens of a sequence.

    That is: over axes from the third on, over both middle axes of a channels-last image, or over one of the two last
    axes of a (batch, tokens, channels) tensor. Over the batch, the channels or everything it is arithmetic.
    """
    pooled = bool(call.inputs) and _is_spatial(_reduced_axes(call), len(call.inputs[0].shape))
    return Placement(Category.POOL, "reduction") if pooled else Placement(Category.ELEMWISE, "arithmetic")


def _reduced_axes(call: OpCall) -> set[int]:
    rank = len(call.inputs[0].shape)
    dims = call.arguments.get("dim")
    if isinstance(dims, int) and not isinstance(dims, bool):
        dims = (dims,)
    if not isinstance(dims, tuple) or not dims:
        return set(range(rank))
    return {dim % rank for dim in dims if isinstance(dim, int) and rank}


def _is_spatial(axes: set[int], rank: int) -> bool:
    if not axes or 0 in axes or rank < 3:
        return False
    return axes == {1} if rank == 3 and 1 in axes else min(axes) >= 2 or (rank == 4 and axes == {1, 2})


def paper_categories(shares: Iterable[Share]) -> dict[str, float | None]:
    """Fractions of the latency in the five categories of Figure 2 of ShuffleNet V2 (Ma et al., ECCV 2018).

    Conv = conv, Elemwise = elemwise, Data = data_io, Shuffle = shuffle, Other = the rest with overhead. What is still
    missing to 1 is the residual. None where nothing was timed.
    """
    own_bar = {
        Category.CONV: "Conv",
        Category.ELEMWISE: "Elemwise",
        Category.DATA_IO: "Data",
        Category.SHUFFLE: "Shuffle",
    }
    fractions: dict[str, float | None] = {"Conv": 0.0, "Elemwise": 0.0, "Data": 0.0, "Shuffle": 0.0, "Other": 0.0}
    for share in shares:
        name = own_bar.get(share.category, "Other")
        so_far = fractions[name]
        fractions[name] = None if so_far is None or share.fraction is None else so_far + share.fraction
    return fractions

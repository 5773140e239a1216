"""Channel and pixel shuffles, found by following the data from call to call.

A channel shuffle permutes the entries of one axis and nothing else, whatever it is spelled with. Each tensor that
views and copies make is described in terms of every tensor it came from (see `arrangement`); when by such a
description two parts of one axis were swapped, the copies on the way are the shuffle. The views stay overhead.

Not shuffles: attention heads, NCHW to NHWC, flattening, window partition and patch merging (they move more than one
axis, or places instead of channels), and joining two halves in the other order, which is a roll.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from effprof.analyze.arrangement import (
    Arrangement,
    identity,
    invert,
    is_channel_shuffle,
    is_pixel_shuffle,
)
from effprof.analyze.data_flow import arrange, axis_of, sources
from effprof.records import OpCall, TensorSpec

MAX_ORIGINS = 16
"""How many steps a chain of views and copies is followed back; the longest spelling known has six."""


class Descent(NamedTuple):
    """One tensor in terms of one of its ancestors."""

    origin: TensorSpec
    arrangement: Arrangement
    copies: frozenset[int]
    """Indices of the calls between the two that moved data."""


Family = tuple[Descent, ...]
"""The descents of one tensor, nearest ancestor first."""


def find_shuffles(calls: Iterable[OpCall]) -> dict[int, str]:
    """Call index -> `channel`, `pixel` or `assumed`, for the calls that copy data as part of a shuffle."""
    families: dict[int, Family] = {}
    found: dict[int, str] = {}
    for call in calls:
        kind = permuting_index(call)
        if kind is not None:
            found[call.index] = kind
            continue
        parents = [with_itself(source, families.get(source.id, ())) for source in sources(call)]
        if not parents:
            continue
        for position, output in enumerate(call.outputs):
            family = tuple(descend(call, position, parents))[:MAX_ORIGINS]
            shuffle = _find_claim(family, output)
            found.update(shuffle)
            # What was shuffled starts a new chain: shuffled back, it is a shuffle again and not nothing.
            families[output.id] = () if shuffle else family
    return found


def permuting_index(call: OpCall) -> str | None:
    """`channel` when an index permutes the entries of one axis, `assumed` when it may, None otherwise.

    An index whose values are unknown (on meta) is assumed to permute when it is as long as the channel axis, the
    second one of a tensor with at least three.
    """
    if call.op not in ("index", "index_select") or len(call.inputs) != 2:
        return None
    data, index = call.inputs
    axis = axis_of(call, "dim") if call.op == "index_select" else int(call.input_names[1].rpartition(".")[2])
    if len(index.shape) != 1 or axis >= len(data.shape) or index.shape[0] != data.shape[axis] or index.shape[0] < 2:
        return None
    if index.values is None:
        return "assumed" if axis == 1 and len(data.shape) >= 3 and index.dtype.startswith("int") else None
    length = index.shape[0]
    values = [value % length for value in index.values]
    return "channel" if sorted(values) == list(range(length)) != values else None


def with_itself(source: TensorSpec, family: Family) -> Family:
    own = identity(source.shape)
    return () if own is None else (Descent(source, own, frozenset()), *family)


def descend(call: OpCall, position: int, parents: list[Family]) -> Iterator[Descent]:
    """The descents of one output: those ancestors that all sources have in common."""
    others = [{descent.origin.id: descent for descent in family} for family in parents[1:]]
    moved = frozenset() if call.is_view else frozenset((call.index,))
    for first in parents[0]:
        kin = [first, *(family[first.origin.id] for family in others if first.origin.id in family)]
        if len(kin) < len(parents):
            continue
        arrangement = arrange(call, position, [descent.arrangement for descent in kin])
        if arrangement is not None:
            yield Descent(first.origin, arrangement, moved.union(*(descent.copies for descent in kin)))


def _find_claim(family: Family, output: TensorSpec) -> dict[int, str]:
    for descent in family:
        if descent.copies:
            kind = _kind_of(descent.arrangement, descent.origin.shape, output.shape)
            if kind is not None:
                return dict.fromkeys(descent.copies, kind)
    return {}


def _kind_of(arrangement: Arrangement, origin_shape: tuple[int, ...], shape: tuple[int, ...]) -> str | None:
    if len(origin_shape) != len(shape) or arrangement.fixed:
        return None
    if is_channel_shuffle(arrangement, origin_shape):
        return "channel"
    if is_pixel_shuffle(arrangement, origin_shape):
        return "pixel"
    inverse = invert(arrangement, origin_shape)
    return "pixel" if inverse is not None and is_pixel_shuffle(inverse, shape) else None

"""G2, few groups: group convolutions move more memory for the same work (equation (2) of Ma et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from effprof.findings.drafting import Draft, places, subject, verb
from effprof.findings.network import Network, weight_shape
from effprof.records import CostedOp
from effprof.units import counted

NARROW = 8
"""Channels of one group below which a vector of the processor is not filled."""


def drafts(network: Network) -> Iterator[Draft]:
    grouped = [op for op in network.working() if op.kind == "grouped" and weight_shape(op.call)]
    pointwise = [op for op in grouped if math.prod(weight_shape(op.call)[2:]) == 1]
    yield from _grouped_pointwise(network, pointwise)
    yield from _narrow_groups([op for op in grouped if op not in pointwise and _width(op) < NARROW])


def _grouped_pointwise(network: Network, ops: list[CostedOp]) -> Iterator[Draft]:
    gains = [network.slowdowns.gain_s("G2", math.log2(groups_of(op)), op.time_s or 0.0) for op in ops]
    known = [gain for gain in gains if gain is not None]
    if not known:
        return
    most = max(map(groups_of, ops))
    text = (
        f"{subject(ops, '1x1 group convolution')} in up to {most} groups {verb(ops, 'takes', 'take')} longer for a "
        "multiply-add than one group does."
    )
    edit = "Use one group and fewer channels at the same work; channel shuffles between them then go too."
    expected = (sum(gain_s for gain_s, _ in known), known[0][1])
    yield Draft("G2-grouped-pointwise", tuple(ops), text, edit, "G2", evidence=(("groups", most),), expected=expected)


def _narrow_groups(ops: list[CostedOp]) -> Iterator[Draft]:
    if not ops:
        return
    least = min(map(_width, ops))
    text = (
        f"{counted(len(ops), 'group convolution')} ({places(ops)}) with as few as "
        f"{counted(least, 'channel')} in a group: too few to fill a vector of the processor."
    )
    edit = f"Use fewer groups of at least {NARROW} channels at the same work."
    yield Draft("G2-narrow-groups", tuple(ops), text, edit, "G2", evidence=(("channels_of_group", least),))


def groups_of(op: CostedOp) -> int:
    """At least 2: only group convolutions are asked."""
    groups = op.call.arguments.get("groups", op.call.arguments.get("n_weight_grps"))
    return groups if isinstance(groups, int) and groups > 1 else 2


def _width(op: CostedOp) -> int:
    outputs, inputs = weight_shape(op.call)[:2]
    return min(inputs, outputs // groups_of(op))

"""What each view or copy does to an arrangement: one small function an operator, in a plain table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod

from effprof.analyze import arrangement as algebra
from effprof.analyze.arrangement import Arrangement
from effprof.records import OpCall, TensorSpec

Step = Callable[[OpCall, int, Sequence[Arrangement]], Arrangement | None]
"""(call, position of the output, the sources in terms of one origin) -> that output in terms of the same origin."""


def sources(call: OpCall) -> tuple[TensorSpec, ...]:
    """The inputs whose elements the outputs hold; empty for a call that is not merely moving elements."""
    if call.op not in STEPS or not call.outputs or not call.inputs:
        return ()
    if call.op in JOINING_OPS:
        return call.inputs
    if call.op == "copy":
        return call.inputs[1:2]
    return () if call.written else call.inputs[:1]


def arrange(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    """One output in terms of the origin of the sources; None where the algebra cannot say it."""
    result = STEPS[call.op](call, position, parents)
    # Broadcasting and views as another dtype are no arrangement of the same elements.
    return result if result is not None and result.shape == call.outputs[position].shape else None


def axis_of(call: OpCall, name: str, rank: int | None = None) -> int:
    """The axis that an argument names, counted from the front; 0 when it is not given, as in torch."""
    axis = call.arguments.get(name)
    rank = len(call.inputs[0].shape) if rank is None else rank
    return axis % rank if isinstance(axis, int) and rank else 0


def _view(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    shape = call.outputs[position].shape
    return algebra.view(parents[0], shape) if prod(shape) == prod(parents[0].shape) else None


def _swap(first: str, second: str) -> Step:
    def step(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
        order = list(range(len(parents[0].axes)))
        one, other = axis_of(call, first), axis_of(call, second)
        order[one], order[other] = other, one
        return algebra.permute(parents[0], order)

    return step


def _reverse(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    return algebra.permute(parents[0], range(len(parents[0].axes))[::-1])


def _swap_last(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    rank = len(parents[0].axes)
    return algebra.permute(parents[0], [*range(rank - 2), rank - 1, rank - 2]) if rank >= 2 else None


def _permute(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    order = _axes(call, "dims")
    return algebra.permute(parents[0], order) if len(order) == len(parents[0].axes) else None


def _move(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    moves = dict(zip(_axes(call, "destination"), _axes(call, "source"), strict=True))
    rest = (axis for axis in range(len(parents[0].axes)) if axis not in moves.values())
    order = [moves[place] if place in moves else next(rest) for place in range(len(parents[0].axes))]
    return algebra.permute(parents[0], order)


def _axes(call: OpCall, name: str) -> list[int]:
    axes = call.arguments.get(name)
    rank = len(call.inputs[0].shape)
    items = axes if isinstance(axes, tuple) else (axes,)
    return [axis % rank for axis in items if isinstance(axis, int) and rank]


def _select(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    axis, index = axis_of(call, "dim"), call.arguments.get("index")
    return algebra.select(parents[0], axis, index % parents[0].shape[axis]) if isinstance(index, int) else None


def _unbind(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    return algebra.select(parents[0], axis_of(call, "dim"), position)


def _slice(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    axis = axis_of(call, "dim")
    start, step = call.arguments.get("start"), call.arguments.get("step", 1)
    start = 0 if start is None else start
    if not isinstance(start, int) or not isinstance(step, int):
        return None
    start = start + parents[0].shape[axis] if start < 0 else start
    return algebra.take_slice(parents[0], axis, max(start, 0), call.outputs[position].shape[axis], step)


def _chunk(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    axis = axis_of(call, "dim")
    lengths = [output.shape[axis] for output in call.outputs]
    start = [0, *accumulate(lengths)][position]
    return algebra.take_slice(parents[0], axis, start, lengths[position], 1)


def _cat(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    return algebra.join(parents, axis_of(call, "dim"), new_axis=False)


def _stack(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    return algebra.join(parents, axis_of(call, "dim", len(call.outputs[0].shape)), new_axis=True)


def _same(call: OpCall, position: int, parents: Sequence[Arrangement]) -> Arrangement | None:
    return parents[0]


JOINING_OPS = frozenset({"cat", "stack"})

_NAMES: dict[Step, str] = {
    _view: """
        view reshape flatten unflatten contiguous clone to squeeze unsqueeze ravel reshape_as view_as detach alias
        expand expand_as broadcast_to lift_fresh type_as
        """,
    _chunk: "chunk split split_with_sizes tensor_split unsafe_chunk unsafe_split unsafe_split_with_sizes",
}

STEPS: dict[str, Step] = {
    **{name: step for step, names in _NAMES.items() for name in names.split()},
    "copy": _same,
    "transpose": _swap("dim0", "dim1"),
    "swapdims": _swap("dim0", "dim1"),
    "swapaxes": _swap("axis0", "axis1"),
    "t": _reverse,
    "numpy_T": _reverse,
    "mT": _swap_last,
    "permute": _permute,
    "movedim": _move,
    "moveaxis": _move,
    "select": _select,
    "unbind": _unbind,
    "slice": _slice,
    "narrow": _slice,
    "cat": _cat,
    "stack": _stack,
}

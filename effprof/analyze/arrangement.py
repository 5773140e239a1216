"""How the elements of one tensor lie in another: a small algebra of views and permutations.

Number the elements of an origin tensor of n elements 0 .. n-1 in row-major order. A tensor made of it by viewing,
transposing, slicing and copying holds, at every place, one of those numbers. Such tensors are described by *digits*:
each axis is a mixed-radix number whose digits (stride, size) say how far one step of the digit moves in the origin.
The origin itself is one digit (1, n). Viewing splits and merges digits, permuting reorders axes, selecting fixes a
digit, and stacking or concatenating all pieces that differ in one fixed digit makes that digit free again.
Strides here are always in the origin's row-major order: how a tensor lies in memory plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple


class Digit(NamedTuple):
    """`size` values, `stride` elements of the origin apart."""

    stride: int
    size: int


Axis = tuple[Digit, ...]
"""Digits from the outermost to the innermost; an axis of length 1 has none."""


@dataclass(frozen=True)
class Arrangement:
    """Axes of a tensor in terms of an origin; `fixed` digits were selected away: (digit, value)."""

    axes: tuple[Axis, ...]
    fixed: tuple[tuple[Digit, int], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(digit.size for digit in axis) for axis in self.axes)


def identity(shape: Sequence[int]) -> Arrangement | None:
    """The origin in terms of itself; None for a tensor without elements, which has nothing to arrange."""
    if 0 in shape:
        return None
    return Arrangement(tuple(_whole_axis(whole) for whole in row_major(shape)))


def row_major(shape: Sequence[int]) -> list[Digit]:
    """One digit an axis, length 1 included: the strides of a contiguous tensor."""
    return [Digit(prod(shape[axis + 1 :]), size) for axis, size in enumerate(shape)]


def merge(digits: Iterable[Digit]) -> Axis:
    """Neighbouring digits that count on without a gap become one."""
    merged: list[Digit] = []
    for digit in digits:
        if merged and merged[-1].stride == digit.stride * digit.size:
            digit = Digit(digit.stride, merged.pop().size * digit.size)
        merged.append(digit)
    return tuple(merged)


def cut(digits: Iterable[Digit], shape: Sequence[int]) -> tuple[Axis, ...] | None:
    """The digits, outermost first, divided over axes of the given lengths; None where a digit cannot be split so."""
    waiting = list(reversed(merge(digits)))
    axes: list[Axis] = []
    for length in shape:
        axis: list[Digit] = []
        while length > 1:
            if not waiting:
                return None
            digit = waiting.pop()
            if digit.size > length and digit.size % length == 0:
                inner_size = digit.size // length
                waiting.append(Digit(digit.stride, inner_size))
                digit = Digit(digit.stride * inner_size, length)
            if length % digit.size:
                return None
            axis.append(digit)
            length //= digit.size
        axes.append(tuple(axis))
    return None if waiting else tuple(axes)


def view(arrangement: Arrangement, shape: Sequence[int]) -> Arrangement | None:
    """The same elements in the same order in another shape."""
    axes = cut((digit for axis in arrangement.axes for digit in axis), shape)
    return None if axes is None else Arrangement(axes, arrangement.fixed)


def permute(arrangement: Arrangement, order: Sequence[int]) -> Arrangement:
    """Axis i of the result is axis `order[i]` of the argument."""
    return Arrangement(tuple(arrangement.axes[axis] for axis in order), arrangement.fixed)


def select(arrangement: Arrangement, axis: int, index: int) -> Arrangement:
    """One entry of an axis; the axis goes away."""
    axes = arrangement.axes[:axis] + arrangement.axes[axis + 1 :]
    return Arrangement(axes, arrangement.fixed + _digits_of(merge(arrangement.axes[axis]), index))


def take_slice(arrangement: Arrangement, axis: int, start: int, length: int, step: int) -> Arrangement | None:
    """`length` entries of an axis from `start` on, every `step`-th; None unless they are one of equal parts."""
    size = arrangement.shape[axis]
    if length * step == size and start < step:
        parts, gone, index = cut(arrangement.axes[axis], (length, step)), 1, start
    elif step == 1 and length and size % length == 0 and start % length == 0:
        parts, gone, index = cut(arrangement.axes[axis], (size // length, length)), 0, start // length
    else:
        return None
    if parts is None:
        return None
    axes = (*arrangement.axes[:axis], parts[1 - gone], *arrangement.axes[axis + 1 :])
    return Arrangement(axes, arrangement.fixed + _digits_of(merge(parts[gone]), index))


def _digits_of(axis: Axis, index: int) -> tuple[tuple[Digit, int], ...]:
    values: list[tuple[Digit, int]] = []
    for digit in reversed(axis):
        index, value = divmod(index, digit.size)
        values.append((digit, value))
    return tuple(values)


def join(pieces: Sequence[Arrangement], axis: int, new_axis: bool) -> Arrangement | None:
    """Pieces stacked on a new axis or concatenated along one they have.

    None unless they are all the values of one fixed digit, in order, and alike in everything else.
    """
    first = pieces[0]
    if any(piece.axes != first.axes for piece in pieces):
        return None
    common = set(first.fixed).intersection(*(piece.fixed for piece in pieces))
    own = [[entry for entry in piece.fixed if entry not in common] for piece in pieces]
    if any(len(entries) != 1 for entries in own):
        return None
    digit = own[0][0][0]
    if [entries[0] for entries in own] != [(digit, value) for value in range(digit.size)]:
        return None
    fixed = tuple(entry for entry in first.fixed if entry in common)
    if new_axis:
        return Arrangement((*first.axes[:axis], (digit,), *first.axes[axis:]), fixed)
    return Arrangement((*first.axes[:axis], (digit, *first.axes[axis]), *first.axes[axis + 1 :]), fixed)


def invert(arrangement: Arrangement, origin_shape: Sequence[int]) -> Arrangement | None:
    """The origin in terms of the tensor; None unless every element is held exactly once."""
    digits = [digit for axis in arrangement.axes for digit in axis]
    places = row_major([digit.size for digit in digits])
    by_origin = sorted(zip(digits, places, strict=True), reverse=True)
    if arrangement.fixed or merge(digit for digit, _ in by_origin) != merge((Digit(1, prod(origin_shape)),)):
        return None
    axes = cut((place for _, place in by_origin), origin_shape)
    return None if axes is None else Arrangement(axes)


def is_channel_shuffle(arrangement: Arrangement, origin_shape: Sequence[int]) -> bool:
    """One axis is cut into two parts, (g, c/g), that are swapped, and nothing else is moved (Zhang et al., CVPR 2018).

    An outer part may stay in its place: a shuffle within each of several blocks of channels. Any other order of parts
    that one axis can take is a rearrangement of places (tokens into windows), not of channels.
    """
    if arrangement.fixed or arrangement.shape != tuple(origin_shape):
        return False
    axes = zip((merge(axis) for axis in arrangement.axes), row_major(origin_shape), strict=True)
    moved = [(axis, whole) for axis, whole in axes if axis != _whole_axis(whole)]
    if len(moved) != 1:
        return False
    (parts, whole), in_order = moved[0], tuple(sorted(moved[0][0], reverse=True))
    outer = len(parts) - 2
    return outer in (0, 1) and parts[:outer] == in_order[:outer] and merge(in_order) == (whole,)


def is_pixel_shuffle(arrangement: Arrangement, origin_shape: Sequence[int]) -> bool:
    """Parts of the channel axis became the inner part of other axes (Shi et al., CVPR 2016, section 3.2).

    The channel axis is the second, as in torch's pixel_shuffle: with channels last the same moves are the patch merging
    of vision transformers. The batch axis stays as it is.
    """
    rank = len(origin_shape)
    if rank < 3 or arrangement.fixed or len(arrangement.axes) != rank:
        return False
    in_order = len(merge(digit for axis in arrangement.axes for digit in axis)) <= 1
    return not in_order and _spreads(arrangement, origin_shape, channel=1)


def _spreads(arrangement: Arrangement, origin_shape: Sequence[int], channel: int) -> bool:
    wholes = row_major(origin_shape)
    source = wholes[channel]
    spread = False
    for number, axis in enumerate(arrangement.axes):
        digits = _split_at_borders(merge(axis), source)
        own = () if number == channel else _whole_axis(wholes[number])
        received = digits[len(own) :]
        if digits[: len(own)] != own or not all(_lies_within(digit, source) for digit in received):
            return False
        if number != channel and received:
            # What arrives on the batch axis, or on an axis of length 1, is not spread over places.
            if number == 0 or not own:
                return False
            spread = True
    return spread


def _whole_axis(whole: Digit) -> Axis:
    return (whole,) if whole.size > 1 else ()


def _split_at_borders(axis: Axis, source: Digit) -> Axis:
    """Digits that run across an end of the source axis are taken apart there."""
    digits = list(axis)
    for border in (source.stride, source.stride * source.size):
        digits = [part for digit in digits for part in _split_at(digit, border)]
    return tuple(digits)


def _split_at(digit: Digit, border: int) -> tuple[Digit, ...]:
    end = digit.stride * digit.size
    if not digit.stride < border < end or border % digit.stride or end % border:
        return (digit,)
    return Digit(border, end // border), Digit(digit.stride, border // digit.stride)


def _lies_within(digit: Digit, source: Digit) -> bool:
    return digit.stride >= source.stride and digit.stride * digit.size <= source.stride * source.size

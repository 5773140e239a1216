"""A claim of a shuffle is checked against what the moved elements really are."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import pytest
from analyze.by_hand import Shape, Tape, call, tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.analyze.shuffle import find_shuffles
from effprof.records import OpCall, TensorSpec

quickly = settings(max_examples=150, deadline=None)


def swaps_two_parts(values: np.ndarray[Any, Any], origin_shape: Shape) -> bool:
    """Whether an array made of 0 .. n-1 is its origin with (blocks, g, c) of one axis turned into (blocks, c, g)."""
    origin = np.arange(prod(origin_shape)).reshape(origin_shape)
    if values.shape != origin_shape or (values == origin).all():
        return False
    return any(
        (origin.take(order, axis) == values).all()
        for axis, length in enumerate(origin_shape)
        for order in swapped_orders(length)
    )


def swapped_orders(length: int) -> Iterator[np.ndarray[Any, Any]]:
    for blocks in divisors(length):
        for groups in divisors(length // blocks):
            yield np.arange(length).reshape(blocks, groups, -1).swapaxes(1, 2).reshape(-1)


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def kinds(calls: list[OpCall]) -> dict[str, str]:
    return {calls[index].op: kind for index, kind in find_shuffles(calls).items()}


def test_the_oracle_knows_a_shuffle() -> None:
    assert swaps_two_parts(np.array([[0, 2, 1, 3], [4, 6, 5, 7]]), (2, 4))
    assert not swaps_two_parts(np.array([[0, 2, 1, 3], [6, 4, 5, 7]]), (2, 4))
    assert not swaps_two_parts(np.arange(8).reshape(2, 4), (2, 4))
    assert swaps_two_parts(np.array([0, 2, 1, 3, 4, 6, 5, 7]), (8,))
    assert not swaps_two_parts(np.array([0, 1, 4, 5, 2, 3, 6, 7]), (8,))


@st.composite
def factored(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Digits of each axis, and an order of all digits in which the axes can be built again."""
    axes = draw(st.lists(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=3), min_size=1, max_size=3))
    numbers = list(range(sum(map(len, axes))))
    if draw(st.booleans()):
        return axes, draw(st.permutations(numbers))
    chosen = draw(st.integers(0, len(axes) - 1))
    start = sum(map(len, axes[:chosen]))
    own = numbers[start : start + len(axes[chosen])]
    return axes, numbers[:start] + list(draw(st.permutations(own))) + numbers[start + len(own) :]


@quickly
@given(factored(), st.sampled_from(["contiguous", "clone", "reshape"]))
def test_a_claim_is_made_exactly_when_two_parts_of_one_axis_are_swapped(
    case: tuple[list[list[int]], list[int]], copied_by: str
) -> None:
    axes, order = case
    shape = tuple(map(prod, axes))
    tape = Tape(shape)
    digits = tape.view(tape.start, tuple(size for axis in axes for size in axis))
    moved = tape.permute(digits, tuple(order))
    if copied_by != "reshape":
        moved = tape.copy(moved, copied_by)
    result = tape.view(moved, shape, "reshape" if copied_by == "reshape" else "view")
    # Digits of different axes may be exchanged so that the shape comes out but cannot be cut; that is no claim either.
    assert ("channel" in kinds(tape.calls).values()) == swaps_two_parts(tape.values[result.id], shape)


@quickly
@given(st.data())
def test_every_claim_about_a_random_chain_is_true(data: st.DataObject) -> None:
    shapes: list[Shape] = [(2, 12), (24,), (4, 6), (2, 3, 4), (6, 2, 2), (2, 2, 3, 2), (1, 8, 3), (3, 8)]
    tape = Tape(data.draw(st.sampled_from(shapes)))
    last = tape.start
    for _ in range(data.draw(st.integers(2, 7))):
        step = data.draw(st.sampled_from(["view", "permute", "copy"]))
        if step == "view":
            last = tape.view(last, data.draw(st.sampled_from(shapes)), "reshape")
        elif step == "permute":
            last = tape.permute(last, tuple(data.draw(st.permutations(range(len(last.shape))))))
        else:
            last = tape.copy(last)
    claimed = "channel" in find_shuffles(tape.calls).values()
    true = any(_is_shuffled_copy(tape, first, second) for first in tape.values for second in tape.values)
    assert true or not claimed


def _is_shuffled_copy(tape: Tape, first: int, second: int) -> bool:
    """Both hold entries of the start; renumber the second as entries of the first."""
    if first >= second:
        return False
    place = np.empty(tape.values[first].size, dtype=int)
    place[tape.values[first].reshape(-1)] = np.arange(place.size)
    return swaps_two_parts(place[tape.values[second]], tape.values[first].shape)


SIZES = st.tuples(st.integers(1, 3), st.integers(2, 4), st.integers(2, 4), st.integers(1, 3))


@quickly
@given(SIZES)
def test_stacked_chunks_interleave_channels(sizes: tuple[int, int, int, int]) -> None:
    batch, groups, each, places = sizes
    tape = Tape((batch, groups * each, places))
    stacked = tape.stack(tape.chunk(tape.start, groups, 1), 2)
    result = tape.view(stacked, (batch, groups * each, places))
    assert swaps_two_parts(tape.values[result.id], tape.start.shape)
    assert kinds(tape.calls) == {"stack": "channel"}


@quickly
@given(SIZES)
def test_unbound_and_stacked_groups_are_a_shuffle(sizes: tuple[int, int, int, int]) -> None:
    batch, groups, each, places = sizes
    tape = Tape((batch, groups * each, places))
    grouped = tape.view(tape.start, (batch, groups, each, places))
    tape.view(tape.stack(tape.unbind(grouped, 1), 2), (batch, groups * each, places))
    assert kinds(tape.calls) == {"stack": "channel"}


@quickly
@given(SIZES)
def test_joined_strided_slices_are_a_shuffle(sizes: tuple[int, int, int, int]) -> None:
    batch, groups, each, places = sizes
    tape = Tape((batch, groups * each, places))
    result = tape.cat([tape.every(tape.start, 1, first, groups) for first in range(groups)], 1)
    assert swaps_two_parts(tape.values[result.id], tape.start.shape)
    assert kinds(tape.calls) == {"cat": "channel"}


def test_joining_what_was_chunked_is_plain_concatenation() -> None:
    tape = Tape((2, 6, 3))
    first, second = tape.chunk(tape.start, 2, 1)
    tape.cat([first, second], 1)
    tape.cat([second, first], 1)
    assert kinds(tape.calls) == {}


def test_shuffling_back_is_a_shuffle_again() -> None:
    tape = Tape((2, 6, 3))
    once = tape.view(tape.copy(tape.transpose(tape.view(tape.start, (2, 2, 3, 3)), 1, 2)), (2, 6, 3))
    tape.view(tape.copy(tape.transpose(tape.view(once, (2, 3, 2, 3)), 1, 2)), (2, 6, 3))
    copies = [c.index for c in tape.calls if c.op == "contiguous"]
    assert find_shuffles(tape.calls) == dict.fromkeys(copies, "channel")


def test_a_shuffle_of_channels_last_data_is_found_behind_the_layout_change() -> None:
    tape = Tape((2, 6, 4, 5))
    last = tape.permute(tape.start, (0, 2, 3, 1))
    grouped = tape.view(last, (2, 4, 5, 2, 3), "reshape")
    tape.permute(tape.view(tape.transpose(grouped, 3, 4), (2, 4, 5, 6), "reshape"), (0, 3, 1, 2))
    assert "channel" in kinds(tape.calls).values()


@pytest.mark.parametrize(("height", "width", "channels", "r"), [(2, 3, 4, 2), (2, 5, 2, 3), (4, 4, 1, 2)])
def test_pixel_shuffle_in_parts(height: int, width: int, channels: int, r: int) -> None:
    tape = Tape((2, channels * r * r, height, width))
    moved = tape.permute(tape.view(tape.start, (2, channels, r, r, height, width)), (0, 1, 4, 2, 5, 3))
    tape.view(moved, (2, channels, height * r, width * r), "reshape")
    assert kinds(tape.calls) == {"reshape": "pixel"}


def test_pixel_unshuffle_in_parts() -> None:
    tape = Tape((2, 3, 8, 6))
    moved = tape.permute(tape.view(tape.start, (2, 3, 4, 2, 3, 2)), (0, 1, 3, 5, 2, 4))
    tape.view(tape.copy(moved), (2, 12, 4, 3))
    assert kinds(tape.calls) == {"contiguous": "pixel"}


def test_patch_merging_is_no_shuffle() -> None:
    tape = Tape((2, 4, 6, 3))
    merged = tape.permute(tape.view(tape.start, (2, 2, 2, 3, 2, 3)), (0, 1, 3, 4, 2, 5))
    tape.view(merged, (2, 2, 3, 12), "flatten")
    assert kinds(tape.calls) == {}


def test_tokens_sorted_into_windows_are_no_shuffle() -> None:
    tape = Tape((2, 64, 3))
    windows = tape.permute(tape.view(tape.start, (2, 2, 4, 2, 4, 3)), (0, 1, 3, 2, 4, 5))
    tape.view(windows, (2, 64, 3), "reshape")
    assert kinds(tape.calls) == {}


def test_attention_heads_are_no_shuffle() -> None:
    tape = Tape((2, 9, 24))
    heads = tape.copy(tape.transpose(tape.view(tape.start, (2, 9, 6, 4)), 1, 2))
    tape.view(tape.transpose(heads, 1, 2), (2, 9, 24), "reshape")
    tape.view(heads, (12, 9, 4))
    assert kinds(tape.calls) == {}


def test_window_partition_and_layout_changes_are_no_shuffle() -> None:
    tape = Tape((2, 8, 8, 3))
    windows = tape.copy(tape.permute(tape.view(tape.start, (2, 2, 4, 2, 4, 3)), (0, 1, 3, 2, 4, 5)))
    back = tape.permute(tape.view(tape.view(windows, (8, 16, 3)), (2, 2, 2, 4, 4, 3)), (0, 1, 3, 2, 4, 5))
    whole = tape.view(back, (2, 8, 8, 3), "reshape")
    tape.view(tape.permute(whole, (0, 3, 1, 2)), (2, 192), "flatten")
    assert kinds(tape.calls) == {}


def indexed(op: str, values: Shape | None, shape: Shape = (2, 4, 5), axis: int = 1, length: int = 4) -> dict[str, str]:
    index = TensorSpec(1, 1, (length,), (1,), "int64", 8, values=values)
    out = tensor(2, (*shape[:axis], length, *shape[axis + 1 :]))
    if op == "index_select":
        step = call(0, op, (tensor(0, shape), index), (out,), names=("self", "index"), dim=axis - len(shape))
    else:
        step = call(0, op, (tensor(0, shape), index), (out,), names=("self", f"indices.{axis}"))
    return kinds([step])


@pytest.mark.parametrize("op", ["index", "index_select"])
def test_an_index_is_a_shuffle_when_it_permutes(op: str) -> None:
    assert indexed(op, (2, 0, 3, 1)) == {op: "channel"}
    assert indexed(op, (0, 1, 2, 3)) == {}
    assert indexed(op, (2, 0, 3, 3)) == {}
    assert indexed(op, (1, 0), length=2) == {}
    assert indexed(op, (-1, 0, 1, 2)) == {op: "channel"}


@pytest.mark.parametrize("op", ["index", "index_select"])
def test_an_unknown_index_as_long_as_the_channel_axis_is_assumed(op: str) -> None:
    assert indexed(op, None) == {op: "assumed"}
    assert indexed(op, None, length=2) == {}
    assert indexed(op, None, shape=(2, 3, 4), axis=2) == {}
    assert indexed(op, None, shape=(2, 4)) == {}

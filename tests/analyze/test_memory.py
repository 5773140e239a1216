"""Peak of live activations, worked by hand. Sizes are in elements of four bytes."""

from __future__ import annotations

from analyze.by_hand import call, tensor

from effprof.analyze.memory import peak_activation_bytes


def test_a_chain_needs_two_neighbours_at_once() -> None:
    a, b, c = tensor(0, (10,), "input"), tensor(1, (30,)), tensor(2, (20,))
    calls = [call(0, "relu", (a,), (b,)), call(1, "relu", (b,), (c,))]
    assert peak_activation_bytes(calls) == 4 * (30 + 20)


def test_a_shortcut_lives_until_it_is_added() -> None:
    a, b, c, d = tensor(0, (10,), "input"), tensor(1, (10,)), tensor(2, (10,)), tensor(3, (10,))
    calls = [call(0, "relu", (a,), (b,)), call(1, "relu", (b,), (c,)), call(2, "add", (c, a), (d,))]
    assert peak_activation_bytes(calls) == 4 * 30


def test_weights_and_what_views_of_them_share_do_not_count() -> None:
    a, out = tensor(0, (10,), "input"), tensor(3, (5,))
    weight, turned = tensor(1, (100,), "parameter"), tensor(2, (100,), storage=1)
    calls = [
        call(0, "t", (weight,), (turned,), is_view=True),
        call(1, "mm", (a, turned), (out,), names=("self", "mat2")),
    ]
    assert peak_activation_bytes(calls) == 4 * 15


def test_views_and_writes_in_place_need_nothing_more() -> None:
    a, b = tensor(0, (10,), "input"), tensor(1, (10,))
    same, view = tensor(2, (10,), storage=1), tensor(3, (2, 5), storage=1)
    calls = [
        call(0, "relu", (a,), (b,)),
        call(1, "relu", (b,), (same,), written=(0,)),
        call(2, "view", (same,), (view,), is_view=True),
    ]
    assert peak_activation_bytes(calls) == 4 * 20


def test_results_live_to_the_end_and_unread_second_outputs_do_not() -> None:
    a, first, indices, last = tensor(0, (1,), "input"), tensor(1, (10,)), tensor(2, (10,)), tensor(3, (10,))
    calls = [call(0, "max_pool2d", (a,), (first, indices)), call(1, "relu", (a,), (last,))]
    # call 0: 1 + 10 + 10; call 1: 1 + 10 + 10 without the indices
    assert peak_activation_bytes(calls) == 4 * 21


def test_nothing_needs_nothing() -> None:
    assert peak_activation_bytes([]) == 0

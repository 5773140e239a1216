"""Outputs compared: nested, in any type, with the odd values."""

from __future__ import annotations

import math
from collections import OrderedDict, namedtuple
from collections.abc import Callable

import pytest
import torch
from edited_networks import Answer
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from effprof.capture import Inputs
from effprof.edits.checking import TOLERANCE, Checker, alike, difference
from effprof.errors import EditError, ModelError

Pair = namedtuple("Pair", "a b")


def test_the_difference_is_the_largest_of_all_parts() -> None:
    before = {"a": torch.tensor([1.0, -4.0]), "b": (torch.tensor([100.0]), [torch.tensor([8.0])])}
    after = {"a": torch.tensor([1.5, -4.0]), "b": (torch.tensor([101.0]), [torch.tensor([8.0])])}
    found = difference(before, after)
    assert found.max_abs == 1.0
    assert found.relative == 0.5 / 4
    assert found.limit == TOLERANCE


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: (x, [x, {"k": x}]),
        lambda x: OrderedDict(scores=x),
        lambda x: Pair(x, x),
        lambda x: Answer(x, {"maps": (x,)}),
        lambda x: (x, None, 3, "text"),
    ],
)
def test_every_structure_is_looked_into(make: object) -> None:
    x = torch.tensor([2.0, 4.0])
    assert difference(make(x), make(x.clone())).max_abs == 0  # type: ignore[operator]
    assert difference(make(x), make(x + 1)).relative == 0.25  # type: ignore[operator]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (torch.zeros(2), torch.zeros(3), "was \\(2,\\)"),
        (torch.zeros(2), torch.zeros(2).double(), "float64, and was"),
        ((torch.zeros(1),), [torch.zeros(1)], "is a list, and was a tuple"),
        ({"a": torch.zeros(1)}, {"b": torch.zeros(1)}, "other names"),
        ((torch.zeros(1), 3), (torch.zeros(1), 4), "is 4, and was 3"),
        ((torch.zeros(1), None), (torch.zeros(1), torch.zeros(1)), "was a NoneType"),
    ],
)
def test_another_structure_is_an_error(one: object, other: object, said: str) -> None:
    with pytest.raises(EditError, match=said):
        difference(one, other)


def test_whole_numbers_must_be_equal() -> None:
    assert difference(torch.tensor([3, 4]), torch.tensor([3, 4])).relative == 0
    assert difference(torch.tensor([3, 4]), torch.tensor([3, 5])).relative == math.inf


def test_odd_values_must_be_in_the_same_places() -> None:
    odd = torch.tensor([math.nan, math.inf, -math.inf, 2.0])
    assert difference(odd, odd.clone()).relative == 0
    for place, value in ((0, 1.0), (1, 1.0), (1, -math.inf), (3, math.nan), (0, math.inf)):
        other = odd.clone()
        other[place] = value
        assert difference(odd, other).relative == math.inf, (place, value)


def test_zero_may_not_become_something() -> None:
    assert difference(torch.zeros(3), torch.zeros(3)).relative == 0
    assert difference(torch.zeros(3), torch.full((3,), 1e-30)).relative == math.inf


def test_coarser_types_round_coarser() -> None:
    one = torch.ones(2, dtype=torch.bfloat16)
    assert difference(one, one).limit == pytest.approx(4 * 2**-7)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1), st.floats(1e-6, 1e6))
def test_the_difference_does_not_depend_on_the_scale(values: list[float], scale: float) -> None:
    one = torch.tensor(values, dtype=torch.float64)
    other = one * 1.001
    assert difference(one * scale, other * scale).relative == pytest.approx(difference(one, other).relative, rel=1e-6)


def test_a_changed_network_is_caught_though_the_example_hides_it() -> None:
    """Equal for an example of zeros, not for random inputs of its shape."""
    checker = Checker(nn.Linear(3, 2, bias=False), Inputs((torch.zeros(1, 3),)))
    with pytest.raises(EditError, match="outputs changed"):
        checker.check(nn.Linear(3, 2, bias=False))


def test_an_edited_network_that_raises_is_explained() -> None:
    checker = Checker(nn.Linear(3, 2), Inputs((torch.zeros(1, 3),)))
    with pytest.raises(ModelError, match="forward raised"):
        checker.check(nn.Linear(4, 2))


def test_random_inputs_are_of_the_examples_kind() -> None:
    example = Inputs((torch.randn(2, 3) * 5 + 100,), {"ids": torch.tensor([[2, 7]]), "mask": torch.tensor([True])})
    found = alike(example, seed=1)
    (x,) = found.args
    assert x.shape == (2, 3)
    assert 80 < float(x.mean()) < 120
    assert found.kwargs["ids"].min() >= 2
    assert found.kwargs["ids"].max() <= 7
    assert found.kwargs["mask"].dtype is torch.bool
    assert not torch.equal(x, example.args[0])


def nested(*rows: list[float]) -> torch.Tensor:
    return torch.nested.nested_tensor([torch.tensor(row) for row in rows], layout=torch.jagged)


@pytest.mark.parametrize("make", [nested, lambda *rows: torch.tensor([rows[0], [*rows[1], 0.0]]).to_sparse()])
def test_tensors_of_other_layouts_are_compared(make: object) -> None:
    one, other = make([2.0, 4.0], [8.0]), make([2.0, 4.0], [6.0])  # type: ignore[operator]
    assert difference(one, one).max_abs == 0
    assert difference(one, other).max_abs == 2.0
    with pytest.raises(EditError, match="another layout"):
        difference(one, torch.zeros(2))


def test_a_number_read_from_a_tensor_is_rounded_like_one() -> None:
    assert difference({"loss": 0.123, "n": 3}, {"loss": 0.123 * (1 + 1e-6), "n": 3}).relative < TOLERANCE
    assert difference({"loss": 1.0}, {"loss": 1.5}).relative == pytest.approx(0.5)


class Returning(nn.Module):
    def __init__(self, give: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.give = give

    def forward(self, x: torch.Tensor) -> object:
        return self.give(x)


@pytest.mark.parametrize("give", [lambda x: None, lambda x: [{"boxes": x[:0]}], lambda x: Inputs((x,)).run])
def test_outputs_without_numbers_prove_nothing(give: Callable[[torch.Tensor], object]) -> None:
    network = Returning(give)
    with pytest.raises(EditError, match="no number that could be compared"):
        Checker(network, Inputs((torch.zeros(1, 3),))).check(network)


class Fussy(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.min()) < 0 or float(x.max()) > 1:
            raise ValueError("images between 0 and 1, please")
        return super().forward(x)


def test_random_inputs_that_the_network_refuses_are_left_out() -> None:
    network = Fussy(64, 2)
    checker = Checker(network, Inputs((torch.linspace(0, 1, 64).reshape(1, 64),)))
    assert checker.check(network).max_abs == 0
    with pytest.raises(EditError, match="outputs changed"):
        checker.check(Fussy(64, 2))

"""Products of several tensors: by hand, and against the parts torch splits them into."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.cost.contraction import chain_mult_adds, einsum_mult_adds, parse_equation
from effprof.cost.mult_adds import mult_adds_of

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 1, "f": 6}


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("ij,jk->ik", [(2, 3), (3, 5)], 2 * 3 * 5),
        ("ij,jk", [(2, 3), (3, 5)], 2 * 3 * 5),
        ("bhqd,bhkd->bhqk", [(2, 4, 7, 8), (2, 4, 9, 8)], 2 * 4 * 7 * 9 * 8),
        ("...ij,...jk->...ik", [(6, 2, 3), (3, 5)], 6 * 2 * 3 * 5),
        ("ij,jk,kl->il", [(2, 3), (3, 5), (5, 7)], 2 * 3 * 5 + 2 * 5 * 7),
        ("a,a,ab,b->", [(2,), (2,), (2, 3), (3,)], 0 + 2 * 3 + 3),  # from left to right
        ("i,i->", [(9,), (9,)], 9),
        ("ij,ij->ij", [(2, 3), (2, 3)], 0),  # element by element
        ("i,j->ij", [(4,), (5,)], 0),  # outer: nothing is contracted
        ("ii->i", [(3, 3)], 0),  # diagonal
        ("ij->", [(3, 4)], 0),  # sum
        ("ij,kl->ik", [(3, 4), (5, 6)], 0),  # both summed first, then an outer product
        ("ijm,jk->ik", [(2, 3, 9), (3, 5)], 2 * 3 * 5),  # m is summed first
    ],
)
def test_einsum_by_hand(equation, shapes, expected):
    assert einsum_mult_adds(equation, shapes) == expected


def test_einsum_takes_the_pairs_of_its_path():
    shapes = [(2, 3), (3, 5), (5, 7)]
    # first (1, 2): jk,kl -> jl, 3 * 5 * 7; the product goes to the end; then (0, 1): ij,jl -> il, 2 * 3 * 7
    assert einsum_mult_adds("ij,jk,kl->il", shapes, path=(1, 2, 0, 1)) == 3 * 5 * 7 + 2 * 3 * 7


def test_ellipsis_is_counted_from_the_right():
    terms, output = parse_equation("a...b,...b -> ...a", [(2, 7, 8, 3), (8, 3)])
    assert terms == [["a", "...1", "...0", "b"], ["...0", "b"]]
    assert output[-3:] == ["...1", "...0", "a"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_einsum_equals_its_parts(make_call, torch_mult_adds, data):
    labels = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4)
    terms = data.draw(st.lists(labels, min_size=1, max_size=4), "terms")
    output = data.draw(st.lists(st.sampled_from(sorted({x for term in terms for x in term})), unique=True), "output")
    equation = ",".join("".join(term) for term in terms) + "->" + "".join(output)
    tensors = [torch.empty([SIZES[label] for label in term], device="meta") for term in terms]
    from_the_back = [place for left in range(len(terms), 1, -1) for place in (left - 2, left - 1)]
    path = from_the_back if len(terms) > 1 and data.draw(st.booleans(), "from the back") else None

    def run():
        return torch._VF.einsum(equation, tensors, path=path)

    inputs = {f"tensors.{i}": tensor for i, tensor in enumerate(tensors)}
    call = make_call("einsum", inputs, [run()], {"equation": equation, "path": path and tuple(path)})
    assert mult_adds_of(call) == torch_mult_adds(run), equation


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=7))
def test_chain_equals_torchs_multi_dot(torch_mult_adds, sizes):
    shapes = list(itertools.pairwise(sizes))
    matrices = [torch.empty(shape, device="meta") for shape in shapes]
    assert chain_mult_adds(shapes) == torch_mult_adds(lambda: torch.linalg.multi_dot(matrices))


def test_chain_starts_and_ends_with_vectors(make_call):
    # (4) @ (4 x 7) @ (7 x 2) @ (2): from the right 7 * 2 + 4 * 7 + 4 = 46, from the left 4 * 7 + 7 * 2 + 2 = 44
    inputs = {"tensors.0": (4,), "tensors.1": (4, 7), "tensors.2": (7, 2), "tensors.3": (2,)}
    assert mult_adds_of(make_call("linalg_multi_dot", inputs, [()])) == 44

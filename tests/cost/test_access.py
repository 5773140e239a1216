"""Memory access worked by hand: what is read once, what is written once, and what is not touched at all."""

from __future__ import annotations

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from effprof.cost import cost_of
from effprof.cost.access import broadcast_shape
from effprof.cost.tensors import distinct_elements
from effprof.records import TensorSpec


def elements(call):
    cost = cost_of(call)
    return cost.read_elements, cost.write_elements


# ------------------------------------------------------------------------------------------- the paper's formulas


@pytest.mark.parametrize(("c1", "c2"), [(128, 128), (90, 180), (52, 312), (36, 432)])
def test_pointwise_conv_is_the_papers_mac(make_call, c1, c2):
    # Ma et al., equation 1: MAC = h w (c1 + c2) + c1 c2; channels of table 1, h = w = 56
    call = make_call("conv2d", {"input": (1, c1, 56, 56), "weight": (c2, c1, 1, 1)}, [(1, c2, 56, 56)])
    assert cost_of(call).access_elements == 56 * 56 * (c1 + c2) + c1 * c2


@pytest.mark.parametrize("g", [1, 2, 4, 8])
def test_group_conv_is_the_papers_mac(make_call, g):
    # Ma et al., equation 2: MAC = h w (c1 + c2) + c1 c2 / g
    inputs = {"input": (1, 128, 56, 56), "weight": (256, 128 // g, 1, 1)}
    call = make_call("conv2d", inputs, [(1, 256, 56, 56)], {"groups": g})
    assert cost_of(call).access_elements == 56 * 56 * (128 + 256) + 128 * 256 // g


def test_bytes_follow_each_tensors_own_item_size(make_call):
    # 6 half-precision values read (12 bytes), 6 single-precision values written (24 bytes)
    half, single = torch.empty(2, 3, dtype=torch.float16), torch.empty(2, 3)
    cost = cost_of(make_call("to", {"self": half}, [single]))
    assert (cost.read_bytes, cost.write_bytes, cost.access_bytes) == (12, 24, 36)
    assert (cost.read_elements, cost.write_elements) == (6, 6)


# ------------------------------------------------------------------------------------------- what is read only once


def test_a_tensor_given_twice_is_read_once(make_call, spec):
    x = spec((10,), 1)
    assert elements(make_call("mul", {"self": x, "other": x}, [(10,)])) == (10, 10)


def test_an_expanded_axis_is_read_once(make_call):
    x = torch.empty(1, 8, device="meta").expand(5, 8)
    assert elements(make_call("clone", {"self": x}, [(5, 8)])) == (8, 40)


def test_overlapping_windows_are_read_once(make_call):
    # 10 values seen through 8 windows of 3
    x = torch.empty(10, device="meta").unfold(0, 3, 1)
    assert elements(make_call("clone", {"self": x}, [(8, 3)])) == (10, 24)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_distinct_elements_are_the_places_in_memory(spec, data):
    """For every dense, sliced, permuted or expanded view the count equals the set of addresses."""
    shape = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    x = torch.empty(shape, device="meta")
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = x.transpose(0, axis).narrow(0, 0, data.draw(st.integers(0, x.transpose(0, axis).shape[0])))
    x = x.unsqueeze(data.draw(st.integers(0, x.dim())))
    x = x.expand([3 if size == 1 and data.draw(st.booleans()) else size for size in x.shape])
    places = {0} if x.numel() else set()
    for size, stride in zip(x.shape, x.stride(), strict=True):
        places = {place + step * stride for place in places for step in range(size)}
    assert distinct_elements(spec(x)) == len(places)


def test_a_sparse_tensor_has_no_strides():
    assert distinct_elements(TensorSpec(1, 1, (3, 4), (), "float32", 4)) == 12


# --------------------------------------------------------------------------------------- what is not touched at all


@pytest.mark.parametrize("op", ["view", "transpose", "slice", "chunk", "reshape", "contiguous", "dropout", "to"])
def test_a_view_moves_nothing(make_call, op):
    assert elements(make_call(op, {"self": (4, 4)}, [(4, 4)], is_view=True)) == (0, 0)


@pytest.mark.parametrize("op", ["squeeze", "unsqueeze", "transpose", "detach", "requires_grad"])
def test_an_in_place_change_of_shape_moves_nothing(make_call, op):
    assert elements(make_call(op, {"self": (1, 4)}, [(4,)], written=(0,))) == (0, 0)


def test_in_place_dropout_outside_training_moves_nothing(make_call, spec):
    x = spec((9,), 1)
    assert elements(make_call("dropout", {"input": x}, [x], {"train": False, "p": 0.5}, written=(0,))) == (0, 0)
    assert elements(make_call("dropout", {"input": x}, [x], {"train": True, "p": 0.5}, written=(0,))) == (9, 9)


@pytest.mark.parametrize("op", ["fill", "zero", "normal", "uniform", "bernoulli"])
def test_filling_in_place_does_not_read(make_call, spec, op):
    x = spec((9,), 1)
    assert elements(make_call(op, {"self": x}, [x], written=(0,))) == (0, 9)


def test_bernoulli_out_of_place_reads_its_probabilities(make_call):
    assert elements(make_call("bernoulli", {"self": (9,)}, [(9,)])) == (9, 9)


@pytest.mark.parametrize("op", ["zeros_like", "full_like", "rand_like", "new_ones", "new_zeros"])
def test_creating_like_does_not_read(make_call, op):
    assert elements(make_call(op, {"self": (9,)}, [(9,)])) == (0, 9)


@pytest.mark.parametrize("op", ["zeros", "ones", "full", "arange", "randn"])
def test_creating_writes(make_call, op):
    assert elements(make_call(op, {}, [(9,)])) == (0, 9)


@pytest.mark.parametrize(
    ("op", "inputs"), [("empty", {}), ("empty_like", {"self": (9,)}), ("new_empty", {"self": (9,)})]
)
def test_empty_writes_nothing(make_call, op, inputs):
    assert elements(make_call(op, inputs, [(9,)])) == (0, 0)


def test_copy_reads_only_its_source(make_call, spec):
    target = spec((5, 8), 1)
    assert elements(make_call("copy", {"self": target, "src": (8,)}, [target], written=(0,))) == (8, 40)


def test_a_template_is_not_read(make_call):
    assert elements(make_call("reshape_as", {"self": (2, 6), "other": (3, 4)}, [(3, 4)])) == (12, 12)


def test_a_bias_times_zero_is_not_read(make_call):
    inputs = {"self": (7, 2, 5), "batch1": (7, 2, 3), "batch2": (7, 3, 5)}
    assert elements(make_call("baddbmm", inputs, [(7, 2, 5)], {"beta": 0})) == (42 + 105, 70)
    assert elements(make_call("baddbmm", inputs, [(7, 2, 5)], {"beta": 1})) == (70 + 42 + 105, 70)


def test_a_query_that_returns_no_tensor_writes_nothing(make_call):
    assert elements(make_call("item", {"self": ()}, [])) == (1, 0)


# ------------------------------------------------------------------------------------------------------ by index


@pytest.mark.parametrize(
    ("op", "inputs", "output", "read"),
    [
        ("embedding", {"weight": (1000, 16), "indices": (7,)}, (7, 16), 7 * 16 + 7),
        ("embedding", {"weight": (3, 16), "indices": (7,)}, (7, 16), 3 * 16 + 7),  # never more than the table
        ("index_select", {"self": (8, 100), "index": (3,)}, (3, 100), 300 + 3),
        ("gather", {"self": (8, 100), "index": (8, 2)}, (8, 2), 16 + 16),
        ("index", {"self": (49, 12), "indices.0": (20,)}, (20, 12), 240 + 20),
        ("embedding_bag", {"weight": (1000, 16), "indices": (6,), "offsets": (2,)}, (2, 16), 6 * 16 + 6 + 2),
    ],
)
def test_a_lookup_reads_what_it_delivers(make_call, op, inputs, output, read):
    assert elements(make_call(op, inputs, [output])) == (read, prod(output))


INDEX_2 = torch.empty(2, dtype=torch.int64, device="meta")
MASK = torch.empty(5, dtype=torch.bool, device="meta")


@pytest.mark.parametrize(
    ("op", "inputs", "arguments", "expected"),
    [
        # x[[0, 1]] = v on (5, 3): 2 rows of 3 are written; v and the index are read
        ("index_put", {"indices.0": INDEX_2, "values": (3,)}, {}, (2 + 3, 6)),
        # x[:, [0, 1]] = v: 5 * 2
        ("index_put", {"indices.1": INDEX_2, "values": ()}, {}, (2 + 1, 10)),
        # += reads the old values too
        ("index_put", {"indices.0": INDEX_2, "values": (3,)}, {"accumulate": True}, (6 + 2 + 3, 6)),
        # how many a mask changes is not known: all 15
        ("index_put", {"indices.0": MASK, "values": ()}, {}, (5 + 1, 15)),
        ("index_copy", {"index": INDEX_2, "source": (2, 3)}, {"dim": 0}, (2 + 6, 6)),
        ("index_fill", {"index": INDEX_2}, {"dim": -1, "value": 0}, (2, 10)),
        ("index_add", {"index": INDEX_2, "source": (2, 3)}, {"dim": 0}, (6 + 2 + 6, 6)),
        ("scatter", {"index": (5, 1), "src": (5, 3)}, {"dim": 1}, (5 + 5, 5)),
        ("scatter_add", {"index": (5, 1), "src": (5, 1)}, {"dim": 1}, (5 + 5 + 5, 5)),
    ],
)
def test_a_write_through_an_index_touches_what_it_changes(make_call, spec, op, inputs, arguments, expected):
    x = spec((5, 3), 1)
    assert elements(make_call(op, {"self": x, **inputs}, [x], arguments, written=(0,))) == expected


def test_out_of_place_scatter_copies_everything(make_call):
    assert elements(make_call("scatter", {"self": (5, 3), "index": (5, 1)}, [(5, 3)], {"dim": 1})) == (15 + 5, 15)


def test_indices_broadcast_together():
    assert broadcast_shape([(4, 1), (3,), ()]) == (4, 3)
    assert broadcast_shape([]) == ()


# ------------------------------------------------------------------------------------------------------- writing


def test_in_place_writes_once(make_call, spec):
    before, after = spec((9,), 1), spec((9,), 1)
    assert elements(make_call("relu", {"self": before}, [after], written=(0,))) == (9, 9)


def test_in_place_that_returns_nothing_writes_all_it_was_given(make_call):
    inputs = {"self.0": (4,), "self.1": (5,), "other.0": (4,), "other.1": (5,)}
    assert elements(make_call("_foreach_add", inputs, [], written=(0, 1))) == (18, 9)


def test_every_output_is_written(make_call):
    assert elements(make_call("topk", {"self": (100,)}, [(5,), (5,)])) == (100, 10)


@pytest.mark.parametrize(
    ("op", "extra"),
    [
        ("max_pool2d", [(1, 8, 4, 4)]),
        ("batch_norm", [(8,), (8,)]),
        ("layer_norm", [(1, 8, 4, 1), (1, 8, 4, 1)]),
    ],
)
def test_what_only_the_parts_return_is_not_counted(make_call, op, extra):
    composite, part = (make_call(op, {"input": (1, 8, 8, 8)}, [(1, 8, 4, 4), *more]) for more in ([], extra))
    assert elements(composite) == elements(part) == (512, 128)


def test_attention_does_not_count_its_log_sum_exp(make_call):
    inputs = {"query": (1, 2, 3, 4), "key": (1, 2, 5, 4), "value": (1, 2, 5, 4)}
    call = make_call("scaled_dot_product_attention", inputs, [(1, 2, 3, 4), (1, 2, 3)])
    assert elements(call) == (24 + 40 + 40, 24)


def test_batch_norm_reads_its_four_vectors(make_call):
    inputs = {"input": (2, 8, 5, 5), "weight": (8,), "bias": (8,), "running_mean": (8,), "running_var": (8,)}
    assert elements(make_call("batch_norm", inputs, [(2, 8, 5, 5), (0,), (0,)])) == (400 + 32, 400)

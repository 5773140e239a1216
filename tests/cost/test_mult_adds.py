"""Multiply-adds worked by hand, and the same formulas against torch's own counter."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from effprof.cost.mult_adds import mult_adds_of
from effprof.errors import BadFileError

few = settings(deadline=None, max_examples=40)
sizes = st.integers(1, 5)


# --------------------------------------------------------------------------------------------------- convolutions


def test_dense_conv_multiplies_every_filter_at_every_place(make_call):
    # 16 filters of 3 x 3 x 3 at 112 * 112 places: 16 * 27 * 12544
    call = make_call("conv2d", {"input": (1, 3, 224, 224), "weight": (16, 3, 3, 3), "bias": (16,)}, [(1, 16, 112, 112)])
    assert mult_adds_of(call) == 16 * 27 * 12544 == 5_419_008


def test_depthwise_conv_has_one_filter_per_channel(make_call):
    # 8 channels, each with its own 3x3 filter, at 10x10 places: 8 * 9 * 100
    call = make_call("conv2d", {"input": (1, 8, 10, 10), "weight": (8, 1, 3, 3)}, [(1, 8, 10, 10)])
    assert mult_adds_of(call) == 8 * 9 * 100 == 7200


def test_pointwise_conv_is_the_papers_hwc1c2(make_call):
    # Ma et al., section 2, G1: B = h w c1 c2, with h = w = 56, c1 = 24, c2 = 48
    call = make_call("conv2d", {"input": (1, 24, 56, 56), "weight": (48, 24, 1, 1)}, [(1, 48, 56, 56)])
    assert mult_adds_of(call) == 56 * 56 * 24 * 48


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_group_conv_is_the_papers_hwc1c2_over_g(make_call, groups):
    # Ma et al., section 2, G2: B = h w c1 c2 / g
    inputs = {"input": (1, 32, 28, 28), "weight": (64, 32 // groups, 1, 1)}
    call = make_call("conv2d", inputs, [(1, 64, 28, 28)], {"groups": groups})
    assert mult_adds_of(call) == 28 * 28 * 32 * 64 // groups


def test_conv_without_batch_axis(make_call):
    # 4 filters of 2 x 3 at 5 places: 4 * 6 * 5
    assert mult_adds_of(make_call("conv1d", {"input": (2, 7), "weight": (4, 2, 3)}, [(4, 5)])) == 4 * 6 * 5


def test_transposed_conv_multiplies_every_input(make_call):
    # 6 channels of 4 x 4 inputs, each spread by a filter of 3 output channels of 2 x 2: 6 * 16 * 12
    call = make_call("conv_transpose2d", {"input": (1, 6, 4, 4), "weight": (6, 3, 2, 2)}, [(1, 3, 8, 8)])
    assert mult_adds_of(call) == 6 * 16 * 12 == 1152


def test_conv_tbc(make_call):
    # 5 - 3 + 1 = 3 steps, batch 2, 4 -> 6 channels, kernel 3: 3 * 2 * 6 * 4 * 3
    call = make_call("conv_tbc", {"self": (5, 2, 4), "weight": (3, 4, 6), "bias": (6,)}, [(3, 2, 6)])
    assert mult_adds_of(call) == 3 * 2 * 6 * 4 * 3


def test_deformable_conv_counts_as_the_conv_it_deforms(make_call):
    inputs = {"input": (1, 4, 8, 8), "weight": (6, 4, 3, 3), "offset": (1, 18, 6, 6), "mask": (1, 9, 6, 6)}
    call = make_call("torchvision::deform_conv2d", inputs, [(1, 6, 6, 6)])
    assert mult_adds_of(call) == 6 * 36 * 4 * 9


@few
@given(st.data())
def test_any_conv_equals_torchs_counter(make_call, torch_mult_adds, data):
    rank = data.draw(st.integers(1, 3), "rank")
    transposed = data.draw(st.booleans(), "transposed")
    groups, stride, dilation = data.draw(sizes), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    c_in, c_out = groups * data.draw(sizes), groups * data.draw(sizes)
    kernel = [data.draw(st.integers(1, 3)) for _ in range(rank)]
    padding = data.draw(st.integers(0, 2))
    places = [data.draw(st.integers(dilation * (k - 1) + 1 + transposed * 2 * padding, 12)) for k in kernel]
    name = f"conv{'_transpose' if transposed else ''}{rank}d"
    x = torch.empty(data.draw(sizes), c_in, *places, device="meta")
    first_two = (c_in, c_out // groups) if transposed else (c_out, c_in // groups)
    weight = torch.empty(*first_two, *kernel, device="meta")

    def run():
        return getattr(F, name)(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)

    call = make_call(name, {"input": x, "weight": weight}, [run()])
    assert mult_adds_of(call) == torch_mult_adds(run)


# ------------------------------------------------------------------------------------------------ matrix products


@pytest.mark.parametrize(
    ("op", "inputs", "output", "expected"),
    [
        ("mm", {"self": (2, 3), "mat2": (3, 5)}, (2, 5), 2 * 5 * 3),
        ("bmm", {"self": (7, 2, 3), "mat2": (7, 3, 5)}, (7, 2, 5), 7 * 2 * 5 * 3),
        ("addmm", {"self": (5,), "mat1": (2, 3), "mat2": (3, 5)}, (2, 5), 2 * 5 * 3),
        ("baddbmm", {"self": (7, 2, 5), "batch1": (7, 2, 3), "batch2": (7, 3, 5)}, (7, 2, 5), 7 * 2 * 5 * 3),
        ("addbmm", {"self": (2, 5), "batch1": (7, 2, 3), "batch2": (7, 3, 5)}, (2, 5), 7 * 2 * 5 * 3),
        ("mv", {"self": (2, 3), "vec": (3,)}, (2,), 2 * 3),
        ("addmv", {"self": (2,), "mat": (2, 3), "vec": (3,)}, (2,), 2 * 3),
        ("dot", {"self": (9,), "tensor": (9,)}, (), 9),
        ("vdot", {"self": (9,), "other": (9,)}, (), 9),
        ("inner", {"self": (2, 4, 3), "other": (5, 3)}, (2, 4, 5), 2 * 4 * 5 * 3),
        ("inner", {"self": (), "other": (5, 3)}, (5, 3), 0),
        ("linalg_vecdot", {"x": (9,), "y": (9,)}, (), 9),
        ("linalg_vecdot", {"x": (2, 9), "y": (2, 9)}, (2,), 0),
        ("outer", {"self": (4,), "vec2": (5,)}, (4, 5), 0),
        ("linear", {"input": (2, 7, 3), "weight": (5, 3), "bias": (5,)}, (2, 7, 5), 2 * 7 * 5 * 3),
        ("linear", {"self": (5,), "mat1": (14, 3), "mat2": (3, 5)}, (14, 5), 14 * 5 * 3),
        ("affine_grid_generator", {"theta": (2, 2, 3)}, (2, 4, 5, 2), 2 * 4 * 5 * 2 * 3),
    ],
)
def test_product_is_outputs_times_contracted_length(make_call, op, inputs, output, expected):
    assert mult_adds_of(make_call(op, inputs, [output])) == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((4,), (4,)),
        ((3, 4), (4,)),
        ((4,), (4, 5)),
        ((3, 4), (4, 5)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 5)),
        ((2, 3, 4), (4, 5)),
        ((3, 4), (2, 4, 5)),
        ((2, 1, 3, 4), (5, 4, 6)),
        ((1, 3, 4), (2, 4, 1)),
    ],
)
def test_matmul_of_any_rank_equals_its_parts(make_call, torch_mult_adds, left, right):
    a, b = torch.empty(left, device="meta"), torch.empty(right, device="meta")
    call = make_call("matmul", {"self": a, "other": b}, [a @ b])
    assert mult_adds_of(call) == torch_mult_adds(lambda: a @ b) > 0


@pytest.mark.parametrize("dims", [0, 1, 2, ([0], [2])])
def test_tensordot_equals_its_parts(make_call, torch_mult_adds, dims):
    a, b = torch.empty(4, 3, 2, device="meta"), torch.empty(3, 2, 4, device="meta")
    dims_self, dims_other = dims if isinstance(dims, tuple) else ([*range(3 - dims, 3)], [*range(dims)])
    b = b if dims != 1 else torch.empty(2, 5, device="meta")
    arguments = {"dims_self": tuple(dims_self), "dims_other": tuple(dims_other)}
    call = make_call("tensordot", {"self": a, "other": b}, [torch.tensordot(a, b, dims)], arguments)
    assert mult_adds_of(call) == torch_mult_adds(lambda: torch.tensordot(a, b, dims)) > 0


def test_bilinear_is_a_product_with_each_input(make_call):
    # 10 rows, 6 outputs: x1 (4) @ W (4 x 5) is 20, times x2 (5) is 5: 10 * 6 * 25
    whole = make_call("bilinear", {"input1": (2, 5, 4), "input2": (2, 5, 5), "weight": (6, 4, 5)}, [(2, 5, 6)])
    part = make_call("_trilinear", {"i1": (10, 4), "i2": (6, 4, 5), "i3": (10, 5)}, [(10, 6)])
    assert mult_adds_of(whole) == mult_adds_of(part) == 10 * 6 * 25


# ------------------------------------------------------------------------------------------------------ attention


@few
@given(batch=sizes, kv_heads=sizes, repeats=sizes, l=sizes, s=sizes, e=sizes, e_v=sizes)
def test_attention_is_two_products_also_when_keys_are_shared(make_call, torch_mult_adds, **n):
    heads = n["kv_heads"] * n["repeats"]
    query = torch.empty(n["batch"], heads, n["l"], n["e"], device="meta")
    key = torch.empty(n["batch"], n["kv_heads"], n["s"], n["e"], device="meta")
    value = torch.empty(n["batch"], n["kv_heads"], n["s"], n["e_v"], device="meta")

    def unfused():
        keys, values = (t.repeat_interleave(n["repeats"], dim=1) for t in (key, value))
        return (query @ keys.transpose(-2, -1)).softmax(-1) @ values

    output = F.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    call = make_call("scaled_dot_product_attention", {"query": query, "key": key, "value": value}, [output])
    assert mult_adds_of(call) == torch_mult_adds(unfused)


def test_fused_multi_head_attention_equals_the_module_on_meta(make_call, torch_mult_adds):
    module = torch.nn.MultiheadAttention(12, 3, batch_first=True, device="meta").eval()
    x = torch.empty(2, 7, 12, device="meta")
    inputs = {"query": x, "key": x, "value": x, "qkv_weight": (36, 12), "proj_weight": (12, 12)}
    # in-projection 14 * 12 * 36, scores and values 2 * 2 * 7 * 7 * 12, out-projection 14 * 12 * 12
    expected = 14 * 12 * 36 + 2 * 2 * 7 * 7 * 12 + 14 * 12 * 12
    assert mult_adds_of(make_call("_native_multi_head_attention", inputs, [x])) == expected
    assert torch_mult_adds(lambda: module(x, x, x)) == expected


def test_fused_encoder_layer_equals_the_module_on_meta(make_call, torch_mult_adds):
    module = torch.nn.TransformerEncoderLayer(12, 3, 20, batch_first=True, device="meta").eval()
    x = torch.empty(2, 7, 12, device="meta")
    inputs = {"src": x, "ffn_weight_1": module.linear1.weight, "ffn_weight_2": module.linear2.weight}
    call = make_call("_transformer_encoder_layer_fwd", inputs, [x])
    # attention as above, feed-forward 14 * (12 * 20 + 20 * 12)
    assert mult_adds_of(call) == 10416 + 14 * 480 == torch_mult_adds(lambda: module(x))


# ------------------------------------------------------------------------------------------------------ recurrent


@settings(deadline=None, max_examples=15)
@given(data=st.data(), kind=st.sampled_from(["lstm", "gru", "rnn_tanh", "rnn_relu"]))
def test_recurrent_layers_equal_their_parts(make_call, torch_mult_adds, data, kind):
    steps, layers = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
    batch, channels = data.draw(sizes), data.draw(sizes)
    hidden = data.draw(st.integers(2, 5))
    options = {"num_layers": layers, "bidirectional": data.draw(st.booleans()), "bias": data.draw(st.booleans())}
    if kind == "lstm":
        options["proj_size"] = data.draw(st.integers(0, hidden - 1))
        module = torch.nn.LSTM(channels, hidden, **options, device="meta")
    elif kind == "gru":
        module = torch.nn.GRU(channels, hidden, **options, device="meta")
    else:
        module = torch.nn.RNN(channels, hidden, nonlinearity=kind[4:], **options, device="meta")
    x = torch.empty(steps, batch, channels, device="meta")
    inputs = {"input": x, "hx.0": (1, batch, hidden)}
    inputs |= {f"params.{i}": p for i, p in enumerate(module.parameters())}
    assert mult_adds_of(make_call(kind, inputs, [module(x)[0]])) == torch_mult_adds(lambda: module(x))


def test_packed_sequence_counts_only_the_rows_that_are_there(make_call):
    # 9 rows of 4 channels, hidden 5: 9 * 20 * (4 + 5)
    inputs = {"data": (9, 4), "batch_sizes": (3,), "params.0": (20, 4), "params.1": (20, 5), "params.2": (20,)}
    assert mult_adds_of(make_call("lstm", inputs, [(9, 5)])) == 9 * 20 * 9


def test_one_mkldnn_layer_is_one_lstm_layer(make_call):
    inputs = {"input": (3, 2, 4), "weight0": (20, 4), "weight1": (20, 5), "weight2": (20,), "weight3": (20,)}
    assert mult_adds_of(make_call("mkldnn_rnn_layer", inputs, [(3, 2, 5)])) == 6 * 20 * 9


@pytest.mark.parametrize(("cell", "gates"), [("lstm_cell", 4), ("gru_cell", 3), ("rnn_tanh_cell", 1)])
def test_cell_is_two_products(make_call, cell, gates):
    # batch 2, 4 channels, hidden 5
    inputs = {"input": (2, 4), "hx": (2, 5), "w_ih": (gates * 5, 4), "w_hh": (gates * 5, 5)}
    assert mult_adds_of(make_call(cell, inputs, [(2, 5)])) == 2 * gates * 5 * (4 + 5)


# -------------------------------------------------------------------------------------------------- what is unknown


@pytest.mark.parametrize("op", ["mylib::spin", "fft_fft2", "linalg_svd", "cdist", "quantized::conv2d", "linalg_inv"])
def test_an_op_without_a_formula_is_none_not_zero(make_call, op):
    assert mult_adds_of(make_call(op, {"x": (3, 3)}, [(3, 3)])) is None


def test_a_view_is_free_whatever_its_name(make_call):
    assert mult_adds_of(make_call("mylib::peek", {"x": (3,)}, [(3,)], is_view=True)) == 0


def test_a_foreign_op_that_returns_nothing_is_unknown(make_call):
    assert mult_adds_of(make_call("mylib::log", {"x": (3,)}, [], is_view=True)) is None


@pytest.mark.parametrize("op", ["add", "batch_norm", "relu", "max_pool2d", "cat", "topk", "randn", "torchvision::nms"])
def test_what_is_no_product_is_zero(make_call, op):
    assert mult_adds_of(make_call(op, {"self": (3, 3)}, [(3, 3)])) == 0


def test_a_call_that_lacks_its_weight_says_so(make_call):
    with pytest.raises(BadFileError, match=r"Call 0 \(conv2d\) should have a tensor named weight; it has input."):
        mult_adds_of(make_call("conv2d", {"input": (1, 3, 8, 8)}, [(1, 3, 8, 8)]))


def test_a_call_that_lacks_its_output_or_argument_says_so(make_call):
    with pytest.raises(BadFileError, match=r"Call 0 \(mm\) should have an output; it has none."):
        mult_adds_of(make_call("mm", {"self": (2, 3), "mat2": (3, 5)}, []))
    with pytest.raises(BadFileError, match=r"should have an argument equation \(str\); it has None."):
        mult_adds_of(make_call("einsum", {"tensors.0": (2, 3)}, [(2,)]))

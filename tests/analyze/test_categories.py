"""Where calls belong, one line a rule."""

from __future__ import annotations

from collections import Counter

import pytest
from analyze.by_hand import Shape, call, conv, tensor

from effprof.analyze.categories import place
from effprof.analyze.op_tables import KINDS

OUT = tensor(9, (1, 4, 8, 8))


def placed(op: str, shape: Shape = (1, 4, 8, 8), **arguments: object) -> str:
    placement = place(call(0, op, (tensor(0, shape),), (OUT,), **arguments))
    return f"{placement.category.value}/{placement.kind}"


@pytest.mark.parametrize(
    ("weight", "groups", "kind"),
    [
        ((8, 4, 3, 3), 1, "dense"),
        ((8, 4, 1, 1), 1, "pointwise"),
        ((8, 4, 1, 3), 1, "dense"),
        ((8, 2, 3, 3), 2, "grouped"),
        ((8, 2, 1, 1), 2, "grouped"),
        ((4, 1, 3, 3), 4, "depthwise"),
        ((8, 1, 3, 3), 4, "depthwise"),  # two filters a channel
        ((4, 1, 1, 1), 4, "depthwise"),
        ((8, 1, 3, 3), 1, "dense"),  # one input channel is no group
    ],
)
def test_kinds_of_convolution(weight: Shape, groups: int, kind: str) -> None:
    source = tensor(0, (1, weight[1] * groups, 8, 8))
    assert place(conv(0, source, weight, OUT, groups=groups)).kind == kind


def test_transposed_convolution() -> None:
    placement = place(conv(0, tensor(0, (1, 4, 8, 8)), (4, 8, 2, 2), OUT, op="conv_transpose2d"))
    assert (placement.category.value, placement.kind) == ("conv", "transposed")


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("linear", "matmul/linear"),
        ("scaled_dot_product_attention", "matmul/attention"),
        ("_transformer_encoder_layer_fwd", "matmul/attention"),
        ("_native_multi_head_attention", "matmul/attention"),
        ("lstm", "matmul/recurrent"),
        ("einsum", "matmul/product"),
        ("relu", "elemwise/activation"),
        ("softmax", "elemwise/activation"),
        ("add", "elemwise/arithmetic"),
        ("dropout", "elemwise/arithmetic"),
        ("_fused_adamw", "elemwise/arithmetic"),
        ("_foreach_mul", "elemwise/arithmetic"),
        ("batch_norm", "elemwise/norm"),
        ("cat", "data_io/concat"),
        ("contiguous", "data_io/layout"),
        ("reshape", "data_io/layout"),
        ("to", "data_io/copy"),
        ("constant_pad_nd", "data_io/layout"),
        ("embedding", "data_io/index"),
        ("channel_shuffle", "shuffle/channel"),
        ("pixel_unshuffle", "shuffle/pixel"),
        ("max_pool2d", "pool/pooling"),
        ("upsample_bilinear2d", "pool/resampling"),
        ("_c10d_functional::all_reduce", "comm/collective"),
        ("torchvision::nms", "other/ordering"),
        ("sort", "other/ordering"),
        ("randn", "other/random"),
        ("mylib::spin", "other/unknown"),
    ],
)
def test_categories(op: str, expected: str) -> None:
    assert placed(op) == expected


def test_a_view_is_overhead_whatever_its_name() -> None:
    for op in ("reshape", "contiguous", "cat", "mylib::peek"):
        placement = place(call(0, op, (OUT,), (OUT,), is_view=True))
        assert (placement.category.value, placement.kind) == ("overhead", "view")


def test_reductions_over_places_are_pooling() -> None:
    assert placed("mean", dim=(2, 3)) == "pool/reduction"
    assert placed("mean", dim=(-1, -2)) == "pool/reduction"
    assert placed("amax", dim=(1, 2)) == "pool/reduction"  # channels last
    assert placed("mean", (2, 197, 768), dim=(1,)) == "pool/reduction"
    assert placed("mean", (2, 64, 100), dim=2) == "pool/reduction"
    assert placed("mean", dim=1) == "elemwise/arithmetic"
    assert placed("mean", dim=(0, 2, 3)) == "elemwise/arithmetic"
    assert placed("sum") == "elemwise/arithmetic"
    assert placed("sum", (4, 10), dim=1) == "elemwise/arithmetic"


def test_no_operator_is_in_two_tables() -> None:
    counts = Counter(name for names in KINDS.values() for name in names.split())
    assert [name for name, count in counts.items() if count > 1] == []

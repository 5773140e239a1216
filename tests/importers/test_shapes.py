"""Shapes of outputs as torch itself has them, and what is made of incomplete or odd records."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from effprof.cost import cost_of
from effprof.importers.events import RecordedTensors
from effprof.importers.shapes import Operands, OperandTable
from effprof.records import OpCall

_TYPES = {torch.float32: "float", torch.float16: "c10::Half", torch.int64: "long int", torch.bool: "bool"}


def recorded(*arguments: Any) -> RecordedTensors:
    """As the profiler records a call with these arguments."""
    dims, types, values = [], [], []
    for one in arguments:
        if isinstance(one, torch.Tensor):
            dims.append(list(one.shape))
            types.append(_TYPES[one.dtype])
            values.append("")
        elif isinstance(one, list) and one and isinstance(one[0], torch.Tensor):
            dims.append([list(part.shape) for part in one])
            types.append("TensorList")
            values.append("")
        else:
            dims.append([])
            types.append("" if one is None else "ScalarList" if isinstance(one, list) else "Scalar")
            values.append("" if one is None else str(one))
    return RecordedTensors(*(json.dumps(part).encode() for part in (dims, types)), b"", json.dumps(values).encode())


def operands(name: str, *arguments: Any) -> Operands:
    return OperandTable().operands(name, recorded(*arguments))


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, device="meta", dtype=dtype)


X, W = meta(2, 6, 9, 11), meta(8, 3, 3, 5)
ATEN = torch.ops.aten


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("convolution", (X, W, None, [2, 1], [1, 2], [1, 2], False, [0, 0], 2)),
        ("convolution", (X, meta(6, 4, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [1, 0], 1)),
        ("convolution", (meta(2, 6, 20), meta(4, 6, 5), None, [3], [2], [1], False, [0], 1)),
        ("mm", (meta(4, 5), meta(5, 7))),
        ("bmm", (meta(3, 4, 5), meta(3, 5, 7))),
        ("matmul", (meta(3, 1, 4, 5), meta(2, 5, 7))),
        ("matmul", (meta(5), meta(2, 5, 7))),
        ("matmul", (meta(2, 4, 5), meta(5))),
        ("mv", (meta(4, 5), meta(5))),
        ("addmm", (meta(7), meta(4, 5), meta(5, 7), 1, 1)),
        ("baddbmm", (meta(7), meta(3, 4, 5), meta(3, 5, 7), 1, 1)),
        ("linear", (meta(2, 3, 5), meta(7, 5), meta(7))),
        ("cat", ([meta(2, 3), meta(2, 4)], 1)),
        ("stack", ([meta(2, 3), meta(2, 3)], -1)),
        ("embedding", (meta(10, 4), meta(2, 3, dtype=torch.int64))),
        ("max_pool2d", (X, [3, 3], [2, 2], [1, 1], [1, 1], False)),
        ("avg_pool2d", (X, [3, 2], [], [1, 0], False)),
        ("_adaptive_avg_pool2d", (X, [1, 1])),
        ("mean", (X, [2, 3], True)),
        ("mean", (X, [-1], False)),
        ("mean", (X, [], False)),
        ("sum", (X, [], True)),
        ("amax", (X, [], False)),
        ("amin", (X, [1, 2], True)),
        ("softmax", (X, 1)),
        ("relu", (X,)),
        ("add", (X, meta(11))),
        ("mul", (meta(2, 3, dtype=torch.float16), meta())),
        ("where", (X > 0, X, meta(9, 1))),
        ("gt", (X, X)),
        ("scaled_dot_product_attention", (meta(2, 4, 5, 8), meta(2, 4, 7, 8), meta(2, 4, 7, 6))),
    ],
)
def test_outputs_are_as_torch_makes_them(name: str, arguments: tuple[Any, ...]) -> None:
    if name == "where":
        expected = torch.where(*arguments)
    elif name == "scaled_dot_product_attention":
        expected = torch.nn.functional.scaled_dot_product_attention(*arguments)
    elif name == "addmm":
        expected = torch.addmm(*arguments[:3])
    elif name == "baddbmm":
        expected = torch.baddbmm(*arguments[:3])
    else:
        expected = getattr(ATEN, name)(*arguments)
    made = operands(f"aten::{name}", *arguments)
    assert [spec.shape for spec in made.outputs] == [tuple(expected.shape)]
    assert made.outputs[0].item_bytes == expected.element_size() or name in ("cat", "stack")
    assert made.state == ("shapes" if name in ("cat", "stack") else "known")


def cost(made: Operands, aten: str) -> tuple[int | None, int | None]:
    call = OpCall(
        0, made.op, aten, "", None, made.inputs, made.input_names, made.outputs, made.arguments, made.written,
        tensors=made.state,
    )  # fmt: skip
    result = cost_of(call)
    return result.mult_adds, result.access_bytes


HALF = meta(2, 3, dtype=torch.float16)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("to", (HALF, 6, False, False, None)),
        ("_to_copy", (HALF, 6, None, None, None, False, None)),
        ("softmax", (HALF, 1, 6)),
        ("_softmax", (HALF, 1, True)),
        ("sum", (HALF, [1], False, 6)),
        ("sum", (meta(2, 3, dtype=torch.bool), [1], False, None)),
        ("zeros_like", (HALF, 6, None, None, None, None)),
        ("add", (HALF, meta(2, 3), 1)),
        ("where", (meta(2, 3, dtype=torch.bool), HALF, meta(3))),
        ("div", (meta(2, 3, dtype=torch.int64), meta(2, 3, dtype=torch.int64))),
    ],
)
def test_where_the_type_of_the_output_is_not_certain_bytes_are_unknown(name: str, arguments: tuple[Any, ...]) -> None:
    made = operands(f"aten::{name}", *arguments)
    assert (made.state, made.outputs[0].dtype) == ("shapes", "unrecorded")
    assert cost(made, f"aten::{name}")[1] is None


def test_without_values_an_op_may_have_been_told_its_type() -> None:
    old = RecordedTensors(b"[[2,3],[],[]]", b'["c10::Half","",""]', b"", b"")
    assert OperandTable().operands("aten::zeros_like", old).state == "shapes"
    assert OperandTable().operands("aten::relu", old).state == "known"


def test_a_tensor_without_entries_has_no_huge_strides() -> None:
    empty = RecordedTensors(b"[[0,1073741824,1073741824]]", b'["float"]', b"", b"")
    assert OperandTable().operands("aten::relu", empty).inputs[0].strides == (2**60, 2**30, 1)
    beyond = RecordedTensors(b"[[0,1152921504606846976,1152921504606846976]]", b'["float"]', b"", b"")
    assert OperandTable().operands("aten::relu", beyond).inputs == ()


def test_an_op_in_place_writes_what_it_read() -> None:
    made = operands("aten::add_", meta(4, 5), meta(4, 5), 1)
    assert (made.op, made.written) == ("add", (0,))
    assert cost(made, "aten::add_") == (0, 4 * 20 * 3)
    assert cost(operands("aten::copy_", meta(4), meta(4)), "aten::copy_") == (0, 4 * 4 * 2)


def test_two_tensors_of_one_shape_are_two_tensors() -> None:
    assert cost(operands("aten::mul", meta(4, 5), meta(4, 5)), "aten::mul") == (0, 4 * 20 * 3)


def test_without_the_values_of_arguments_a_convolution_has_no_output() -> None:
    old = RecordedTensors(b"[[32,3,224,224],[64,3,7,7],[],[],[],[],[]]", b'["float","float","","","","",""]', b"", b"")
    made = OperandTable().operands("aten::conv2d", old)
    assert (made.op, made.outputs, made.state) == ("conv2d", (), "unknown")
    assert [spec.shape for spec in made.inputs] == [(32, 3, 224, 224), (64, 3, 7, 7)]
    assert made.arguments == {"groups": 1}
    shapes = RecordedTensors(b"[[1,8,4,4],[8,1,3,3]]", b"", b"", b"")
    grouped = OperandTable().operands("aten::cudnn_convolution", shapes)
    assert (grouped.op, grouped.arguments) == ("conv2d", {"groups": 8})


def test_without_types_work_is_known_and_bytes_are_not() -> None:
    made = OperandTable().operands("aten::mm", RecordedTensors(b"[[4,5],[5,7]]", b"[]", b"", b""))
    assert made.state == "shapes"
    assert cost(made, "aten::mm") == (4 * 5 * 7, None)


@pytest.mark.parametrize(
    "parts",
    [
        (b'"text"', b"", b"", b""),
        (b"[[-1]]", b'["float"]', b"", b""),
        (b"[[1152921504606846977]]", b'["float"]', b"", b""),
        (b"[[99999999999999999999999]]", b'["float"]', b"", b""),
        (b"[[4611686018427387904,4611686018427387904]]", b'["float"]', b"", b""),
        (b"[[1.5]]", b'["float"]', b"", b""),
        (b"[[[[[2]]]]]", b'["float"]', b"", b""),
        (b"[[2,3]]", b'[{"a":1}]', b"[[1]]", b'[["x"]]'),
        (b"[[2,3],[3,4]]", b"{}", b"7", b"null"),
        (b"[[2,3],[7,4]]", b'["float","float"]', b"[[-1,5],[1e99]]", b'["[[[[","9999999999999999999999"]'),
        (b"[[]]", b'["float"]', b"", b'["' + b"[" * 900 + b'"]'),
    ],
)
@pytest.mark.parametrize("name", ["aten::relu_", "aten::mm", "aten::conv2d", "aten::cat", "x::y", "aten::mean"])
def test_odd_records_make_no_error_and_no_huge_number(name: str, parts: tuple[bytes, ...]) -> None:
    made = OperandTable().operands(name, RecordedTensors(*parts))
    assert all(0 <= size <= 2**60 for spec in (*made.inputs, *made.outputs) for size in (*spec.shape, *spec.strides))
    json.dumps(cost(made, name))

"""What one recorded pass says: names, data flow, views, layers, sources."""

from __future__ import annotations

import dataclasses
import gc
import inspect
import weakref
from collections import Counter
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from effprof.bench.kernels import convolution_kernels
from effprof.capture import Capture, Inputs, capture
from effprof.measure.guard import threads_set


def record(model: nn.Module, *inputs: torch.Tensor, mode: Callable[[], object] = torch.inference_mode) -> Capture:
    with mode():  # type: ignore[attr-defined]
        return capture(model.eval(), Inputs(inputs))


class Everyday(nn.Module):
    """The operators of an ordinary image network, in-place and functional ones among them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding="same")
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.group_norm = nn.GroupNorm(2, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv(x)), inplace=True)
        x = F.max_pool2d(self.group_norm(self.up(x)), 2)
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous().view(batch, -1, height, width)
        x = torch.cat([x, x * 2], 1)[:, ::2] + 1
        x = F.adaptive_avg_pool2d(x, 1)
        return F.softmax(self.head(torch.flatten(x, 1)), -1)


def test_both_grad_modes_name_work_alike() -> None:
    model, image = Everyday(), torch.randn(2, 3, 8, 8)
    inference = record(model, image)
    no_grad = record(model, image, mode=torch.no_grad)
    assert [c.op for c in inference.calls if not c.is_view] == [
        "conv2d", "batch_norm", "relu", "conv_transpose2d", "group_norm", "max_pool2d", "contiguous", "mul", "cat",
        "add", "adaptive_avg_pool2d", "linear", "softmax",
    ]  # fmt: skip
    # no_grad also shows the empty tensor that batch_norm reserves, and pools to 1x1 by a mean over both axes.
    assert [c.op for c in no_grad.calls if not c.is_view and c.op != "empty"] == [
        "mean" if c.op == "adaptive_avg_pool2d" else c.op for c in inference.calls if not c.is_view
    ]


def test_every_value_has_one_producer_and_consumers_find_it() -> None:
    captured = record(Everyday(), torch.randn(1, 3, 8, 8))
    produced = Counter(spec.id for call in captured.calls for spec in call.outputs)
    assert set(produced.values()) == {1}
    known = set(produced)
    for call in captured.calls:
        for spec in call.inputs:
            assert spec.role in ("parameter", "buffer", "input") or spec.id in known
        known.update(spec.id for spec in call.outputs)


def test_a_write_in_place_is_a_new_value_in_the_same_memory() -> None:
    captured = record(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True)), torch.randn(1, 1, 4, 4))
    conv, relu = captured.calls
    assert relu.written == (0,)
    assert not relu.is_view
    assert relu.inputs[0].id == conv.outputs[0].id
    assert relu.outputs[0].id != relu.inputs[0].id
    assert relu.outputs[0].storage == relu.inputs[0].storage
    assert captured.output_ids == {relu.outputs[0].id}


class Reshapes(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x.reshape(2, 8), x.t().reshape(16), x.contiguous(), x.t().contiguous(), x.flatten(), x.to(torch.float64)


def test_copies_are_told_from_views_by_their_memory() -> None:
    captured = record(Reshapes(), torch.arange(16.0).view(4, 4))
    moved = [(call.op, call.is_view) for call in captured.calls if call.op not in ("t", "contiguous")]
    assert moved == [("reshape", True), ("reshape", False), ("flatten", True), ("to", False)]
    assert [call.is_view for call in captured.calls if call.op == "contiguous"][-1] is False


def test_in_place_changes_of_shape_and_dropout_in_eval_move_nothing() -> None:
    class InPlace(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.dropout((x + 1).unsqueeze_(0).squeeze_(0).t_(), 0.5, self.training, inplace=True).relu_()

    captured = record(InPlace(), torch.randn(2, 3))
    assert [(call.op, call.is_view) for call in captured.calls] == [
        ("add", False), ("unsqueeze", True), ("squeeze", True), ("t", True), ("dropout", True), ("relu", False),
    ]  # fmt: skip


class Shared(nn.Module):
    """One block under two names, called twice, once through .forward(); one kept in a list without registration."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.second = self.first
        self.hidden = [nn.Linear(4, 4)]

    def twice(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    def forward(self, x: torch.Tensor, deep: bool = False) -> dict[str, object]:
        if deep:
            x = torch.sin(x)
        y = self.second(self.first.forward(x))
        return {"main": self.twice(y), "rest": (self.hidden[0](y),)}


def test_layers_of_shared_and_unregistered_modules() -> None:
    captured = record(Shared(), torch.randn(2, 4))
    assert [(call.op, call.layer) for call in captured.calls] == [
        ("linear", "first.0"), ("tanh", "first.1"), ("linear", "first.0"), ("tanh", "first.1"), ("mul", ""),
        ("linear", ""),
    ]  # fmt: skip
    assert {spec.id for call in captured.calls[-2:] for spec in call.outputs} == captured.output_ids


def test_forward_called_directly_still_names_the_layer() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv.forward(x)

    assert record(Direct(), torch.randn(1, 1, 2, 2)).calls[0].layer == "conv"


def test_source_is_the_line_in_the_users_file() -> None:
    lines, first = inspect.getsourcelines(Shared.twice)
    line = first + next(i for i, text in enumerate(lines) if "x * 2" in text)
    mul = next(call for call in record(Shared(), torch.randn(2, 4)).calls if call.op == "mul")
    assert mul.source is not None
    assert mul.source.endswith(f"test_recorder.py:{line}")


def test_a_network_of_torchs_own_modules_has_no_source() -> None:
    captured = record(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.randn(1, 2))
    assert [call.source for call in captured.calls] == [None, None]


@dataclasses.dataclass
class Result:
    logits: torch.Tensor
    extra: list[torch.Tensor]


class Structured(nn.Module):
    def forward(self, x: torch.Tensor) -> Result:
        return Result(x + 1, [x - 1, x * 3])


def test_outputs_in_a_dataclass_are_found() -> None:
    captured = record(Structured(), torch.randn(3))
    assert captured.output_ids == {spec.id for call in captured.calls for spec in call.outputs}
    assert len(captured.output_ids) == 3


def test_fused_attention_is_one_call() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    assert [call.op for call in record(layer, torch.randn(1, 5, 16)).calls] == ["_transformer_encoder_layer_fwd"]
    attention = nn.MultiheadAttention(16, 2, batch_first=True)
    with torch.inference_mode():
        tokens = torch.randn(1, 5, 16)
        captured = capture(attention.eval(), Inputs((tokens, tokens, tokens), {"need_weights": False}))
    assert "_native_multi_head_attention" in [call.op for call in captured.calls]


def test_arguments_inputs_and_defaults_are_named_by_the_schema() -> None:
    conv = record(nn.Conv2d(4, 8, 3, stride=2, groups=2, bias=False), torch.randn(1, 4, 9, 9)).calls[0]
    assert conv.input_names == ("input", "weight")
    assert conv.arguments["stride"] == (2, 2)
    assert conv.arguments["groups"] == 2
    assert conv.arguments["bias"] is None
    weight = conv.tensor("weight")
    assert weight is not None
    assert (weight.role, weight.shape, weight.item_bytes) == ("parameter", (8, 2, 3, 3), 4)
    assert conv.tensor("bias") is None


def test_index_values_are_kept_where_they_are_known() -> None:
    class Pick(nn.Module):
        def forward(self, x: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
            return x[:, order]

    x, order = torch.randn(1, 4, 2, 2), torch.tensor([2, 0, 3, 1])
    index = next(call for call in record(Pick(), x, order).calls if call.op == "index")
    assert [spec.values for spec in index.inputs if spec.dtype == "int64"] == [(2, 0, 3, 1)]
    meta = record(Pick(), x.to("meta"), order.to("meta"))
    assert [s.values for c in meta.calls if c.op == "index" for s in c.inputs] == [None, None]


def test_batch_norm_on_meta_is_as_torch_says() -> None:
    """The recorder takes a short cut there."""
    for shape, memory_format in [((2, 4, 5, 6), torch.channels_last), ((2, 4, 5, 6), torch.contiguous_format)]:
        for dtype in (torch.float32, torch.bfloat16):
            norm = nn.BatchNorm2d(4, device="meta", dtype=dtype).eval()
            x = torch.empty(shape, device="meta", dtype=dtype).contiguous(memory_format=memory_format)
            with torch.inference_mode():
                expected = norm(x)
            (call,) = record(norm, x).calls
            (found,) = call.outputs
            assert (found.shape, found.strides, found.dtype) == (
                tuple(expected.shape),
                expected.stride(),
                str(expected.dtype).removeprefix("torch."),
            )
            assert call.is_view is False


def test_recording_holds_no_activation_in_memory() -> None:
    kept: list[weakref.ref[torch.UntypedStorage]] = []

    class Watched(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            kept.append(weakref.ref(y))
            for _ in range(3):
                y = y * 2
            gc.collect()
            assert kept[0]() is None, "the recorder must not keep what the network has dropped"
            return y

    record(Watched(), torch.randn(4))


def test_recording_changes_nothing_of_what_is_called() -> None:
    """The sequence with our recorder is that of a bare dispatch mode, fused attention included."""

    class Names(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.names: list[str] = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            overload = func._schema.overload_name
            self.names.append(f"{func._schema.name}.{overload}" if overload else func._schema.name)
            return func(*args, **(kwargs or {}))

    model = nn.Sequential(nn.Linear(8, 16), nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)).eval()
    tokens = torch.randn(1, 3, 8)
    with torch.inference_mode(), Names() as bare:
        model(tokens)
    with torch.inference_mode():
        captured = capture(model, Inputs((tokens,)), find_spans=True)
    assert [call.aten for call in captured.calls] == bare.names


def test_errors_of_the_forward_come_through_and_leave_torch_as_it_was() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ZeroDivisionError("planted")

    before = (torch.conv2d, torch.Tensor.__add__, vars(torch.Tensor).get("relu"), F.gelu)
    with pytest.raises(ZeroDivisionError, match="planted"), torch.inference_mode():
        capture(Broken(), Inputs((torch.ones(1),)), find_spans=True)
    assert (torch.conv2d, torch.Tensor.__add__, vars(torch.Tensor).get("relu"), F.gelu) == before
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


KERNELS = {"Slow2d": "_slow_conv2d_forward", "Mkldnn": "mkldnn_convolution"}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("size", [7, 56])
@pytest.mark.parametrize("options", [{}, {"stride": 2}, {"groups": 32}, {"kernel_size": 3, "padding": 1}])
def test_the_backend_that_is_told_is_the_kernel_that_runs(
    threads: int, batch: int, size: int, options: dict[str, int]
) -> None:
    """Beside torch.profiler, which sees what ran."""
    network = nn.Conv2d(32, 32, **{"kernel_size": 1, "bias": False, **options}).eval()  # type: ignore[arg-type]
    x = torch.zeros(batch, 32, size, size)
    with threads_set(threads), torch.inference_mode():
        (call,) = capture(network, Inputs((x,))).calls
        assert call.backend is not None
        assert KERNELS[call.backend] == convolution_kernels(network, x)


def test_no_backend_where_no_data_is_at_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    on_meta = record(network.to("meta"), torch.zeros(1, 3, 8, 8, device="meta"))
    assert [call.backend for call in on_meta.calls] == [None] * 2
    unbatched = nn.Conv2d(3, 4, 1)
    assert {call.backend for call in record(unbatched, torch.zeros(3, 8, 8)).calls} == {None}

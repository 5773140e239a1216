"""Shuffles and categories of real torch modules, captured in every mode that effprof sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from effprof.analyze.breakdown import cost_calls
from effprof.capture import Inputs, capture
from effprof.records import Category, CostedOp

MODES = ("inference_mode", "no_grad", "meta", "channels_last")
PERMUTATION = (2, 0, 5, 1, 4, 3)


class Function(nn.Module):
    """A function between two operators, as a block would have it; the first and the last are not part of it."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.function(torch.relu(x)))


def costed(model: nn.Module, shape: tuple[int, ...], mode: str) -> tuple[CostedOp, ...]:
    x = torch.zeros(shape, device="meta" if mode == "meta" else "cpu")
    if mode == "channels_last" and len(shape) == 4:
        x = x.to(memory_format=torch.channels_last)
    with torch.no_grad() if mode == "no_grad" else torch.inference_mode():
        return cost_calls(capture(model.eval(), Inputs((x,))).calls)


def shuffles(ops: tuple[CostedOp, ...]) -> list[str]:
    return [op.kind for op in ops if op.category is Category.SHUFFLE]


def group_and_ungroup(x: Tensor) -> Tensor:
    batch, channels, height, width = x.size()
    grouped = x.view(batch, 2, channels // 2, height, width)
    return torch.transpose(grouped, 1, 2).contiguous().view(batch, -1, height, width)


def flat_groups(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    return x.reshape(batch, 3, channels // 3, height * width).permute(0, 2, 1, 3).reshape(x.shape)


CHANNEL = {
    "view-transpose-contiguous-view": group_and_ungroup,
    "reshape-permute-reshape": flat_groups,
    "nn.ChannelShuffle": nn.ChannelShuffle(3),
    "stack of chunks": lambda x: torch.stack(x.chunk(2, 1), 2).flatten(1, 2),
    "stack of split": lambda x: torch.stack(torch.split(x, 2, dim=1), dim=2).reshape(x.shape),
    "stack of unbind": lambda x: torch.stack(x.unflatten(1, (2, 3)).unbind(1), 2).flatten(1, 2),
    "unflatten-transpose-flatten": lambda x: x.unflatten(1, (3, 2)).transpose(1, 2).flatten(1, 2),
    "swapaxes": lambda x: x.unflatten(1, (3, 2)).swapaxes(1, 2).reshape(x.shape),
    "movedim": lambda x: x.unflatten(1, (3, 2)).movedim(1, 2).reshape(x.shape),
    "strided slices": lambda x: torch.cat([x[:, ::2], x[:, 1::2]], 1),
}
PIXEL = {
    "nn.PixelShuffle": (nn.PixelShuffle(2), (2, 8, 3, 5)),
    "nn.PixelUnshuffle": (nn.PixelUnshuffle(2), (2, 2, 4, 6)),
    "view-permute-reshape": (
        lambda x: x.view(2, 2, 2, 2, 3, 5).permute(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 10),
        (2, 8, 3, 5),
    ),
}
NOT_SHUFFLES = {
    "NCHW to NHWC": lambda x: x.permute(0, 2, 3, 1).contiguous(),
    "NHWC and back": lambda x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).contiguous(),
    "flatten": lambda x: x.transpose(2, 3).flatten(1),
    "tokens": lambda x: x.flatten(2).transpose(1, 2).contiguous(),
    "heads": lambda x: x.flatten(2).view(2, 6, 5, 5).transpose(1, 2).contiguous().view(2, 5, 30),
    "window partition": lambda x: x.reshape(2, 3, 2, 5, 5).permute(0, 2, 1, 3, 4).reshape(4, 3, 5, 5),
    "chunk and cat": lambda x: torch.cat(x.chunk(2, 1), 1),
    "roll": lambda x: x.roll(2, 1),
    "identity index": lambda x: x.index_select(1, torch.arange(6)) if x.device.type == "cpu" else x,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spelling", CHANNEL)
def test_channel_shuffle_in_every_spelling(spelling: str, mode: str) -> None:
    ops = costed(Function(CHANNEL[spelling]), (2, 6, 5, 5), mode)
    assert set(shuffles(ops)) == {"channel"}
    assert {op.kind for op in ops if op.category is Category.DATA_IO} == set()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op", ["index", "index_select"])
def test_channel_permuting_index(op: str, mode: str) -> None:
    def permute(x: Tensor) -> Tensor:
        index = torch.tensor(PERMUTATION)
        if x.device.type == "meta":
            index = torch.empty(6, dtype=torch.int64, device="meta")
        return x[:, index] if op == "index" else x.index_select(1, index)

    assert shuffles(costed(Function(permute), (2, 6, 5, 5), mode)) == ["assumed" if mode == "meta" else "channel"]


@pytest.mark.parametrize("mode", MODES[:3])
@pytest.mark.parametrize("spelling", PIXEL)
def test_pixel_shuffle_in_every_spelling(spelling: str, mode: str) -> None:
    function, shape = PIXEL[spelling]
    assert shuffles(costed(Function(function), shape, mode)) == ["pixel"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("spelling", NOT_SHUFFLES)
def test_what_is_no_shuffle(spelling: str, mode: str) -> None:
    assert shuffles(costed(Function(NOT_SHUFFLES[spelling]), (2, 6, 5, 5), mode)) == []


def on_meta(name: str) -> tuple[CostedOp, ...]:
    with torch.device("meta"):
        model = getattr(torchvision.models, name)()
    return costed(model, (1, 3, 224, 224), "meta")


def test_shufflenet_shuffles_once_a_block() -> None:
    # stages of 4, 8 and 4 blocks (Ma et al. 2018, table 5)
    assert shuffles(on_meta("shufflenet_v2_x1_0")) == ["channel"] * 16


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "swin_v2_t", "maxvit_t", "densenet121"])
def test_networks_without_shuffles(name: str) -> None:
    ops = on_meta(name)
    assert shuffles(ops) == []
    assert Counter(op.call.op for op in ops if op.kind == "unknown") == {}

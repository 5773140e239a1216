"""What Inception-v3 and Inception-ResNet-v2 share: a short notation for branches, the stem, the reduction to 17x17."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from .blocks import Branches, conv_bn


class Conv(NamedTuple):
    """One layer of a chain; an unpadded one is marked V in the figures of the papers."""

    channels: int
    kernel_size: int | tuple[int, int] = 1
    stride: int = 1
    padded: bool = True


def halving(channels: int) -> Conv:
    """The 3x3 that halves the image in every reduction."""
    return Conv(channels, 3, stride=2, padded=False)


def chain(in_channels: int, *layers: Conv) -> nn.Sequential:
    """Convolutions one after the other, each with batch-norm and ReLU."""
    modules = []
    for channels, kernel_size, stride, padded in layers:
        # eps of both networks' authors
        modules.append(conv_bn(in_channels, channels, kernel_size, stride, padded=padded, eps=1e-3))
        in_channels = channels
    return nn.Sequential(*modules)


def pooled_chain(in_channels: int, *layers: Conv, count_include_pad: bool = True) -> nn.Sequential:
    """A 3x3 average that keeps the size, then the chain; by default the padding's zeros count in the average."""
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=count_include_pad)
    return nn.Sequential(pool, *chain(in_channels, *layers))


def stem() -> nn.Sequential:
    """(batch, 3, 299, 299) to (batch, 192, 35, 35), as in the authors' code.

    Table 1 of the Inception-v3 paper prints a 3x3 where the code has the 1x1, and a strided 3x3 for the second pool.
    """
    return nn.Sequential(
        *chain(3, halving(32), Conv(32, 3, padded=False), Conv(64, 3)),
        nn.MaxPool2d(3, stride=2),
        *chain(64, Conv(80), Conv(192, 3, padded=False)),
        nn.MaxPool2d(3, stride=2),
    )


class ReductionA(Branches):
    """Figure 7 of the Inception-ResNet paper, 35x35 to 17x17; k, l, m and n are its letters for channels.

    Figure 10 of the Inception-v3 paper gives the reason for it: convolutions and pool side by side keep what a pool
    alone would lose and cost less than a convolution before the pool.
    """

    def __init__(self, in_channels: int, k: int, l: int, m: int, n: int) -> None:  # noqa: E741
        super().__init__(
            chain(in_channels, halving(n)),
            chain(in_channels, Conv(k), Conv(l, 3), halving(m)),
            nn.MaxPool2d(3, stride=2),
        )

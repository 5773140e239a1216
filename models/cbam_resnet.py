"""CBAM-ResNet (Woo et al., ECCV 2018, "CBAM: Convolutional Block Attention Module").

Each block first weighs its channels and then its places, so that it is told both what to look for and where. Both
weights come from a maximum and a mean, one over the places and one over the channels, as the two tell different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from .blocks import conv_bn
from .resnet import Bottleneck, ResNet


class ChannelAttention(nn.Module):
    """Figure 2 (top) of the paper: every channel of (batch, channels, h, w), times a factor between 0 and 1."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        narrow = channels // reduction
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.maximum = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
        self.shared = nn.Sequential(nn.Linear(channels, narrow), nn.ReLU(inplace=True), nn.Linear(narrow, channels))

    def forward(self, x: Tensor) -> Tensor:
        factors = torch.sigmoid(self.shared(self.mean(x)) + self.shared(self.maximum(x)))
        return x * factors[:, :, None, None]


class SpatialAttention(nn.Module):
    """Figure 2 (bottom) of the paper: every place of (batch, channels, h, w), times a factor between 0 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = conv_bn(2, 1, kernel_size=7, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        # the maximum comes first, as in the authors' code; the paper names the mean first
        seen = torch.cat((x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.convolution(seen))


def channel_then_spatial(channels: int) -> nn.Sequential:
    """The order that the paper found best (section 4.1)."""
    return nn.Sequential(ChannelAttention(channels), SpatialAttention())


def cbam_resnet(repeats: Sequence[int]) -> ResNet:
    """Images (batch, 3, height, width) to scores (batch, 1000); the stride is in the 3x3."""
    return ResNet(repeats, block=partial(Bottleneck, attention=channel_then_spatial))

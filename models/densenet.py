"""DenseNet (Huang et al., CVPR 2017, "Densely Connected Convolutional Networks").

Each layer sees the outputs of all layers before it in its block and adds a few channels of its own, so features are
reused instead of learned again. Few parameters and mult-adds suffice, but every concatenation copies what is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import conv_bn, initialise, pool_and_classify

GROWTH = 32  # channels that a layer adds


def bn_conv(in_channels: int, out_channels: int, kernel_size: int = 1) -> nn.Sequential:
    """Batch-norm, ReLU and then the convolution: the order that section 3 of the paper uses."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False)
    return nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True), conv)


class DenseLayer(nn.Module):
    """DenseNet-B: a 1x1 narrows whatever has piled up, a 3x3 makes the new channels, appended to the input."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(bn_conv(in_channels, 4 * GROWTH), bn_conv(4 * GROWTH, GROWTH, kernel_size=3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.body(x)), dim=1)


class DenseNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `repeats` layers in each of four blocks."""

    def __init__(self, repeats: Sequence[int] = (6, 12, 24, 16), classes: int = 1000) -> None:
        super().__init__()
        channels = 2 * GROWTH
        self.stem = nn.Sequential(conv_bn(3, channels, kernel_size=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        stages: list[nn.Module] = []
        for index, layers in enumerate(repeats):
            if index > 0:  # DenseNet-C: a transition halves the channels, too
                stages.append(nn.Sequential(bn_conv(channels, channels // 2), nn.AvgPool2d(2)))
                channels //= 2
            stages.append(nn.Sequential(*(DenseLayer(channels + layer * GROWTH) for layer in range(layers))))
            channels += layers * GROWTH
        self.stages = nn.Sequential(*stages, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.classifier = pool_and_classify(channels, classes)
        # a layer takes in far more channels than it puts out: by fan-out, activations would grow from layer to layer
        initialise(self, mode="fan_in")

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stages(self.stem(x)))

"""MobileNetV2 (Sandler et al., CVPR 2018, "Inverted Residuals and Linear Bottlenecks").

A block widens a thin tensor with a 1x1, filters it depthwise and projects it back without an activation, since a
ReLU in few channels would lose information. The shortcuts join the thin ends, so little needs to be kept in memory.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from .blocks import conv_bn, depthwise_bn, initialise, pool_and_classify

# Table 2 of the paper: expansion t, output channels c, repeats n, stride s of the first repeat
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def to_multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, but never more than 10 % below `channels`: the rounding of the authors' code."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


class InvertedResidual(nn.Module):
    """Figure 4 of the paper: expand (1x1), depthwise (3x3), project (1x1, linear)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.has_shortcut = stride == 1 and in_channels == out_channels
        wide = in_channels * expansion
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if expansion != 1:
            layers["expand"] = conv_bn(in_channels, wide, activation=nn.ReLU6)
        layers["depthwise"] = depthwise_bn(wide, stride, activation=nn.ReLU6)
        layers["project"] = conv_bn(wide, out_channels, activation=None)
        self.body = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_shortcut else self.body(x)


class MobileNetV2(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `width` scales every layer's channels."""

    def __init__(self, width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        channels = to_multiple_of_8(32 * width)
        self.stem = conv_bn(3, channels, kernel_size=3, stride=2, activation=nn.ReLU6)
        blocks: list[nn.Module] = []
        for expansion, base_channels, repeats, first_stride in STAGES:
            out_channels = to_multiple_of_8(base_channels * width)
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                blocks.append(InvertedResidual(channels, out_channels, stride, expansion))
                channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        last_channels = to_multiple_of_8(1280 * max(1.0, width))  # the paper never narrows the last layer
        self.head = conv_bn(channels, last_channels, activation=nn.ReLU6)
        self.classifier = pool_and_classify(last_channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.head(self.blocks(self.stem(x))))

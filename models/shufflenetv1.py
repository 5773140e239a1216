"""ShuffleNet V1 (Zhang et al., CVPR 2018, arXiv 2017, "ShuffleNet: An Extremely Efficient Convolutional Neural Network
for Mobile Devices").

The 1x1 convolutions, most of a small network's arithmetic, are split into groups that each see only their own
channels. A channel shuffle between two of them lets every group of the second see all groups of the first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import channel_shuffle, conv_bn, depthwise_bn, initialise, pool_and_classify

# Table 1 of the paper: channels of stage 2 at width 1 for each number of groups; every later stage doubles them
STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
STEM_CHANNELS = 24
REPEATS = (4, 8, 4)


def to_multiple(channels: float, divisor: int) -> int:
    """`channels`, rounded up so that they split into `divisor` equal groups."""
    return -int(-channels // divisor) * divisor


class ShuffleUnit(nn.Module):
    """Figure 2 (b) and, with stride 2, (c) of the paper: grouped 1x1, shuffle, depthwise 3x3, grouped 1x1.

    With stride 2 the shortcut is an average pool and is concatenated, which makes up the new channels for free.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, groups: int, first_groups: int) -> None:
        super().__init__()
        self.groups = groups
        narrow = to_multiple(out_channels // 4, groups)
        computed = out_channels - in_channels if stride == 2 else out_channels
        self.compress = conv_bn(in_channels, narrow, groups=first_groups)
        self.depthwise = depthwise_bn(narrow, stride)
        self.expand = conv_bn(narrow, computed, groups=groups, activation=None)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.compress(x)
        if self.groups > 1:
            y = channel_shuffle(y, self.groups)
        y = self.expand(self.depthwise(y))
        y = x + y if self.pool is None else torch.cat((y, self.pool(x)), dim=1)
        return self.activation(y)


class ShuffleNetV1(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `width` is the paper's scale factor s."""

    def __init__(self, groups: int = 3, width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        # the authors' code (github.com/megvii-model/ShuffleNet-Series) has 24 channels at 1.5x as at 1x, and 48 at 2x
        channels = to_multiple(STEM_CHANNELS * (width if width < 1 else int(width)), groups)
        self.stem = nn.Sequential(conv_bn(3, channels, kernel_size=3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        stages: list[nn.Module] = []
        for index, repeats in enumerate(REPEATS):
            out_channels = to_multiple(STAGE2_CHANNELS[groups] * 2**index * width, groups)
            units: list[nn.Module] = []
            for repeat in range(repeats):
                # the very first 1x1 is not grouped: its input has too few channels (section 3.2)
                first_groups = 1 if index == 0 and repeat == 0 else groups
                units.append(ShuffleUnit(channels, out_channels, 2 if repeat == 0 else 1, groups, first_groups))
                channels = out_channels
            stages.append(nn.Sequential(*units))
        self.stage2, self.stage3, self.stage4 = stages
        self.classifier = pool_and_classify(channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stage4(self.stage3(self.stage2(self.stem(x)))))

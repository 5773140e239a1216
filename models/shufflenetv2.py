"""ShuffleNet V2 (Ma et al., ECCV 2018, "Practical Guidelines for Efficient CNN Architecture Design").

Each unit passes half of the channels through untouched and works on the other half with layers as wide as their
input and no groups; concatenation and shuffle join the halves. It follows from the guidelines G1 to G4, which are
about memory access, parallelism and element-wise operators rather than arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import channel_shuffle, conv_bn, depthwise_bn, initialise, pool_and_classify

# Table 5 of the paper: channels of stages 2 to 4 and of the last 1x1
CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)


class BasicUnit(nn.Module):
    """Figure 3 (c) of the paper: split, work on one half, join, shuffle. Channels and size stay."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(conv_bn(half, half), depthwise_bn(half), conv_bn(half, half))

    def forward(self, x: Tensor) -> Tensor:
        kept, worked_on = x.chunk(2, dim=1)
        return channel_shuffle(torch.cat((kept, self.branch(worked_on)), dim=1), groups=2)


class DownsamplingUnit(nn.Module):
    """Figure 3 (d) of the paper: no split, both branches halve the image, so the channels can double."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.shortcut = nn.Sequential(depthwise_bn(in_channels, stride=2), conv_bn(in_channels, half))
        self.branch = nn.Sequential(conv_bn(in_channels, half), depthwise_bn(half, stride=2), conv_bn(half, half))

    def forward(self, x: Tensor) -> Tensor:
        return channel_shuffle(torch.cat((self.shortcut(x), self.branch(x)), dim=1), groups=2)


class ShuffleNetV2(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `width` is one of the paper's four."""

    def __init__(self, width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        *stage_channels, last_channels = CHANNELS[width]
        channels = 24
        self.stem = nn.Sequential(conv_bn(3, channels, kernel_size=3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        stages: list[nn.Module] = []
        for out_channels, repeats in zip(stage_channels, REPEATS, strict=True):
            units: list[nn.Module] = [DownsamplingUnit(channels, out_channels)]
            units += [BasicUnit(out_channels) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*units))
            channels = out_channels
        self.stage2, self.stage3, self.stage4 = stages
        self.head = conv_bn(channels, last_channels)
        self.classifier = pool_and_classify(last_channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.head(self.stage4(self.stage3(self.stage2(self.stem(x))))))

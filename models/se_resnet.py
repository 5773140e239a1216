"""SE-ResNet (Hu et al., CVPR 2018, "Squeeze-and-Excitation Networks").

Each block asks what its channels hold over the whole image and turns every channel up or down accordingly. The scale
of a channel comes from a mean and two small layers, so it costs next to no arithmetic, but one more pass over memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from .resnet import Bottleneck, ResNet


class SqueezeExcitation(nn.Module):
    """Figure 3 (right) of the paper: every channel of (batch, channels, h, w), times a factor between 0 and 1."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        narrow = channels // reduction
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        # 1x1 convolutions are linear layers that keep the (batch, channels, 1, 1) of the mean
        self.excite = nn.Sequential(
            nn.Conv2d(channels, narrow, 1), nn.ReLU(inplace=True), nn.Conv2d(narrow, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x))


def se_resnet(repeats: Sequence[int]) -> ResNet:
    """Images (batch, 3, height, width) to scores (batch, 1000).

    The stride is in the first 1x1, as in the authors' code.
    """
    return ResNet(repeats, block=partial(Bottleneck, attention=SqueezeExcitation, stride_first=True))

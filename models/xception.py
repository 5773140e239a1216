"""Xception (Chollet, CVPR 2017, "Xception: Deep Learning with Depthwise Separable Convolutions").

An inception block with one branch a channel is a depthwise-separable convolution: space is filtered in each channel
alone, and a 1x1 mixes the channels. The network is a chain of those with residual shortcuts, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import conv_bn, initialise, pool_and_classify


def separable_bn(in_channels: int, out_channels: int) -> nn.Sequential:
    """3x3 depthwise and 1x1 without anything between the two (section 4.7 of the paper), then batch-norm."""
    depthwise = nn.Conv2d(in_channels, in_channels, kernel_size=3, padding=1, groups=in_channels, bias=False)
    return nn.Sequential(depthwise, *conv_bn(in_channels, out_channels, activation=None))


class Block(nn.Module):
    """A block of figure 5 of the paper: separable convolutions to `widths` channels, beside a shortcut.

    Of stride 2, a max-pool after the convolutions halves the image. ReLUs come before the convolutions.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], stride: int = 1, relu_first: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = in_channels
        for width in widths:
            # the shortcut reads the input too, so the first ReLU must not overwrite it
            layers += [nn.ReLU(inplace=bool(layers)), separable_bn(channels, width)]
            channels = width
        if not relu_first:
            del layers[0]
        if stride != 1:
            layers.append(nn.MaxPool2d(3, stride, padding=1))
        self.body = nn.Sequential(*layers)
        changes_shape = stride != 1 or channels != in_channels
        self.shortcut = conv_bn(in_channels, channels, stride=stride, activation=None) if changes_shape else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return y


class Xception(nn.Module):
    """Figure 5 of the paper: images (batch, 3, 299, 299) or of another size to scores (batch, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_bn(3, 32, kernel_size=3, stride=2, padded=False), conv_bn(32, 64, kernel_size=3, padded=False)
        )
        self.entry_flow = nn.Sequential(
            Block(64, (128, 128), stride=2, relu_first=False),
            Block(128, (256, 256), stride=2),
            Block(256, (728, 728), stride=2),
        )
        self.middle_flow = nn.Sequential(*(Block(728, (728, 728, 728)) for _ in range(8)))
        self.exit_flow = nn.Sequential(
            Block(728, (728, 1024), stride=2),
            separable_bn(1024, 1536),
            nn.ReLU(inplace=True),
            separable_bn(1536, 2048),
            nn.ReLU(inplace=True),
        )
        self.classifier = pool_and_classify(2048, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.exit_flow(self.middle_flow(self.entry_flow(self.stem(x)))))

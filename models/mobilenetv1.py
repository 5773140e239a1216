"""MobileNetV1 (Howard et al., 2017, "Efficient Convolutional Neural Networks for Mobile Vision Applications").

A convolution is split in two: one filter a channel looks at the neighbourhood, then a 1x1 mixes the channels, which
together cost an eighth to a ninth of a 3x3. One number, alpha, thins all layers alike, so that a family of sizes comes
for free.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import conv_bn, depthwise_bn, initialise, pool_and_classify

STEM_CHANNELS = 32
# Table 1 of the paper: output channels and stride of each depthwise-separable convolution. The paper prints stride 2
# for the last one too, but at an unchanged 7x7; its Table 6 counts 569 M multiply-adds, which is stride 1
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *5 * ((512, 1),),
    (1024, 2),
    (1024, 1),
)


class SeparableConvolution(nn.Sequential):
    """Figure 3 (right) of the paper: depthwise 3x3, then 1x1, each with batch-norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(depthwise_bn(in_channels, stride, activation=nn.ReLU), conv_bn(in_channels, out_channels))


class MobileNetV1(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `width` is the paper's multiplier alpha.

    The paper's other multiplier, rho, is the size of the images and no part of the network.
    """

    def __init__(self, width: float = 1.0, classes: int = 1000) -> None:
        super().__init__()
        channels = int(STEM_CHANNELS * width)
        self.stem = conv_bn(3, channels, kernel_size=3, stride=2)
        blocks: list[nn.Module] = []
        for base_channels, stride in BLOCKS:
            out_channels = int(base_channels * width)
            blocks.append(SeparableConvolution(channels, out_channels, stride))
            channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.classifier = pool_and_classify(channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(x)))

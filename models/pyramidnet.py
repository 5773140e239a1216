"""PyramidNet (Han et al., CVPR 2017, "Deep Pyramidal Residual Networks").

ResNet doubles its channels where the image shrinks; here every block is a little wider than the one before, so no
single block has to carry the step. Shortcuts have no weights: missing channels are zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import conv_bn, initialise, pool_and_classify


class PyramidalBlock(nn.Module):
    """Figure 6 (d) of the paper: batch-norm and `layers`, none of them ended by a ReLU, beside a zero-padded shortcut.

    (batch, in_channels, height, width) to (batch, out_channels, height / stride, width / stride).
    """

    def __init__(self, layers: Sequence[nn.Module], in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(in_channels), *layers)
        self.shortcut = nn.AvgPool2d(2, ceil_mode=True) if stride == 2 else nn.Identity()
        self.out_channels = out_channels
        self.new_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y += F.pad(self.shortcut(x), (0, 0, 0, 0, 0, self.new_channels))
        return y


class BasicBlock(PyramidalBlock):
    """Two 3x3."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        layers = (
            conv_bn(in_channels, channels, kernel_size=3, stride=stride),
            conv_bn(channels, channels, kernel_size=3, activation=None),
        )
        super().__init__(layers, in_channels, channels, stride)


class Bottleneck(PyramidalBlock):
    """1x1 to `narrow` channels, 3x3 there, 1x1 to four times as many."""

    def __init__(self, in_channels: int, narrow: int, stride: int) -> None:
        layers = (
            conv_bn(in_channels, narrow),
            conv_bn(narrow, narrow, kernel_size=3, stride=stride),
            conv_bn(narrow, 4 * narrow, activation=None),
        )
        super().__init__(layers, in_channels, 4 * narrow, stride)


class PyramidNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `repeats` blocks in each stage.

    `stem` ends with `channels` channels, and the last block is `alpha` wider than that: the paper's additive widening,
    in equal steps. `block` builds one from its input channels, its inner channels and its stride.
    """

    def __init__(
        self,
        alpha: int,
        repeats: Sequence[int],
        stem: nn.Module,
        channels: int,
        block: Callable[[int, int, int], PyramidalBlock],
        classes: int,
    ) -> None:
        super().__init__()
        self.stem = stem
        first_of_stage = [sum(repeats[:stage]) for stage in range(1, len(repeats))]
        blocks: list[nn.Module] = []
        in_channels = channels
        for index in range(sum(repeats)):
            width = round(channels + alpha * (index + 1) / sum(repeats))
            made = block(in_channels, width, 2 if index in first_of_stage else 1)
            blocks.append(made)
            in_channels = made.out_channels
        self.blocks = nn.Sequential(*blocks)
        self.last_activation = nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True))
        self.classifier = pool_and_classify(in_channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.last_activation(self.blocks(self.stem(x))))


def pyramidnet_cifar(depth: int, alpha: int, classes: int = 10) -> PyramidNet:
    """For images of 32x32: three stages of basic blocks, `depth` counts the layers with weights."""
    stem = conv_bn(3, 16, kernel_size=3, activation=None)
    return PyramidNet(alpha, [(depth - 2) // 6] * 3, stem, 16, BasicBlock, classes)


def pyramidnet_imagenet(repeats: Sequence[int], alpha: int, classes: int = 1000) -> PyramidNet:
    """For images of 224x224: ResNet's stem and number of stages, of bottlenecks."""
    stem = nn.Sequential(conv_bn(3, 64, kernel_size=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
    return PyramidNet(alpha, repeats, stem, 64, Bottleneck, classes)

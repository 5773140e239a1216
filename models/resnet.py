"""ResNet (He et al., CVPR 2016, "Deep Residual Learning for Image Recognition").

Each block learns what to add to its input instead of a new output, so that doing nothing is easy to learn and
gradients pass the sum unchanged. That made networks of more than a hundred layers trainable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from .blocks import conv_bn, initialise, pool_and_classify


class ResidualBlock(nn.Module):
    """Figure 2 of the paper: what `layers` make of the input, plus the input, brought to their shape by a 1x1.

    `attention(out_channels)` builds a module that refines the layers' output before the sum.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        in_channels: int,
        out_channels: int,
        stride: int,
        attention: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        refine = [] if attention is None else [attention(out_channels)]
        self.body = nn.Sequential(*layers, *refine)
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = conv_bn(in_channels, out_channels, stride=stride, activation=None) if changes_shape else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return self.activation(y)


class BasicBlock(ResidualBlock):
    """Figure 5 (left) of the paper: two 3x3."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, attention: Callable[[int], nn.Module] | None = None
    ) -> None:
        layers = (
            conv_bn(in_channels, channels, kernel_size=3, stride=stride),
            conv_bn(channels, channels, kernel_size=3, activation=None),
        )
        super().__init__(layers, in_channels, channels, stride, attention)


class Bottleneck(ResidualBlock):
    """Figure 5 (right) of the paper: 1x1 to `narrow` channels, 3x3 there, 1x1 to four times as many.

    The stride is in the 3x3, as in most current code; with `stride_first` it is in the first 1x1, as in the paper,
    which skips 3 of 4 pixels.
    """

    def __init__(
        self,
        in_channels: int,
        narrow: int,
        stride: int,
        attention: Callable[[int], nn.Module] | None = None,
        stride_first: bool = False,
    ) -> None:
        stride_1x1, stride_3x3 = (stride, 1) if stride_first else (1, stride)
        layers = (
            conv_bn(in_channels, narrow, stride=stride_1x1),
            conv_bn(narrow, narrow, kernel_size=3, stride=stride_3x3),
            conv_bn(narrow, 4 * narrow, activation=None),
        )
        super().__init__(layers, in_channels, 4 * narrow, stride, attention)


class ResNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `repeats` blocks in each of four stages.

    `block` builds one from its input channels, its inner channels and its stride.
    """

    def __init__(
        self,
        repeats: Sequence[int] = (3, 4, 6, 3),
        classes: int = 1000,
        block: Callable[[int, int, int], ResidualBlock] = Bottleneck,
    ) -> None:
        super().__init__()
        channels = 64
        self.stem = nn.Sequential(conv_bn(3, channels, kernel_size=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        stages: list[nn.Module] = []
        for index, blocks in enumerate(repeats):
            stage: list[nn.Module] = []
            for repeat in range(blocks):
                # the max-pool has already halved the image before the first stage
                stride = 2 if index > 0 and repeat == 0 else 1
                made = block(channels, 64 * 2**index, stride)
                stage.append(made)
                channels = made.out_channels
            stages.append(nn.Sequential(*stage))
        self.stages = nn.Sequential(*stages)
        self.classifier = pool_and_classify(channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stages(self.stem(x)))


def basic_resnet(repeats: Sequence[int]) -> ResNet:
    """The shallower networks, of basic blocks."""
    return ResNet(repeats, block=BasicBlock)

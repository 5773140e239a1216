"""ResNet (He et al., CVPR 2016, "Deep Residual Learning for Image Recognition").

Each block learns what to add to its input instead of a new output, so that doing nothing is easy to learn and
gradients pass the sum unchanged. That made networks of more than a hundred layers trainable.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import conv_bn, initialise, pool_and_classify


class Bottleneck(nn.Module):
    """Figure 5 (right) of the paper: 1x1 to `narrow` channels, 3x3 there, 1x1 to four times as many.

    The stride is in the 3x3, as in most current code (the paper has it in the first 1x1, which skips 3 of 4 pixels).
    """

    def __init__(self, in_channels: int, narrow: int, stride: int) -> None:
        super().__init__()
        out_channels = 4 * narrow
        self.body = nn.Sequential(
            conv_bn(in_channels, narrow),
            conv_bn(narrow, narrow, kernel_size=3, stride=stride),
            conv_bn(narrow, out_channels, activation=None),
        )
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = conv_bn(in_channels, out_channels, stride=stride, activation=None) if changes_shape else None
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return self.activation(y)


class ResNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `repeats` blocks in each of four stages."""

    def __init__(self, repeats: Sequence[int] = (3, 4, 6, 3), classes: int = 1000) -> None:
        super().__init__()
        channels = 64
        self.stem = nn.Sequential(conv_bn(3, channels, kernel_size=7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        stages: list[nn.Module] = []
        for index, blocks in enumerate(repeats):
            narrow = 64 * 2**index
            stage: list[nn.Module] = []
            for repeat in range(blocks):
                # the max-pool has already halved the image before the first stage
                stage.append(Bottleneck(channels, narrow, stride=2 if index > 0 and repeat == 0 else 1))
                channels = 4 * narrow
            stages.append(nn.Sequential(*stage))
        self.stages = nn.Sequential(*stages)
        self.classifier = pool_and_classify(channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stages(self.stem(x)))

"""VGG (Simonyan and Zisserman, ICLR 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition").

Nothing but 3x3 convolutions, in stages that double the channels and halve the image: two of them see as much as one
5x5, three as much as one 7x7, with fewer parameters and more ReLUs between.

The `_bn` networks, as libraries have them, are younger than the paper: a batch-norm after every convolution, which
keeps its bias. Dropout is left out: it does nothing at inference.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import initialise, wide_classifier

CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes); `repeats` convolutions in each of five stages."""

    def __init__(self, repeats: Sequence[int] = (2, 2, 3, 3, 3), batch_norm: bool = False, classes: int = 1000) -> None:
        super().__init__()
        channels = 3
        stages: list[nn.Module] = []
        for out_channels, convolutions in zip(CHANNELS, repeats, strict=True):
            stage: list[nn.Module] = []
            for _ in range(convolutions):
                stage.append(nn.Conv2d(channels, out_channels, kernel_size=3, padding=1))
                if batch_norm:
                    stage.append(nn.BatchNorm2d(out_channels))
                stage.append(nn.ReLU(inplace=True))
                channels = out_channels
            stages.append(nn.Sequential(*stage, nn.MaxPool2d(2)))
        self.stages = nn.Sequential(*stages)
        self.classifier = wide_classifier(channels, 7, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.stages(x))

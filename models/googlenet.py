"""GoogLeNet (Szegedy et al., CVPR 2015, "Going Deeper with Convolutions").

An Inception block looks at its input at several scales at once and concatenates what it finds; 1x1 convolutions before
the large filters make that affordable. With no wide linear layers at the end it has a ninth of AlexNet's parameters.

As in current libraries there is a batch-norm after every convolution, and the branch that the paper calls 5x5 is a
3x3: torchvision took that over from TensorFlow's network, whose trained weights it uses. The auxiliary heads and
dropout do not run at inference and are left out.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from .blocks import Branches, conv_bn, initialise, pool_and_classify

conv = partial(conv_bn, eps=1e-3)

# Table 1 of the paper, for each block: channels of the 1x1, of the 3x3 and the "5x5" each after those of the 1x1 that
# reduces their input, and of the 1x1 after the pool
STAGE_3 = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
STAGE_4 = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
STAGE_5 = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


class Inception(Branches):
    """Figure 2 (b) of the paper: four branches of the same size, concatenated."""

    def __init__(
        self, in_channels: int, alone: int, reduced_3x3: int, out_3x3: int, reduced_5x5: int, out_5x5: int, pooled: int
    ) -> None:
        super().__init__(
            conv(in_channels, alone),
            nn.Sequential(conv(in_channels, reduced_3x3), conv(reduced_3x3, out_3x3, kernel_size=3)),
            nn.Sequential(conv(in_channels, reduced_5x5), conv(reduced_5x5, out_5x5, kernel_size=3)),
            nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(in_channels, pooled)),
        )
        self.out_channels = alone + out_3x3 + out_5x5 + pooled


class GoogLeNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv(3, 64, kernel_size=7, stride=2),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            conv(64, 64),
            conv(64, 192, kernel_size=3),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        channels = 192
        stages: list[nn.Module] = []
        for blocks in (STAGE_3, STAGE_4, STAGE_5):
            stage: list[nn.Module] = []
            for widths in blocks:
                block = Inception(channels, *widths)
                stage.append(block)
                channels = block.out_channels
            stages.append(nn.Sequential(*stage))
        self.stage3, self.stage4, self.stage5 = stages
        self.pool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.classifier = pool_and_classify(channels, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool3(self.stage3(self.stem(x)))
        x = self.pool4(self.stage4(x))
        return self.classifier(self.stage5(x))

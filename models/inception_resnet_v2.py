"""Inception-ResNet-v2 (Szegedy et al., AAAI 2017, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning").

Each inception block learns what to add to its input instead of a new output, as in ResNet, so its branches can be
few and thin. What they add is scaled down, since training such wide networks was unstable without.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import Branches, initialise, pool_and_classify
from .inception_blocks import Conv, ReductionA, chain, halving, pooled_chain, stem

# The branches of the residual blocks: figure 16 (for 35x35), 17 (for 17x17) and 19 (for 8x8) of the paper
BRANCHES_A = ([Conv(32)], [Conv(32), Conv(32, 3)], [Conv(32), Conv(48, 3), Conv(64, 3)])
BRANCHES_B = ([Conv(192)], [Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))])
BRANCHES_C = ([Conv(192)], [Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))])


class ResidualInception(nn.Module):
    """Figure 20 of the paper: branches and a linear 1x1, whose output times `scale` is added to the input."""

    def __init__(self, channels: int, branches: Sequence[Sequence[Conv]], scale: float, activate: bool = True) -> None:
        super().__init__()
        self.branches = Branches(*(chain(channels, *layers) for layers in branches))
        self.linear = nn.Conv2d(sum(layers[-1].channels for layers in branches), channels, kernel_size=1)
        self.scale = scale
        self.activation = nn.ReLU(inplace=True) if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.scale * self.linear(self.branches(x)))


class Widening(Branches):
    """The last part of the stem: (192, 35, 35) to (320, 35, 35), block A of Inception-v3 without a residual."""

    def __init__(self) -> None:
        super().__init__(
            chain(192, Conv(96)),
            chain(192, Conv(48), Conv(64, 5)),
            chain(192, Conv(64), Conv(96, 3), Conv(96, 3)),
            pooled_chain(192, Conv(64), count_include_pad=False),
        )


class ReductionB(Branches):
    """Figure 18 of the paper: 17x17 to 8x8, 1088 to 2080 channels."""

    def __init__(self) -> None:
        super().__init__(
            chain(1088, Conv(256), halving(384)),
            chain(1088, Conv(256), halving(288)),
            chain(1088, Conv(256), Conv(288, 3), halving(320)),
            nn.MaxPool2d(3, stride=2),
        )


class InceptionResNetV2(nn.Module):
    """Figure 15 of the paper: images (batch, 3, 299, 299), or other sizes from 75, to scores (batch, classes).

    Stem, channels between blocks and number of blocks are those of the authors' code, which all published counts are
    of; the figures print others (384 channels at 35x35, for example).
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(*stem(), Widening())
        self.grid_35 = nn.Sequential(*(ResidualInception(320, BRANCHES_A, scale=0.17) for _ in range(10)))
        self.reduction_a = ReductionA(320, k=256, l=256, m=384, n=384)
        self.grid_17 = nn.Sequential(*(ResidualInception(1088, BRANCHES_B, scale=0.1) for _ in range(20)))
        self.reduction_b = ReductionB()
        self.grid_8 = nn.Sequential(
            *(ResidualInception(2080, BRANCHES_C, scale=0.2) for _ in range(9)),
            ResidualInception(2080, BRANCHES_C, scale=1.0, activate=False),
        )
        self.head = chain(2080, Conv(1536))
        self.classifier = pool_and_classify(1536, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.grid_35(self.stem(x))
        x = self.grid_17(self.reduction_a(x))
        x = self.grid_8(self.reduction_b(x))
        return self.classifier(self.head(x))

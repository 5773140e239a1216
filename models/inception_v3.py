"""Inception-v3 (Szegedy et al., CVPR 2016, "Rethinking the Inception Architecture for Computer Vision").

Large filters are factorised: 5x5 into two 3x3, 7x7 into 1x7 and 7x1, which cover the same window with fewer
multiplications. Where the image shrinks, strided convolutions and a pool run side by side.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import Branches, initialise, pool_and_classify
from .inception_blocks import Conv, ReductionA, chain, halving, pooled_chain, stem


class InceptionA(Branches):
    """Figure 5 of the paper, for 35x35: 224 channels and `pooled` ones.

    The authors' code has kept one 5x5 where the figure has a 3x3, and so do all counts of this network.
    """

    def __init__(self, in_channels: int, pooled: int) -> None:
        super().__init__(
            chain(in_channels, Conv(64)),
            chain(in_channels, Conv(48), Conv(64, 5)),
            chain(in_channels, Conv(64), Conv(96, 3), Conv(96, 3)),
            pooled_chain(in_channels, Conv(pooled)),
        )


class InceptionB(Branches):
    """Figure 6 of the paper, for 17x17: one 7x7 and two 7x7, factorised; `narrow` channels inside, 768 outside."""

    def __init__(self, narrow: int) -> None:
        row, column = Conv(narrow, (1, 7)), Conv(narrow, (7, 1))
        super().__init__(
            chain(768, Conv(192)),
            chain(768, Conv(narrow), row, Conv(192, (7, 1))),
            chain(768, Conv(narrow), column, row, column, Conv(192, (1, 7))),
            pooled_chain(768, Conv(192)),
        )


class ReductionB(Branches):
    """17x17 to 8x8, 768 to 1280 channels: the idea of figure 10 with a factorised 7x7 in one branch."""

    def __init__(self) -> None:
        super().__init__(
            chain(768, Conv(192), halving(320)),
            chain(768, Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), halving(192)),
            nn.MaxPool2d(3, stride=2),
        )


class RowAndColumn(Branches):
    """The fork in figure 7: a 1x3 and a 3x1 side by side, 384 channels each."""

    def __init__(self) -> None:
        super().__init__(chain(384, Conv(384, (1, 3))), chain(384, Conv(384, (3, 1))))


class InceptionC(Branches):
    """Figure 7 of the paper, for 8x8: wide instead of deep, to 2048 channels."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            chain(in_channels, Conv(320)),
            nn.Sequential(*chain(in_channels, Conv(384)), RowAndColumn()),
            nn.Sequential(*chain(in_channels, Conv(448), Conv(384, 3)), RowAndColumn()),
            pooled_chain(in_channels, Conv(192)),
        )


class InceptionV3(nn.Module):
    """Table 1 of the paper: images (batch, 3, 299, 299), or other sizes from 75, to scores (batch, classes).

    The table has no rows for the reductions and five blocks at 17x17, where the authors' code has these four. There is
    no auxiliary classifier: it takes part in training only.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = stem()
        self.grid_35 = nn.Sequential(InceptionA(192, pooled=32), InceptionA(256, pooled=64), InceptionA(288, pooled=64))
        self.reduction_a = ReductionA(288, k=64, l=96, m=96, n=384)
        self.grid_17 = nn.Sequential(InceptionB(128), InceptionB(160), InceptionB(160), InceptionB(192))
        self.reduction_b = ReductionB()
        self.grid_8 = nn.Sequential(InceptionC(1280), InceptionC(2048))
        self.classifier = pool_and_classify(2048, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.grid_35(self.stem(x))
        x = self.grid_17(self.reduction_a(x))
        x = self.grid_8(self.reduction_b(x))
        return self.classifier(x)

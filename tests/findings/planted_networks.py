"""Small networks with one defect each; the line of the defect is the one marked `defect`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def line_of(network: type[nn.Module]) -> str:
    """`planted_networks.py:LINE` of the marked line in the class."""
    lines = Path(__file__).read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"class {network.__name__}("))
    marked = next(at for at in range(start, len(lines)) if lines[at].endswith("# defect"))
    return f"{Path(__file__).name}:{marked + 1}"


def pointwise(inputs: int, outputs: int, **options: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=False, **options)


class Sound(nn.Module):
    """Equal widths, one group, one branch, no element-wise call: nothing to find that is known to gain."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(pointwise(32, 32) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class UnequalWidths(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.head = pointwise(32, 384)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return self.head(x)  # defect


class InvertedResidual(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.widen, self.narrow = pointwise(32, 192), pointwise(192, 32)
        self.middle = nn.Conv2d(192, 192, 3, padding=1, groups=192, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        x = self.widen(x)  # defect
        return self.narrow(self.middle(x))


class GroupedPointwise(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.grouped = pointwise(64, 64, groups=8)
        self.enter = pointwise(32, 64)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(super().forward(x))
        return self.grouped(x)  # defect


class Siblings(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.middle, self.right = (pointwise(32, 32) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        first = self.left(x)  # defect
        return torch.cat([first, self.middle(x), self.right(x)], 1)


class BatchNorms(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(32)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return self.norm(x)  # defect


class BeforeHalving(Sound):
    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        x = torch.tanh(x)  # defect
        return F.max_pool2d(x, 2)


class ThereAndBack(Sound):
    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        x = x.permute(0, 2, 3, 1).contiguous()
        return x.permute(0, 3, 1, 2).contiguous()  # defect


class LargeKernel(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Conv2d(32, 32, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return self.large(x)  # defect


class OddWidth(Sound):
    def __init__(self) -> None:
        super().__init__()
        self.odd = pointwise(32, 36)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return self.odd(x)  # defect


class Layout(Sound):
    """The dearest convolution is the one of 3x3."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(32, 32, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return self.wide(x)  # defect

"""Small networks of equal blocks, for comparisons: the second does exactly 10 % more work than the first.

As `--model experiments/compare_networks.py:twenty`; the input is 24x28x28 and every multiply-add is in a block.
"""

from __future__ import annotations

from torch import nn

CHANNELS = 24
INPUT_SHAPE = (CHANNELS, 28, 28)


def twenty() -> nn.Module:
    return _blocks(20)


def twenty_two() -> nn.Module:
    return _blocks(22)


def _blocks(count: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS), nn.ReLU()]
    return nn.Sequential(*layers)

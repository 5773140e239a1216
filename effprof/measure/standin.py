"""A small network to calibrate with when the measured one accepts a single input size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from effprof.capture import Capture, Inputs, capture

BLOCKS = 24
MAX_BLOCKS = 160
CALLS_OF_A_BLOCK = 4
SIZES_PX = (32, 64)


def stand_ins(like: int = 0) -> Iterator[tuple[nn.Module, Inputs, Capture]]:
    """Convolution, batch-norm, activation and sum, repeated: the calls of an ordinary network, at two sizes.

    Args:
        like: about as many calls, within limits, so that what each run costs once is shared out alike.
    """
    blocks = min(max(BLOCKS, round(like / CALLS_OF_A_BLOCK)), MAX_BLOCKS)
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(*(_Block(16) for _ in range(blocks))).eval()
        for size in SIZES_PX:
            inputs = Inputs((torch.randn(1, 16, size, size),))
            yield network, inputs, capture(network, inputs, find_spans=True)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.act(self.norm(self.conv(x))) + x
        return out

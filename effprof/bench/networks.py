"""The tiny networks of the four experiments, each from one frozen setting."""

from __future__ import annotations

import torch
from torch import nn

from effprof.sweep_records import SweepSetting


def build(setting: SweepSetting, seed: int) -> nn.Module:
    """The network with random weights that keep the size of its activations; torch's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(*(_block(setting) for _ in range(setting.blocks)))
    return network.eval().requires_grad_(False)


def input_shape(setting: SweepSetting, batch_size: int, img_size: int) -> tuple[int, int, int, int]:
    return batch_size, setting.channels, img_size, img_size


def _block(setting: SweepSetting) -> nn.Module:
    outer, inner = setting.channels, setting.inner_channels
    if setting.guideline == "G1":
        return nn.Sequential(_conv(outer, inner), _conv(inner, outer))
    if setting.guideline == "G2":
        return _conv(outer, outer, groups=setting.groups)
    if setting.guideline == "G4":
        return Bottleneck(outer, inner, setting.relu, setting.shortcut)
    fragments = [_conv(outer, outer) for _ in range(setting.fragments)]
    return Parallel(fragments) if setting.arrangement == "parallel" else nn.Sequential(*fragments)


def _conv(in_channels: int, out_channels: int, kernel_size: int = 1, groups: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="linear")
    return conv


class Parallel(nn.Module):
    """(N, c, H, W) -> (N, c, H, W): every fragment reads the same input, their outputs are added."""

    def __init__(self, fragments: list[nn.Conv2d]) -> None:
        super().__init__()
        self.fragments = nn.ModuleList(fragments)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self.fragments
        out: torch.Tensor = first(x)
        for fragment in others:
            out = out + fragment(x)
        return out


class Bottleneck(nn.Module):
    """ResNet's bottleneck without batch-norm, (N, c, H, W) -> (N, c, H, W), with or without ReLU and shortcut."""

    def __init__(self, outer: int, inner: int, relu: bool, shortcut: bool) -> None:
        super().__init__()
        self.reduce, self.conv, self.expand = _conv(outer, inner), _conv(inner, inner, 3), _conv(inner, outer)
        self.relu = nn.ReLU(inplace=True) if relu else None
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._activated(self.reduce(x))
        out = self._activated(self.conv(out))
        out = self.expand(out)
        return self._activated(out + x if self.shortcut else out)

    def _activated(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.relu is None else self.relu(x)

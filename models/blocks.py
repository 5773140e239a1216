"""What several families share: convolution with batch-norm, parallel branches, shuffle, classifier, initial weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


def conv_bn(
    in_channels: int,
    out_channels: int,
    kernel_size: int | tuple[int, int] = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
    padded: bool = True,
    eps: float = 1e-5,
) -> nn.Sequential:
    """Convolution, batch-norm and, unless None, an activation; if `padded`, stride 1 keeps the size."""
    height, width = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    padding = ((height - 1) // 2, (width - 1) // 2) if padded else (0, 0)
    layers: list[nn.Module] = [
        # no bias: the batch-norm that follows has one
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps),
    ]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def conv_relu(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0
) -> nn.Sequential:
    """Convolution with a bias, then a ReLU: the layer of networks older than batch-norm."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding)
    return nn.Sequential(conv, nn.ReLU(inplace=True))


def depthwise_bn(
    channels: int, stride: int = 1, activation: type[nn.Module] | None = None, kernel_size: int = 3
) -> nn.Sequential:
    """One filter a channel, batch-norm and, where given, an activation."""
    return conv_bn(channels, channels, kernel_size, stride, groups=channels, activation=activation)


class Branches(nn.Module):
    """Each branch works on the same input, in the order given; their outputs are concatenated over the channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Deal the channels of `groups` groups out in turn: channel k of group j moves to k * groups + j.

    Zhang et al. 2017, section 3.1: the channel axis is split into (groups, channels / groups), the two are swapped
    and merged again. The shape stays (batch, channels, height, width).
    """
    batch, channels, height, width = x.shape
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).contiguous().view(batch, channels, height, width)


def pool_and_classify(in_channels: int, classes: int) -> nn.Sequential:
    """Global average over the image, then one linear layer: (batch, channels, h, w) to (batch, classes)."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, classes))


def wide_classifier(in_channels: int, size: int, classes: int) -> nn.Sequential:
    """Three linear layers on `size` x `size` pixels: (batch, channels, h, w) to (batch, classes).

    AlexNet, ZFNet and VGG end like this, and have most of their parameters here. The pooling lets images of any size
    through; at the paper's size there is nothing to pool.
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(size),
        nn.Flatten(),
        nn.Linear(in_channels * size**2, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, classes),
    )


def initialise(network: nn.Module, mode: Literal["fan_in", "fan_out"] = "fan_out") -> None:
    """Random weights that keep the scale of activations, or with "fan_out" that of gradients (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)

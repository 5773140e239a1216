"""What several families share: convolution with batch-norm, channel shuffle, classifier, initial weights."""

from __future__ import annotations

from torch import Tensor, nn


def conv_bn(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
) -> nn.Sequential:
    """Convolution, batch-norm and, unless None, an activation; padded so that stride 1 keeps the size."""
    padding = (kernel_size - 1) // 2
    layers: list[nn.Module] = [
        # no bias: the batch-norm that follows has one
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def depthwise_bn(
    channels: int, stride: int = 1, activation: type[nn.Module] | None = None, kernel_size: int = 3
) -> nn.Sequential:
    """One filter a channel, batch-norm and, where given, an activation."""
    return conv_bn(channels, channels, kernel_size, stride, groups=channels, activation=activation)


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


def initialise(network: nn.Module) -> None:
    """Random weights that keep the scale of activations through the depth (He et al. 2015, fan-out)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)

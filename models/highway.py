"""Highway networks (Srivastava et al., NeurIPS 2015, "Training Very Deep Networks").

A learned gate decides for every value how much of a layer's output and how much of its input goes on, so a layer can
step aside and the gradient has a way past it. That let networks of dozens of layers be trained directly.

For CIFAR-10 the paper gives layers and parameters (19 with about 2.3 M, 32 with about 1.25 M), ReLU for the layer's
output, plain layers where the channels change, and for the end a 1x1 convolution and a global average pool. The 19
layers and their channels are those of the Caffe network that the authors published, which with 100 classes has the
2,265,928 parameters of its log. Of the 32 layers the paper only says that they are thinner and alternate between 3x3
and 1x1; their channels and their places here are a choice that fits the stated size. Dropout is left out: it does
nothing at inference.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import conv_relu, initialise, pool_and_classify

TRANSFORM_BIAS = -2.0  # negative, so that the layers mostly carry at first; the value of the authors' network
LAST_CHANNELS = 100


class HighwayLayer(nn.Module):
    """Equation 3 of the paper: y = H(x) T(x) + x (1 - T(x)). Channels and size stay."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.transform = conv_relu(channels, channels, kernel_size, padding=padding)
        gate = nn.Conv2d(channels, channels, kernel_size, padding=padding)
        self.gate = nn.Sequential(gate, nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        transformed, gate = self.transform(x), self.gate(x)
        return transformed * gate + x * (1 - gate)


class Highway(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes).

    Each of the three stages has one plain 3x3 to its `channels` and then its number of highway layers (`repeats`),
    which take the `kernel_sizes` in turn. A max-pool between the stages halves the image.
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 80, 128),
        repeats: Sequence[int] = (4, 5, 5),
        kernel_sizes: Sequence[int] = (3,),
        classes: int = 10,
    ) -> None:
        super().__init__()
        in_channels = 3
        stages: list[nn.Module] = []
        for out_channels, layers in zip(channels, repeats, strict=True):
            if stages:
                stages.append(nn.MaxPool2d(2))
            stage: list[nn.Module] = [conv_relu(in_channels, out_channels, kernel_size=3, padding=1)]
            for layer in range(layers):
                stage.append(HighwayLayer(out_channels, kernel_sizes[layer % len(kernel_sizes)]))
            stages.append(nn.Sequential(*stage))
            in_channels = out_channels
        self.stages = nn.Sequential(*stages)
        self.head = conv_relu(in_channels, LAST_CHANNELS, kernel_size=1)
        self.classifier = pool_and_classify(LAST_CHANNELS, classes)
        initialise(self)
        for module in self.modules():
            if isinstance(module, HighwayLayer):
                nn.init.constant_(module.gate[0].bias, TRANSFORM_BIAS)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.head(self.stages(x)))

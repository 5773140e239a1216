"""ZFNet (Zeiler and Fergus, ECCV 2014, "Visualizing and Understanding Convolutional Networks").

Projecting activations back to pixels showed dead filters and aliasing in AlexNet's first layer. A 7x7 with stride 2
in place of its 11x11 with stride 4 keeps more of the image, and costs three fifths more arithmetic.

Dropout is left out: it does nothing at inference.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import conv_relu, initialise, wide_classifier


class ZFNet(nn.Module):
    """Figure 3 of the paper: images (batch, 3, height, width) to scores (batch, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_relu(3, 96, kernel_size=7, stride=2, padding=1),
            nn.LocalResponseNorm(5, k=2.0),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            conv_relu(96, 256, kernel_size=5, stride=2),
            nn.LocalResponseNorm(5, k=2.0),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            conv_relu(256, 384, kernel_size=3, padding=1),
            conv_relu(384, 384, kernel_size=3, padding=1),
            conv_relu(384, 256, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        self.classifier = wide_classifier(256, 6, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

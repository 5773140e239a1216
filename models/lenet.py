"""LeNet-5 (LeCun et al., Proceedings of the IEEE 1998, "Gradient-Based Learning Applied to Document Recognition").

Small filters with shared weights are slid over the image and subsampled, so that a digit is recognised wherever it
stands; all filters are learned instead of designed. This is the usual modern variant: every map of the second
convolution sees all six of the first, ReLU for tanh, max-pooling for trained subsampling, a linear output for
distances to drawn digits.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import conv_relu, initialise


class LeNet5(nn.Module):
    """Digits (batch, 1, 32, 32) to scores (batch, classes)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_relu(1, 6, kernel_size=5),
            nn.MaxPool2d(2),
            conv_relu(6, 16, kernel_size=5),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(inplace=True),
            nn.Linear(120, 84),
            nn.ReLU(inplace=True),
            nn.Linear(84, classes),
        )
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

"""AlexNet (Krizhevsky et al., NeurIPS 2012, "ImageNet Classification with Deep Convolutional Neural Networks").

Eight layers, ReLUs that do not saturate, dropout and training on two GPUs made a convolutional network win ImageNet.
Most of the arithmetic is in the convolutions, 96 % of the parameters in the three linear layers.

This is the one-tower network of "One weird trick for parallelizing convolutional neural networks" (Krizhevsky 2014),
which current libraries have: no split over two GPUs, no local response normalisation. Dropout is left out: it does
nothing at inference.
"""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import conv_relu, initialise, wide_classifier


class AlexNet(nn.Module):
    """Images (batch, 3, height, width) to scores (batch, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_relu(3, 64, kernel_size=11, stride=4, padding=2),
            nn.MaxPool2d(3, stride=2),
            conv_relu(64, 192, kernel_size=5, padding=2),
            nn.MaxPool2d(3, stride=2),
            conv_relu(192, 384, kernel_size=3, padding=1),
            conv_relu(384, 256, kernel_size=3, padding=1),
            conv_relu(256, 256, kernel_size=3, padding=1),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = wide_classifier(256, 6, classes)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))

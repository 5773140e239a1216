"""The zoo: networks of the survey as compact code to study and to profile, one file a family.

The table below imports no torch: a network names its constructor as `file:callable`, and the file is imported when
the network is built. Weights are random.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

FAMILIES = (
    "spatial exploitation",
    "depth",
    "multi-path",
    "width",
    "feature-map exploitation",
    "attention",
    "mobile",
)
"""The survey's classes, in its order."""


@dataclass(frozen=True)
class Network:
    """One line of the zoo."""

    name: str
    builder: str
    """`file:callable` in this folder; called with `options`."""
    paper: str
    year: int
    family: str
    input_shape: tuple[int, ...] = (3, 224, 224)
    """Default input without the batch axis."""
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """A new network with random weights, in training mode as any new module."""
        file, _, constructor = self.builder.partition(":")
        module = importlib.import_module(f".{file}", __name__)
        network: nn.Module = getattr(module, constructor)(**self.options)
        return network


def _variants(
    builder: str, paper: str, year: int, family: str, options: dict[str, dict[str, Any]], size: int = 224
) -> tuple[Network, ...]:
    """The networks of one paper: each name with the options that set it apart."""
    return tuple(
        Network(name, builder, paper, year, family, (3, size, size), chosen) for name, chosen in options.items()
    )


NETWORKS: tuple[Network, ...] = (
    *_variants(
        "resnet:ResNet",
        "He et al., Deep Residual Learning for Image Recognition",
        2016,
        "depth",
        {"resnet50": {"repeats": (3, 4, 6, 3)}},
    ),
    *_variants(
        "shufflenetv1:ShuffleNetV1",
        "Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
        2017,
        "mobile",
        {"shufflenetv1": {"groups": 3}},
    ),
    *_variants(
        "mobilenetv2:MobileNetV2",
        "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        2018,
        "mobile",
        {"mobilenetv2": {"width": 1.0}},
    ),
    *_variants(
        "shufflenetv2:ShuffleNetV2",
        "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        2018,
        "mobile",
        {"shufflenetv2": {"width": 1.0}},
    ),
)

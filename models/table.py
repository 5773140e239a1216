"""Every network of the zoo by name; imports no torch."""

from __future__ import annotations

from .network import Network, Paper, variants

IMAGE_299 = (3, 299, 299)
CIFAR = (3, 32, 32)

RESNET = Paper("He et al., Deep Residual Learning for Image Recognition", 2016, "depth")
SHUFFLENET_V1 = Paper(
    "Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices", 2018, "mobile"
)
MOBILENET_V2 = Paper("Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, "mobile")
SHUFFLENET_V2 = Paper(
    "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018, "mobile"
)

NETWORKS: tuple[Network, ...] = (
    # spatial exploitation
    # depth
    *variants(
        "resnet:basic_resnet", RESNET, {"resnet18": {"repeats": (2, 2, 2, 2)}, "resnet34": {"repeats": (3, 4, 6, 3)}}
    ),
    *variants(
        "resnet:ResNet",
        RESNET,
        {
            "resnet50": {"repeats": (3, 4, 6, 3)},
            "resnet101": {"repeats": (3, 4, 23, 3)},
            "resnet152": {"repeats": (3, 8, 36, 3)},
        },
    ),
    # multi-path
    # width
    # feature-map exploitation
    # attention
    # mobile
    *variants("shufflenetv1:ShuffleNetV1", SHUFFLENET_V1, {"shufflenetv1_g3": {"groups": 3}}),
    *variants("mobilenetv2:MobileNetV2", MOBILENET_V2, {"mobilenetv2": {"width": 1.0}}),
    *variants("shufflenetv2:ShuffleNetV2", SHUFFLENET_V2, {"shufflenetv2": {"width": 1.0}}),
)

ALIASES = {"resnet": "resnet50", "shufflenetv1": "shufflenetv1_g3"}
"""A bare family name stands for its 1x network."""

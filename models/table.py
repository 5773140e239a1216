"""Every network of the zoo by name; imports no torch."""

from __future__ import annotations

from typing import Any

from .network import Network, Paper, variants

IMAGE_299 = (3, 299, 299)
CIFAR = (3, 32, 32)

LENET = Paper("LeCun et al., Gradient-Based Learning Applied to Document Recognition", 1998, "spatial exploitation")
ALEXNET = Paper(
    "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks", 2012, "spatial exploitation"
)
ZFNET = Paper("Zeiler and Fergus, Visualizing and Understanding Convolutional Networks", 2014, "spatial exploitation")
VGG = Paper(
    "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition",
    2015,
    "spatial exploitation",
)
GOOGLENET = Paper("Szegedy et al., Going Deeper with Convolutions", 2015, "spatial exploitation")
HIGHWAY = Paper("Srivastava et al., Training Very Deep Networks", 2015, "depth")
INCEPTION_V3 = Paper("Szegedy et al., Rethinking the Inception Architecture for Computer Vision", 2016, "depth")
RESNET = Paper("He et al., Deep Residual Learning for Image Recognition", 2016, "depth")
INCEPTION_RESNET = Paper(
    "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning", 2017, "depth"
)
DENSENET = Paper("Huang et al., Densely Connected Convolutional Networks", 2017, "multi-path")
PYRAMIDNET = Paper("Han et al., Deep Pyramidal Residual Networks", 2017, "width")
XCEPTION = Paper("Chollet, Xception: Deep Learning with Depthwise Separable Convolutions", 2017, "width")
SE_NET = Paper("Hu et al., Squeeze-and-Excitation Networks", 2018, "feature-map exploitation")
CBAM = Paper("Woo et al., CBAM: Convolutional Block Attention Module", 2018, "attention")
MOBILENET_V1 = Paper(
    "Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017, "mobile"
)
SHUFFLENET_V1 = Paper(
    "Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices", 2018, "mobile"
)
MOBILENET_V2 = Paper("Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, "mobile")
SHUFFLENET_V2 = Paper(
    "Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", 2018, "mobile"
)


def at_widths(name: str, *widths: float, **options: Any) -> dict[str, dict[str, Any]]:
    """`name` at each width; the name of width 1 does without it."""
    return {name if width == 1 else f"{name}_{width:g}": {**options, "width": width} for width in widths}


NETWORKS: tuple[Network, ...] = (
    # spatial exploitation
    *variants("lenet:LeNet5", LENET, {"lenet5": {}}, (1, 32, 32)),
    *variants("alexnet:AlexNet", ALEXNET, {"alexnet": {}}),
    *variants("zfnet:ZFNet", ZFNET, {"zfnet": {}}),
    *variants(
        "vgg:VGG",
        VGG,
        {
            f"vgg{depth}{suffix}": {"repeats": repeats, "batch_norm": bool(suffix)}
            for suffix in ("", "_bn")
            for depth, repeats in (
                (11, (1, 1, 2, 2, 2)),
                (13, (2, 2, 2, 2, 2)),
                (16, (2, 2, 3, 3, 3)),
                (19, (2, 2, 4, 4, 4)),
            )
        },
    ),
    *variants("googlenet:GoogLeNet", GOOGLENET, {"googlenet": {}}),
    # depth
    *variants(
        "highway:Highway",
        HIGHWAY,
        {
            "highway19": {"channels": (32, 80, 128), "repeats": (4, 5, 5), "kernel_sizes": (3,)},
            "highway32": {"channels": (24, 48, 96), "repeats": (9, 9, 9), "kernel_sizes": (3, 1)},
        },
        CIFAR,
    ),
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
    *variants("inception_v3:InceptionV3", INCEPTION_V3, {"inception_v3": {}}, IMAGE_299),
    *variants("inception_resnet_v2:InceptionResNetV2", INCEPTION_RESNET, {"inception_resnet_v2": {}}, IMAGE_299),
    # multi-path
    *variants(
        "densenet:DenseNet",
        DENSENET,
        {
            "densenet121": {"repeats": (6, 12, 24, 16)},
            "densenet169": {"repeats": (6, 12, 32, 32)},
            "densenet201": {"repeats": (6, 12, 48, 32)},
        },
    ),
    # width
    *variants(
        "pyramidnet:pyramidnet_cifar",
        PYRAMIDNET,
        {f"pyramidnet110_a{alpha}": {"depth": 110, "alpha": alpha} for alpha in (48, 84, 270)},
        CIFAR,
    ),
    *variants(
        "pyramidnet:pyramidnet_imagenet",
        PYRAMIDNET,
        {"pyramidnet101_a360": {"repeats": (3, 4, 23, 3), "alpha": 360}},
    ),
    *variants("xception:Xception", XCEPTION, {"xception": {}}, IMAGE_299),
    # feature-map exploitation
    *variants("se_resnet:se_resnet", SE_NET, {"se_resnet50": {"repeats": (3, 4, 6, 3)}}),
    # attention
    *variants("cbam_resnet:cbam_resnet", CBAM, {"cbam_resnet50": {"repeats": (3, 4, 6, 3)}}),
    # mobile
    *variants("mobilenetv1:MobileNetV1", MOBILENET_V1, at_widths("mobilenetv1", 1.0, 0.75, 0.5, 0.25)),
    *(
        network
        for groups in (1, 2, 3, 4, 8)
        for network in variants(
            "shufflenetv1:ShuffleNetV1",
            SHUFFLENET_V1,
            at_widths(f"shufflenetv1_g{groups}", 0.25, 0.5, 1.0, 1.5, 2.0, groups=groups),
        )
    ),
    *variants("mobilenetv2:MobileNetV2", MOBILENET_V2, at_widths("mobilenetv2", 1.4, 1.0, 0.75, 0.5, 0.35)),
    *variants("shufflenetv2:ShuffleNetV2", SHUFFLENET_V2, at_widths("shufflenetv2", 0.5, 1.0, 1.5, 2.0)),
)

ALIASES = {
    "lenet": "lenet5",
    "vgg": "vgg16",
    "highway": "highway19",
    "inception": "inception_v3",
    "resnet": "resnet50",
    "densenet": "densenet121",
    "pyramidnet": "pyramidnet110_a48",
    "se_resnet": "se_resnet50",
    "cbam_resnet": "cbam_resnet50",
    "shufflenetv1": "shufflenetv1_g3",
}
"""A bare family name stands for its 1x network."""

"""ncnn's networks, as this environment can build them; all on meta."""

from __future__ import annotations

import torch
from torch import nn

import effprof
from effprof.latencies.networks import costed_ops
from effprof.records import CostedOp

NCNN = {
    # ncnn's name: the equal network here, and the side of its square input in ncnn's benchmark
    "squeezenet": ("torchvision:squeezenet1_1", 227),
    "mobilenet": ("mobilenetv1", 224),
    "mobilenet_v2": ("torchvision:mobilenet_v2", 224),
    "mobilenet_v3": ("", 224),
    "shufflenet": ("shufflenetv1_g3", 224),
    "shufflenet_v2": ("torchvision:shufflenet_v2_x1_0", 224),
    "mnasnet": ("torchvision:mnasnet1_0", 224),
    "proxylessnasnet": ("", 224),
    "efficientnet_b0": ("torchvision:efficientnet_b0", 224),
    "efficientnetv2_b0": ("timm:tf_efficientnetv2_b0", 224),
    "regnety_400m": ("torchvision:regnet_y_400mf", 224),
    "googlenet": ("googlenet", 224),
    "resnet18": ("torchvision:resnet18", 224),
    "resnet50": ("pytorchcv:resnet50", 224),
    "alexnet": ("", 227),
    "vgg16": ("torchvision:vgg16", 224),
    "vision_transformer": ("timm:vit_base_patch32_384", 384),
}
"""An empty name is built below, where the libraries' network is not quite ncnn's."""

NCNN_LEFT_OUT = {
    "blazeface, squeezenet_ssd, mobilenet_ssd, mobilenet_yolo, mobilenet_yolov3, mobilenetv2_yolov3, yolov4_tiny, "
    "nanodet_m, yolo_fastest_1.1, yolo_fastestv2, FastestDet": "detectors that no library here has",
    "every *_int8": "other arithmetic than the networks counted here",
}


def ncnn_ops(name: str) -> tuple[CostedOp, ...]:
    """The costed calls of one of `NCNN` for one image."""
    library_name, side = NCNN[name]
    if library_name:
        return costed_ops(library_name, 1, side)
    build = {"mobilenet_v3": mobilenet_v3, "proxylessnasnet": proxylessnas, "alexnet": two_tower_alexnet}[name]
    with torch.device("meta"):
        network = build()
    return effprof.count(network, torch.empty(1, 3, side, side, device="meta")).analysis.ops


def two_tower_alexnet() -> nn.Module:
    """Caffe's AlexNet: convolutions 2, 4 and 5 in two groups, local response normalisation, no batch-norm."""
    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Flatten(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, 1000),
    )


def mobilenet_v3() -> nn.Module:
    """MobileNetV3-Large as first published: the last stride one block later than in torchvision's."""
    from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3

    rows = (
        # in, kernel, expanded, out, squeeze-and-excitation, activation, stride
        *((16, 3, 16, 16, False, "RE", 1), (16, 3, 64, 24, False, "RE", 2), (24, 3, 72, 24, False, "RE", 1)),
        *((24, 5, 72, 40, True, "RE", 2), (40, 5, 120, 40, True, "RE", 1), (40, 5, 120, 40, True, "RE", 1)),
        *((40, 3, 240, 80, False, "HS", 2), (80, 3, 200, 80, False, "HS", 1), (80, 3, 184, 80, False, "HS", 1)),
        *((80, 3, 184, 80, False, "HS", 1), (80, 3, 480, 112, True, "HS", 1), (112, 3, 672, 112, True, "HS", 1)),
        *((112, 5, 672, 160, True, "HS", 1), (160, 5, 672, 160, True, "HS", 2), (160, 5, 960, 160, True, "HS", 1)),
    )
    return MobileNetV3([InvertedResidualConfig(*row, dilation=1, width_mult=1.0) for row in rows], last_channel=1280)


def proxylessnas() -> nn.Module:
    """ProxylessNAS for mobile CPUs with 32 channels after its first block, as in ncnn's file, where it says 16."""
    from pytorchcv.model_provider import get_model

    network = get_model("proxylessnas_mobile")
    narrow = [
        (parent, key, child)
        for parent in network.modules()
        for key, child in parent.named_children()
        if isinstance(child, (nn.Conv2d, nn.BatchNorm2d)) and child.weight.shape[0] == 16
    ]
    for parent, key, child in narrow:
        wide = nn.Conv2d(child.in_channels, 32, 1, bias=False) if isinstance(child, nn.Conv2d) else nn.BatchNorm2d(32)
        setattr(parent, key, wide)
    parent, key, child = next(
        (parent, key, child)
        for parent in network.modules()
        for key, child in parent.named_children()
        if isinstance(child, nn.Conv2d) and child.weight.shape[1] == 16
    )
    setattr(parent, key, nn.Conv2d(32, child.out_channels, 1, bias=False))
    return network

"""The same network in another library, and the same weights in both."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor, nn


def from_torchvision(name: str, **options: float) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        return pytest.importorskip("torchvision.models").get_model(name, weights=None, **extra, **options)

    return build


def from_pytorchcv(name: str) -> Callable[[], nn.Module]:
    return lambda: pytest.importorskip("pytorchcv.model_provider").get_model(name)


def from_timm(name: str) -> Callable[[], nn.Module]:
    return lambda: pytest.importorskip("timm").create_model(name, pretrained=False)


TWINS: dict[str, Callable[[], nn.Module]] = {
    # spatial exploitation
    "alexnet": from_torchvision("alexnet"),
    "zfnet": from_pytorchcv("zfnet"),
    **{f"vgg{depth}": from_torchvision(f"vgg{depth}") for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": from_torchvision(f"vgg{depth}_bn") for depth in (11, 13, 16, 19)},
    "googlenet": from_torchvision("googlenet", aux_logits=False),
    # depth
    **{f"resnet{depth}": from_torchvision(f"resnet{depth}") for depth in (18, 34, 50, 101, 152)},
    "inception_v3": from_torchvision("inception_v3", aux_logits=False),
    "inception_resnet_v2": from_pytorchcv("inceptionresnetv2"),
    # multi-path
    **{f"densenet{depth}": from_torchvision(f"densenet{depth}") for depth in (121, 169, 201)},
    # width
    **{f"pyramidnet110_a{alpha}": from_pytorchcv(f"pyramidnet110_a{alpha}_cifar10") for alpha in (48, 84, 270)},
    "pyramidnet101_a360": from_pytorchcv("pyramidnet101_a360"),
    "xception": from_timm("legacy_xception"),
    # feature-map exploitation
    "se_resnet50": from_pytorchcv("seresnet50"),
    # attention
    "cbam_resnet50": from_pytorchcv("cbam_resnet50"),
    # mobile
    "mobilenetv1": from_pytorchcv("mobilenet_w1"),
    "mobilenetv1_0.75": from_pytorchcv("mobilenet_w3d4"),
    "mobilenetv1_0.5": from_pytorchcv("mobilenet_wd2"),
    "mobilenetv1_0.25": from_pytorchcv("mobilenet_wd4"),
    # of the other widths pytorchcv has none that we have: it ends at 1x, and below has g = 1 and 3 only
    **{f"shufflenetv1_g{groups}": from_pytorchcv(f"shufflenet_g{groups}_w1") for groups in (1, 2, 3, 4, 8)},
    **{f"shufflenetv1_g{groups}_0.5": from_pytorchcv(f"shufflenet_g{groups}_wd2") for groups in (1, 3)},
    **{f"shufflenetv1_g{groups}_0.25": from_pytorchcv(f"shufflenet_g{groups}_wd4") for groups in (1, 3)},
    "mobilenetv2": from_torchvision("mobilenet_v2"),
    **{f"mobilenetv2_{width}": from_torchvision("mobilenet_v2", width_mult=width) for width in (1.4, 0.75, 0.5, 0.35)},
    "shufflenetv2": from_torchvision("shufflenet_v2_x1_0"),
    "shufflenetv2_0.5": from_torchvision("shufflenet_v2_x0_5"),
    "shufflenetv2_1.5": from_torchvision("shufflenet_v2_x1_5"),
    "shufflenetv2_2": from_torchvision("shufflenet_v2_x2_0"),
}
"""Zoo name -> how another library builds the network that must be its equal."""


def with_state_in_order_of_use(network: nn.Module, image: Tensor) -> list[nn.Module]:
    """Leaf modules with parameters, in the order in which a forward pass first uses them.

    Two libraries name the parts of a network differently, but they run them in the same order.
    """
    used: dict[nn.Module, None] = {}
    leaves = [m for m in network.modules() if not list(m.children()) and list(m.parameters())]
    handles = [leaf.register_forward_hook(lambda module, *_: used.setdefault(module)) for leaf in leaves]
    with torch.inference_mode():
        network.eval()(image)
    for handle in handles:
        handle.remove()
    return shortcuts_last(network, list(used))


def shortcuts_last(network: nn.Module, leaves: list[nn.Module]) -> list[nn.Module]:
    """pytorchcv runs the 1x1 on a residual block's shortcut first, torchvision and we run it last."""
    names = {module: name for name, module in network.named_modules()}
    places = {leaf: place for place, leaf in enumerate(leaves)}

    def place_with_shortcut_last(leaf: nn.Module) -> float:
        block, shortcut, _ = names[leaf].partition(".identity_conv.")
        if not shortcut:
            return places[leaf]
        return 0.5 + max(place for other, place in places.items() if names[other].startswith(f"{block}."))

    return sorted(leaves, key=place_with_shortcut_last)


def to_cpu_with_the_same_state(
    theirs: nn.Module, ours: nn.Module, layers: Iterable[tuple[nn.Module, nn.Module]]
) -> None:
    """Bring both from meta, each pair of layers with the same random state.

    A new network's batch-norms are all alike, and one in the place of another would not be seen: all state is drawn.
    """
    pairs = list(layers)
    for side, network in enumerate((theirs, ours)):
        paired = {id(parameter) for pair in pairs for parameter in pair[side].parameters()}
        assert paired == {id(parameter) for parameter in network.parameters()}, "all parameters are of layers that run"
        network.to_empty(device="cpu")
    for source, target in pairs:
        for name, tensor in source.state_dict().items():
            draw(name, tensor)
        target.load_state_dict(source.state_dict(), strict=True)


def draw(name: str, tensor: Tensor) -> None:
    """Values that keep the scale of activations (He et al. 2015) and differ from channel to channel."""
    if tensor.dim() > 1:
        tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)
    elif name in ("weight", "running_var"):
        tensor.uniform_(0.5, 1.5)
    elif tensor.is_floating_point():
        tensor.normal_(std=0.1)
    else:
        tensor.zero_()

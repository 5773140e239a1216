"""The same network in another library, and its weights copied over."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn


def from_torchvision(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        return pytest.importorskip("torchvision.models").get_model(name, weights=None, **extra)

    return build


def from_pytorchcv(name: str) -> Callable[[], nn.Module]:
    return lambda: pytest.importorskip("pytorchcv.model_provider").get_model(name)


def from_timm(name: str) -> Callable[[], nn.Module]:
    return lambda: pytest.importorskip("timm").create_model(name, pretrained=False)


TWINS: dict[str, Callable[[], nn.Module]] = {
    # spatial exploitation
    # depth
    **{f"resnet{depth}": from_torchvision(f"resnet{depth}") for depth in (18, 34, 50, 101, 152)},
    # multi-path
    # width
    # feature-map exploitation
    # attention
    # mobile
    "shufflenetv1_g3": from_pytorchcv("shufflenet_g3_w1"),
    "mobilenetv2": from_torchvision("mobilenet_v2"),
    "shufflenetv2": from_torchvision("shufflenet_v2_x1_0"),
}
"""Zoo name -> how another library builds the network that must be its equal."""


def with_state_in_order_of_use(network: nn.Module, image: Tensor) -> list[nn.Module]:
    """Leaf modules with parameters, in the order in which a forward pass first uses them."""
    used: dict[nn.Module, None] = {}
    leaves = [m for m in network.modules() if not list(m.children()) and list(m.parameters())]
    handles = [leaf.register_forward_hook(lambda module, *_: used.setdefault(module)) for leaf in leaves]
    with torch.inference_mode():
        network.eval()(image)
    for handle in handles:
        handle.remove()
    return list(used)


def copy_weights(theirs: nn.Module, ours: nn.Module, image: Tensor) -> None:
    """Give `ours` the weights of `theirs`; layers are paired in the order in which they run, not by name."""
    for source, target in zip(
        with_state_in_order_of_use(theirs, image), with_state_in_order_of_use(ours, image), strict=True
    ):
        target.load_state_dict(source.state_dict(), strict=True)

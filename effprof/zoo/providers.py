"""Networks of torchvision, timm and pytorchcv, always with random weights: nothing is downloaded."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from effprof.errors import UnavailableError, UnknownNameError, UsageError
from effprof.foreign import describe, explained
from effprof.zoo.names import PROVIDERS, did_you_mean

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]

INSTALL = "pip install 'effprof[zoo]'"
IMAGE: Shape = (3, 224, 224)


@dataclass(frozen=True)
class Provider:
    """How one library is asked; every function gets the module `module`."""

    module: str
    names: Callable[[ModuleType], list[str]]
    build: Callable[[ModuleType, str], nn.Module]
    input_shapes: Callable[[str, nn.Module], tuple[Shape, ...]]


def check(provider: str, name: str) -> None:
    """Is the library here, and was a name given? Whether it has that name takes an import: see `load`.

    Raises:
        UnavailableError: not installed. UsageError: no name.
    """
    spec = importlib.util.find_spec(provider)
    if spec is None or spec.origin is None:  # no origin: just a folder of that name
        raise UnavailableError(f"{provider} is not installed: {INSTALL}")
    if not name:
        raise UsageError(f"{provider}: which network? Write {provider}:NAME; `effprof models --provider {provider}`.")


def provider_names(provider: str) -> list[str]:
    """All names that `PROVIDER:NAME` takes, sorted.

    Raises:
        UnknownNameError: no such provider. UnavailableError: not installed, or it cannot be imported.
    """
    if provider not in PROVIDERS:
        raise UnknownNameError(
            f"No provider named {provider!r}.{did_you_mean(provider, PROVIDERS)} Known: {', '.join(PROVIDERS)}."
        )
    check(provider, name="any")
    return sorted(_TABLE[provider].names(_import(provider)))


def load(provider: str, name: str, build_context: AbstractContextManager[Any]) -> tuple[nn.Module, tuple[Shape, ...]]:
    """The network, built inside `build_context`, and the shapes of its inputs without the batch axis.

    Raises:
        UnavailableError: the library is not here. UnknownNameError: it has no such network. ModelError: it raised.
    """
    known = provider_names(provider)
    architecture = name.partition(".")[0] if provider == "timm" else name  # timm: `resnet50.a1_in1k`
    if architecture not in known:
        raise UnknownNameError(
            f"{provider} has no model named {name!r}.{did_you_mean(architecture, known)} "
            f"`effprof models --provider {provider}` lists them."
        )
    library, entry = _import(provider), _TABLE[provider]
    with explained(f"{provider}:{name}"), build_context:
        network = entry.build(library, name)
    return network, entry.input_shapes(name, network)


def _import(provider: str) -> ModuleType:
    try:
        return importlib.import_module(_TABLE[provider].module)
    except Exception as error:  # torchvision built for another torch raises RuntimeError
        raise UnavailableError(f"{provider} is installed but cannot be imported: {describe(error)}.") from error


# ----------------------------------------------------------------------------------------------------- torchvision


def _build_torchvision(models: ModuleType, name: str) -> nn.Module:
    build = models.get_model_builder(name)
    arguments: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(build).parameters:
        arguments["weights_backbone"] = None  # detection and segmentation: the default is a download
    if name.endswith(("googlenet", "inception_v3")):
        arguments["init_weights"] = False  # unset, it warns; set, it takes seconds and changes no time or count
    network: nn.Module = build(**arguments)
    return network


def _torchvision_shapes(name: str, network: nn.Module) -> tuple[Shape, ...]:
    package = type(network).__module__
    if package.startswith("torchvision.models.video"):
        size = 112 if package.endswith("resnet") else 224
        return ((3, 16, size, size),)  # 16 frames
    if package.startswith("torchvision.models.optical_flow"):
        return (IMAGE, IMAGE)  # two successive images
    if name.endswith("inception_v3"):
        return ((3, 299, 299),)
    return (IMAGE,)


# ------------------------------------------------------------------------------------------------ timm and pytorchcv


def _build_timm(timm: ModuleType, name: str) -> nn.Module:
    network: nn.Module = timm.create_model(name, pretrained=False)
    return network


def _timm_shapes(_name: str, network: nn.Module) -> tuple[Shape, ...]:
    settings = getattr(network, "pretrained_cfg", None) or {}
    return (tuple(settings.get("input_size") or IMAGE),)


def _build_pytorchcv(model_provider: ModuleType, name: str) -> nn.Module:
    network: nn.Module = model_provider.get_model(name, pretrained=False)
    return network


def _pytorchcv_shapes(_name: str, network: nn.Module) -> tuple[Shape, ...]:
    size = getattr(network, "in_size", None)
    height_and_width = size if isinstance(size, tuple) and len(size) == 2 else IMAGE[1:]
    channels = inspect.signature(type(network)).parameters.get("in_channels")  # kept as an attribute by none
    return ((channels.default if channels and isinstance(channels.default, int) else 3, *height_and_width),)


_TABLE = {
    "torchvision": Provider(
        "torchvision.models", lambda models: list(models.list_models()), _build_torchvision, _torchvision_shapes
    ),
    "timm": Provider("timm", lambda timm: list(timm.list_models()), _build_timm, _timm_shapes),
    # pytorchcv has no public list
    "pytorchcv": Provider(
        "pytorchcv.model_provider", lambda provider: list(provider._models), _build_pytorchcv, _pytorchcv_shapes
    ),
}

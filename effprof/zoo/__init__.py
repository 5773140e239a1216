"""From what `--model` was given to a network: our own zoo, three libraries, or a callable of the user's.

`check_name` says all that can be said without importing torch or running anybody's code; `load` does the rest.
Whatever goes wrong in somebody else's code comes back as one line. Nothing here downloads weights.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from effprof.zoo import own, providers, usercode
from effprof.zoo.names import PROVIDERS, Kind, Source, split_source
from effprof.zoo.own import ZooEntry, table
from effprof.zoo.providers import provider_names
from effprof.zoo.usercode import require_eager

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "PROVIDERS",
    "Kind",
    "LoadedModel",
    "Source",
    "ZooEntry",
    "check_name",
    "load",
    "provider_names",
    "require_eager",
    "split_source",
    "table",
]

DEFAULT_INPUT = ((3, 224, 224),)


@dataclass(frozen=True)
class LoadedModel:
    """A network and what is known about it beyond the module."""

    module: nn.Module
    name: str
    """As it was asked for."""
    source: str
    """`zoo`, `torchvision`, `timm`, `pytorchcv`, or for the user's own code the text that was given."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Of the inputs it was made for, without the batch axis; one colour image of 224 px where nothing is known."""


def check_name(name: str) -> None:
    """Look at what `--model` was given without importing torch or running code.

    Raises:
        UnknownNameError: no such network in the zoo, no such module. UsageError: no callable or network named.
        ModelError: the file is missing or not Python. UnavailableError: a library that is not installed.
    """
    source = split_source(name)
    if source.kind is Kind.ZOO:
        own.find(source.name)
    elif source.kind is Kind.PROVIDER:
        providers.check(source.where, source.name)
    else:
        usercode.check(source)


def load(name: str, build_on: str | None = None) -> LoadedModel:
    """Build the network that `name` stands for, with random weights.

    Args:
        build_on: make its tensors there, `"meta"` for none at all; None leaves that to the network. Imports are not
            affected, so that no module is left with tensors on meta.

    Raises:
        Whatever `check_name` does. ModelError: the user's code failed or gave something that cannot be measured.
        UnknownNameError: the library has no network of that name.
    """
    check_name(name)
    import torch

    source = split_source(name)
    build_context = nullcontext() if build_on is None else torch.device(build_on)
    if source.kind is Kind.ZOO:
        network = own.find(source.name)
        with build_context:
            return LoadedModel(network.build(), name, "zoo", (network.input_shape,))
    if source.kind is Kind.PROVIDER:
        module, shapes = providers.load(source.where, source.name, build_context)
        return LoadedModel(module, name, source.where, shapes)
    return LoadedModel(usercode.load(source, build_context), name, name, DEFAULT_INPUT)

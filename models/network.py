"""One line of the zoo: how a network is called, where it comes from and how it is built."""

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
class Paper:
    """Where a network was published, and the survey's class of it."""

    citation: str
    year: int
    family: str


@dataclass(frozen=True)
class Network:
    """A network with its options fixed."""

    name: str
    builder: str
    """`file:callable` in this folder; called with `options`."""
    paper: Paper
    input_shape: tuple[int, ...] = (3, 224, 224)
    """Default input without the batch axis."""
    options: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """A new network with random weights, in training mode as any new module."""
        file, _, constructor = self.builder.partition(":")
        module = importlib.import_module(f".{file}", __package__)
        network: nn.Module = getattr(module, constructor)(**self.options)
        return network


def variants(
    builder: str, paper: Paper, options: dict[str, dict[str, Any]], input_shape: tuple[int, ...] = (3, 224, 224)
) -> tuple[Network, ...]:
    """The networks that one constructor builds: each name with the options that set it apart."""
    return tuple(Network(name, builder, paper, input_shape, chosen) for name, chosen in options.items())

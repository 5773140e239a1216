"""A copy of somebody's network: whatever changes a network works on one."""

from __future__ import annotations

import copy

from torch import nn

from effprof.errors import ModelError
from effprof.foreign import describe


def copied(model: nn.Module) -> nn.Module:
    """A deep copy.

    Raises:
        ModelError: its parts cannot be copied.
    """
    try:
        return copy.deepcopy(model)
    except Exception as error:  # whatever its parts raise when they are copied
        raise ModelError(
            f"This setting is applied to a copy of the network, which cannot be copied: {describe(error)}."
        ) from error


def replace_everywhere(root: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """`new` in the place of `old` under every name that `old` has below `root`."""
    for parent in root.modules():
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new

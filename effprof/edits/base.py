"""What an exact edit is: a change of a network's copy that leaves its outputs as they are, to rounding.

An edit sees the network through one recorded pass (what reads what, which memory is shared) and, where it has to move
calls, through torch.fx. It is for inference: the copy is in eval mode, and nothing is kept for gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from effprof.capture import Capture, Inputs, capture
from effprof.capture.failure import forward_explained
from effprof.edits.copying import copied
from effprof.errors import EditError, EffprofError, NotApplicableError
from effprof.foreign import describe


@dataclass(frozen=True)
class Change:
    """What an edit did."""

    model: nn.Module
    layers: tuple[str, ...]
    """Paths of the modules that were touched, as they were called before."""
    text: str
    """One sentence: what was done."""


@dataclass(frozen=True)
class Edit:
    name: str
    """Stable, as `effprof.apply` takes it."""
    text: str
    """One sentence: what it does wherever it can."""
    make: Callable[[nn.Module, Inputs], Change]
    """Changes the network that it is given. Raises NotApplicableError where there is nothing to do, or no proof that it
    may be done."""

    def apply(self, model: nn.Module, inputs: Inputs) -> nn.Module:
        """The edited copy, in eval mode; `model` stays as it is. Whether outputs are equal is not looked at
        (`apply.edited` does).

        Raises:
            NotApplicableError: there is nothing to do here, or no proof that it may be done.
            EditError, ModelError: it failed.
        """
        return self.change(copied(model).eval(), inputs).model

    def change(self, own: nn.Module, inputs: Inputs) -> Change:
        """As `apply`, on a copy in eval mode that may be spoilt."""
        try:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                return self.make(own, inputs)
        except NotApplicableError as error:
            raise NotApplicableError(f"{self.name} does not apply: {error}.") from None
        except (EffprofError, KeyboardInterrupt):
            raise
        except Exception as error:  # torch's own functions on whatever parts somebody's network has
            raise EditError(f"{self.name} failed: {describe(error)}.") from error


def observed(model: nn.Module, inputs: Inputs) -> Capture:
    """One recorded pass, after one in which the network fills its caches; each on a copy of the input."""
    with torch.no_grad(), forward_explained(inputs):
        inputs.map(torch.clone).run(model)
        return capture(model, inputs.map(torch.clone))


def first_hooked(model: nn.Module) -> str | None:
    """Path of the first module with a hook that runs with the forward; None where there is none."""
    for path, module in model.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            return path or "the network"
    return None

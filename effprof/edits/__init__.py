"""Exact edits of a copy of a network: the same outputs, less time. `apply_edits` is the narrow door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from effprof.advice_records import EDIT_TEXTS
from effprof.capture import Inputs
from effprof.edits.base import Change, Edit
from effprof.edits.checking import Checker, Difference
from effprof.edits.copies import drop_copies
from effprof.edits.copying import copied
from effprof.edits.fold import fold_batch_norm
from effprof.edits.in_place import make_in_place
from effprof.edits.layout import to_channels_last
from effprof.edits.packing import pack_weights
from effprof.edits.siblings import merge_siblings
from effprof.errors import EditError, UnknownNameError
from effprof.zoo.names import did_you_mean

__all__ = ["EDITS", "Applied", "Change", "Checker", "Difference", "Edit", "apply_edits", "in_order"]

_MAKERS: dict[str, Callable[[nn.Module, Inputs], Change]] = {
    "fold-batch-norm": fold_batch_norm,
    "merge-siblings": merge_siblings,
    "drop-copies": drop_copies,
    "in-place": make_in_place,
    "channels-last": to_channels_last,
    "pack-weights": pack_weights,
}
EDITS: dict[str, Edit] = {name: Edit(name, text, _MAKERS[name]) for name, text in EDIT_TEXTS.items()}
"""By name, in the order in which several are applied."""


@dataclass(frozen=True)
class Applied:
    """A network's copy with edits applied, one after another."""

    model: nn.Module
    changes: tuple[Change, ...]
    """One an edit, in their order."""
    difference: Difference
    """Of its outputs from the original's."""


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Each name once, in the order in which they are applied.

    Raises:
        UnknownNameError: there is no such edit.
    """
    for name in names:
        if name not in EDITS:
            raise UnknownNameError(f"No edit named {name!r}. Known: {', '.join(EDITS)}.{did_you_mean(name, EDITS)}")
    return tuple(name for name in EDITS if name in names)


def apply_edits(model: nn.Module, names: Sequence[str], inputs: Inputs, checker: Checker | None = None) -> Applied:
    """All edits on one copy, in eval mode; its outputs are compared with the original's. `model` stays as it is.

    Args:
        checker: knows the outputs of `model` already; without one they are taken from the copy before it is changed.

    Raises:
        UnknownNameError: there is no such edit.
        NotApplicableError: one has nothing to do here, or no proof that it may be done.
        EditError: one failed, or the outputs changed.
        ModelError: the network cannot be copied, or its forward raises.
    """
    ordered = in_order(names)
    own = copied(model).eval()
    checker = Checker(own, inputs) if checker is None else checker
    changes: list[Change] = []
    for name in ordered:
        changes.append(EDITS[name].change(own, inputs))
        own = changes[-1].model
    try:
        return Applied(own, tuple(changes), checker.check(own))
    except EditError as error:
        raise EditError(f"{' + '.join(ordered)}: {error}") from None

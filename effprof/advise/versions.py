"""Versions of a network that can be timed: edited copies on the CPU, planned ones on the make-believe device."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import nn

from effprof.advice_records import EDIT_TEXTS, Trial
from effprof.advise.selection import Built
from effprof.capture import Inputs
from effprof.devices.base import PlainRun
from effprof.devices.cpu import FreshInputs, plain_run
from effprof.devices.cpuinfo import available_memory_bytes
from effprof.devices.fake import FakeSubject, Plan
from effprof.edits import Checker, apply_edits, in_order
from effprof.edits.base import observed
from effprof.errors import EditError, NotApplicableError
from effprof.records import OpCall
from effprof.units import format_bytes

ROOM = 3
"""A copy is made where this many times its weights are free: applying an edit holds a second one for a moment."""
ORIGINAL = Trial("", "measured", "The network as it is.")


@dataclass
class CpuClock:
    """A network and its input on the CPU."""

    model: nn.Module
    inputs: FreshInputs

    def plain(self) -> PlainRun:
        with torch.inference_mode():
            return plain_run(self.model, self.inputs.refreshed())


class CpuBuilder:
    """Applies edits to copies of one network and checks their outputs."""

    def __init__(self, model: nn.Module, inputs: Inputs, seed: int, before: tuple[str, ...] = ()) -> None:
        """`model` is in eval mode. `before`: edits that are in every version, the one without edits too; more are
        applied with them in the order of all edits, so that one can still be tried that belongs ahead of them."""
        self._model, self._inputs, self._before = model, inputs, before
        self._fresh = FreshInputs.of(inputs, observed(model, inputs).calls)
        self._checker = Checker(model, inputs, seed)
        tensors = {id(t): t for t in (*model.parameters(), *model.buffers())}.values()
        self._weights_bytes = sum(t.numel() * t.element_size() for t in tensors)

    def build(self, edits: tuple[str, ...]) -> Built:
        """Raises EffprofError where an edit does not apply, fails, changes the outputs, or there is no memory."""
        again = [name for name in edits if name in self._before]
        if again:
            raise NotApplicableError(f"{again[0]} does not apply: it has been applied already.")
        names = in_order((*self._before, *edits))
        if not names:
            return Built(CpuClock(self._model, self._fresh), ORIGINAL)
        self._require_room()
        applied = apply_edits(self._model, names, self._inputs, self._checker)
        if not edits:
            return Built(CpuClock(applied.model, self._fresh), ORIGINAL)
        change, far = applied.changes[names.index(edits[-1])], applied.difference
        text = f"{change.text[0].upper()}{change.text[1:]}."
        trial = Trial(edits[-1], "measured", text, change.layers, far.max_abs, far.relative)
        return Built(CpuClock(applied.model, self._fresh), trial)

    def _require_room(self) -> None:
        free = available_memory_bytes()
        if free is not None and free < ROOM * self._weights_bytes:
            raise EditError(
                f"No memory for another copy: its weights take {format_bytes(self._weights_bytes)}, and "
                f"{format_bytes(free)} are available."
            )


@dataclass
class PlannedClock:
    """The network on the make-believe clock, a planned share faster."""

    subject: FakeSubject
    factor: float

    def plain(self) -> PlainRun:
        run = self.subject.plain()
        return PlainRun(run.time_s * self.factor, run.page_faults)


class PlannedBuilder:
    """Versions whose gains a plan gives; nothing is copied or run."""

    def __init__(
        self,
        calls: tuple[OpCall, ...],
        shapes: tuple[tuple[int, ...], ...],
        plan: Plan,
        seed: int,
        applied: tuple[str, ...] = (),
    ) -> None:
        """`applied`: edits that the network has had before."""
        self._calls, self._shapes, self._plan, self._seed, self._applied = calls, shapes, plan, seed, applied
        self._built = 0

    def build(self, edits: tuple[str, ...]) -> Built:
        """Raises NotApplicableError for an edit that the plan does not name."""
        for name in edits:
            if name in self._applied:
                raise NotApplicableError(f"{name} does not apply: it has been applied already.")
            if name not in self._plan.edits:
                raise NotApplicableError(f"{name} does not apply: the make-believe device has no plan for it.")
        factor = planned_factor(self._plan, (*self._applied, *edits))
        self._built += 1
        subject = FakeSubject(self._calls, self._plan, self._shapes, seed=self._seed + self._built)
        last = edits[-1] if edits else ""
        text = EDIT_TEXTS.get(last, "As planned.")
        return Built(PlannedClock(subject, factor), Trial(last, "measured", text, (), 0.0, 0.0))


def planned_factor(plan: Plan, edits: tuple[str, ...]) -> float:
    """The edited network's time over the original's: as planned for these edits together (`a+b`), else one by one."""
    together = "+".join(edits)
    if together in plan.edits:
        return 1 - plan.edits[together]
    return prod(1 - plan.edits[name] for name in edits)

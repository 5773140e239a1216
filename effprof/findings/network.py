"""What the rules read: the analysed calls with their data flow, the latency, and what this device is known to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from effprof.analyze.roofline import Roofs
from effprof.findings.expectations import Slowdowns
from effprof.records import Category, CostedOp, OpCall, Profile, TensorSpec


@dataclass(frozen=True)
class Network:
    """One network. Every op outside overhead has its part of the whole in `time_s`."""

    profile: Profile
    ops: tuple[CostedOp, ...]
    whole: float
    """Above 0: seconds of latency; where nothing was timed, all calls' access_bytes, and so are the parts."""
    is_timed: bool
    overhead_s: float
    page_faults_per_run: float | None
    slowdowns: Slowdowns
    roofs: Roofs | None = None
    """What this device can do at best, where that is known."""
    _readers: dict[int, list[CostedOp]] = field(default_factory=lambda: defaultdict(list), repr=False)
    _producers: dict[int, CostedOp] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for op in self.ops:
            for value in dict.fromkeys(spec.id for spec in op.call.inputs):
                self._readers[value].append(op)
            for spec in op.call.outputs:
                self._producers[spec.id] = op

    @property
    def whole_name(self) -> str:
        return "latency" if self.is_timed else "memory access"

    def readers(self, value: TensorSpec) -> Sequence[CostedOp]:
        """The calls that take this tensor, in order."""
        return self._readers.get(value.id, ())

    def only_reader(self, op: CostedOp) -> CostedOp | None:
        """The one call that takes the one output of `op`; None when there is none or are several."""
        if len(op.call.outputs) != 1:
            return None
        readers = self.readers(op.call.outputs[0])
        return readers[0] if len(readers) == 1 else None

    def producer(self, value: TensorSpec) -> CostedOp | None:
        """The call that made this tensor; None for inputs and weights."""
        return self._producers.get(value.id)

    def uses(self, value: TensorSpec | None) -> int:
        """How many calls take this tensor."""
        return 0 if value is None else len(self.readers(value))

    def working(self) -> Iterator[CostedOp]:
        """All calls outside overhead: views move nothing."""
        return (op for op in self.ops if op.category is not Category.OVERHEAD)

    def share_of_ceiling(self, ops: Sequence[CostedOp]) -> float | None:
        """The time of the calls at their ceilings over the time that they take; None where either is unknown."""
        if self.roofs is None:
            return None
        least_s = [self.roofs.roof_of(op).least_s for op in ops]
        known_s = [time_s for time_s in least_s if time_s is not None]
        spent_s = time_of(ops)
        return sum(known_s) / spent_s if spent_s > 0 and len(known_s) == len(ops) else None

    @cached_property
    def moved_bytes_per_s(self) -> float | None:
        """What the element-wise and copying calls of this run reached; None where they took no time."""
        moving = [op for op in self.working() if op.category in (Category.ELEMWISE, Category.DATA_IO)]
        spent_s = time_of(moving)
        return sum(op.cost.access_bytes or 0 for op in moving) / spent_s if spent_s > 0 else None

    @cached_property
    def overhead_per_call_s(self) -> float:
        return self.overhead_s / max(1, sum(1 for _ in self.working()))

    def time_without(self, ops: Sequence[CostedOp]) -> float:
        """What the network would take less without these calls: their time, and that between calls for each."""
        return time_of(ops) + len(ops) * self.overhead_per_call_s


def time_of(ops: Sequence[CostedOp]) -> float:
    return sum(op.time_s or 0.0 for op in ops)


def access_of(ops: Sequence[CostedOp]) -> int:
    return sum(op.cost.access_bytes or 0 for op in ops)


def pixels(spec: TensorSpec) -> int:
    """Places of all images of a tensor (batch, channels, *places): the paper's hw, times the batch."""
    return image_pixels(spec) * spec.shape[0] if spec.shape else 0


def image_pixels(spec: TensorSpec) -> int:
    """Places of one image of it; 0 for a tensor that holds none."""
    return prod(spec.shape[2:]) if len(spec.shape) > 2 else 0


def is_plain_pointwise(op: CostedOp) -> bool:
    """A 1x1 convolution of one group over an image of more than one place."""
    is_recorded = bool(weight_shape(op.call)) and bool(op.call.outputs)
    return op.kind == "pointwise" and is_recorded and prod(op.call.outputs[0].shape[2:]) > 1


def weight_shape(call: OpCall) -> tuple[int, ...]:
    """(out, in / groups, *kernel); empty where the call has no weight."""
    weight = call.tensor("weight")
    return () if weight is None else weight.shape


def window(call: OpCall, name: str, default: int = 1) -> tuple[int, ...]:
    """An argument of a convolution or pooling given once or for each axis, as one number an axis."""
    given = call.arguments.get(name)
    rank = max(1, len(call.inputs[0].shape) - 2)
    values = given if isinstance(given, tuple) else (given,) * rank
    known = tuple(value for value in values if isinstance(value, int))
    known = known * rank if len(known) == 1 else known
    return known if len(known) == rank else (default,) * rank

"""The words of cliff maps as data: one convolution, timed at neighbouring settings of each of its axes.

Like `records`: frozen, torch-free and JSON-able; `None` means unknown.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from effprof.records import DeviceInfo, Environment, Note

Axis = Literal["outputs", "inputs", "width", "groups", "batch", "threads"]
"""`width`: inputs and outputs together, where the one is tied to the other (depthwise)."""
AXES: tuple[Axis, ...] = ("outputs", "inputs", "width", "groups", "batch", "threads")


@dataclass(frozen=True)
class ConvShape:
    """A 2-d convolution without bias, as it is timed."""

    kernel_size: tuple[int, int]
    inputs: int
    """Channels."""
    outputs: int
    groups: int
    stride: tuple[int, int]
    height: int
    width: int
    """Places of the input."""
    batch: int
    threads: int

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.inputs > 1

    @property
    def padding(self) -> tuple[int, int]:
        """Half the kernel on each side, which keeps the places but for the stride."""
        return self.kernel_size[0] // 2, self.kernel_size[1] // 2

    @property
    def mult_adds(self) -> int:
        """Of one run, as `cost` counts them."""
        return self.batch * prod(self.output_size) * self.weight_items

    @property
    def output_size(self) -> tuple[int, int]:
        """Places of the output."""
        return (self.height - 1) // self.stride[0] + 1, (self.width - 1) // self.stride[1] + 1

    @property
    def weight_items(self) -> int:
        """Elements of the weights."""
        return prod(self.kernel_size) * self.inputs * self.outputs // self.groups

    @property
    def held_items(self) -> int:
        """Elements of input and weights."""
        return self.batch * self.inputs * self.height * self.width + self.weight_items

    @property
    def output_items(self) -> int:
        """Elements of the output."""
        return self.batch * self.outputs * prod(self.output_size)

    def at(self, axis: Axis, value: int) -> ConvShape:
        """The same convolution at another value of one axis."""
        if axis == "width":
            groups = value if self.is_depthwise else self.groups
            return replace(self, inputs=value, outputs=value * self.outputs // self.inputs, groups=groups)
        return replace(self, **{str(axis): value})  # type: ignore[arg-type]  # all of them are whole numbers

    def value(self, axis: Axis) -> int:
        return self.inputs if axis == "width" else int(getattr(self, axis))


@dataclass(frozen=True)
class CliffSpec:
    """The map as the user asked for it."""

    name: str
    """The layer, or the shape as it was given."""
    shape: ConvShape
    axes: tuple[Axis, ...] = ()
    """Empty: all that the shape has."""
    device: str = "cpu"
    precision: str = "fp32"
    channels_last: bool = False
    malloc: str = "default"
    seed: int = 0
    min_rounds: int = 10
    max_time_s: float = 60.0
    """For all axes together."""
    command: str = ""


@dataclass(frozen=True)
class CliffPoint:
    """One value of one axis: one median of some plain runs for each round."""

    value: int
    mult_adds: int
    rounds_s: tuple[float, ...]

    @property
    def time_s(self) -> float:
        return statistics.median(self.rounds_s)


@dataclass(frozen=True)
class CliffAxis:
    """One axis, its values ascending, timed in turn round after round; the layer's own value is among them."""

    axis: Axis
    own: int
    points: tuple[CliffPoint, ...]
    stopped_because: str


@dataclass(frozen=True)
class CliffMap:
    """The raw record."""

    spec: CliffSpec
    environment: Environment
    device: DeviceInfo
    axes: tuple[CliffAxis, ...]
    notes: tuple[Note, ...] = ()
    partial: bool = False
    format: str = "effprof.cliffs/1"

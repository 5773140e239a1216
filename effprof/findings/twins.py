"""What a design edit would put in a layer's place: convolutions of the same work, or that see as far.

A twin is priced by timing it beside the layer's own shape (`bench/prices.py`). It is another network then, to be
trained anew: a price, not a speed-up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from effprof.cliff_records import ConvShape

Twin = Callable[[ConvShape], tuple[ConvShape, ...] | None]
"""From a layer's shape to what stands in its place, one after another; None where nothing else would."""


def equal_widths(shape: ConvShape) -> tuple[ConvShape, ...] | None:
    """G1: both widths at the root of their product, which is the same work."""
    width = round(math.sqrt(shape.inputs * shape.outputs))
    return None if width in (shape.inputs, shape.outputs) else (replace(shape, inputs=width, outputs=width),)


def one_group(shape: ConvShape) -> tuple[ConvShape, ...] | None:
    """G2: one group, both widths divided by the root of the number of groups, which is the same work."""
    return _regrouped(shape, 1)


def wider_groups(shape: ConvShape, width: int = 8) -> tuple[ConvShape, ...] | None:
    """G2: groups of at least `width` channels at the same work."""
    return _regrouped(shape, max(1, min(shape.inputs, shape.outputs) // (2 * width)))


def stacked(shape: ConvShape) -> tuple[ConvShape, ...] | None:
    """(k - 1) / 2 convolutions of 3x3, which see as far; the first has the stride and the change of width."""
    size = max(shape.kernel_size)
    if size < 5 or size % 2 == 0 or shape.kernel_size != (size, size):
        return None
    first = replace(shape, kernel_size=(3, 3))
    height, width = shape.output_size
    later = replace(first, inputs=shape.outputs, stride=(1, 1), height=height, width=width)
    return (first, *[later] * ((size - 1) // 2 - 1))


BLOCK = 16
"""Channels that kernels of processors take together at most: a vector of 512 bits holds 16 numbers of 32."""


def filled(width: int) -> int:
    """The next multiple of BLOCK."""
    return -(-width // BLOCK) * BLOCK


def filled_widths(shape: ConvShape) -> tuple[ConvShape, ...] | None:
    """Both widths up to the next multiple of BLOCK: more work, and maybe less time."""
    inputs, outputs = filled(shape.inputs), filled(shape.outputs)
    is_same = (inputs, outputs) == (shape.inputs, shape.outputs)
    return None if is_same or shape.groups > 1 else (replace(shape, inputs=inputs, outputs=outputs),)


TWINS: dict[str, Twin] = {
    "G1-narrow-wide": equal_widths,
    "G1-unequal-widths": equal_widths,
    "G2-grouped-pointwise": one_group,
    "G2-narrow-groups": wider_groups,
    "kernel-large": stacked,
    "width-cliff": filled_widths,
}
"""By a finding's code; the others have no twin that a single convolution's time could price."""


def _regrouped(shape: ConvShape, groups: int) -> tuple[ConvShape, ...] | None:
    """Work of a group convolution is inputs * outputs / groups: both widths by the root of the ratio of groups."""
    if groups >= shape.groups:
        return None
    factor = math.sqrt(groups / shape.groups)
    inputs, outputs = (max(groups, round(width * factor / groups) * groups) for width in (shape.inputs, shape.outputs))
    return (replace(shape, inputs=inputs, outputs=outputs, groups=groups),)

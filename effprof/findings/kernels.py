"""Large kernels, matrix products that wait for their weights, and the kernel that torch picks for a convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from effprof.cost.tensors import tensor_bytes
from effprof.findings.drafting import Draft, places, subject, verb
from effprof.findings.network import Network, weight_shape, window
from effprof.records import CostedOp
from effprof.units import counted, format_bytes


def drafts(network: Network) -> Iterator[Draft]:
    yield from _large_kernels(network)
    yield from _weights(network)
    yield from _slow_convolutions(network)


SEEN_STRIDE = 3
"""Beyond it a kernel of 3 passes over places: patches of 16 at a stride of 16 have no stack that sees all of them."""


def _large_kernels(network: Network) -> Iterator[Draft]:
    """Dense 5x5 and 7x7 convolutions: two or three of 3x3 see as far with less work (Simonyan and Zisserman 2015)."""
    ops = [op for op in network.working() if op.kind == "dense" and min(_kernel(op), default=0) >= 5 and _has_stack(op)]
    if not ops:
        return
    spared_s = sum((op.time_s or 0.0) * (1 - _stacked_share(op)) for op in ops)
    largest = _kernel(max(ops, key=lambda op: max(_kernel(op))))
    text = f"{counted(len(ops), 'dense convolution')} ({places(ops)}) with kernels of up to {_by(largest)}."
    three = _by((3,) * len(largest))
    edit = f"A stack of convolutions of {three} sees as far with less work; early ones can have a stride."
    yield Draft("kernel-large", tuple(ops), text, edit, expected=(spared_s, "run"))


def _kernel(op: CostedOp) -> tuple[int, ...]:
    return weight_shape(op.call)[2:]


def _by(sizes: Sequence[int]) -> str:
    """`7 x 7`, `length 7`."""
    return " x ".join(map(str, sizes)) if len(sizes) > 1 else f"length {sizes[0]}"


def _has_stack(op: CostedOp) -> bool:
    """A stack of kernels of 3 that sees the same places, with less work."""
    is_dense = max(window(op.call, "dilation")) == 1 and max(window(op.call, "stride")) <= SEEN_STRIDE
    return is_dense and _stacked_share(op) < 1


def _stacked_share(op: CostedOp) -> float:
    """Work of (k - 1) / 2 kernels of 3 on every axis over that of one of k: 18/25 for k = 5 at equal widths.

    The first changes the width, those after it keep it: from 3 channels to 64 a stack is more work, not less.
    """
    kernel, (outputs, inputs) = _kernel(op), weight_shape(op.call)[:2]
    later = (max(kernel) - 1) / 2 - 1
    return float(3 ** len(kernel)) * (inputs + later * outputs) / (prod(kernel) * inputs)


def _weights(network: Network) -> Iterator[Draft]:
    """Linear layers that read more weights than activations: their time is that of reading the weights."""
    ops = [op for op in network.working() if op.kind == "linear" and _is_bound_by_weights(op)]
    if not ops:
        return
    weights = [op.call.tensor("weight") for op in ops]
    size = sum(tensor_bytes(weight) for weight in weights if weight is not None)
    text = (
        f"{subject(ops, 'linear layer')} {verb(ops, 'uses', 'use')} each weight for so few inputs that reading "
        f"{format_bytes(size)} of weights is most of the time."
    )
    edit = "Raise the batch, or use fewer or smaller weights (pool before, half precision)."
    yield Draft("kernel-weights", tuple(ops), text, edit, evidence=(("weights_bytes", size),))


MANY_USES = 16
"""Uses of a weight in one call from which the product is bound by arithmetic rather than by reading it."""


def _is_bound_by_weights(op: CostedOp) -> bool:
    weight = op.call.tensor("weight")
    return weight is not None and (op.cost.mult_adds or 0) < MANY_USES * prod(weight.shape)


SMALL_INPUT, FEW_IMAGES = 20480, 16
"""Numbers in an image's map up to which, and images below which, torch may keep a convolution from oneDNN (`use_mkldnn`
in its Convolution.cpp)."""


def _slow_convolutions(network: Network) -> Iterator[Draft]:
    """torch's own convolution in place of oneDNN's; which is faster differs by shape, so no gain is expected."""
    slow = [op for op in network.working() if op.call.backend == "Slow2d" and op.call.outputs[0].dtype == "float32"]
    ops = [op for op in slow if _is_kept_from_onednn(op)]
    if not ops or len(ops) < len(slow):  # oneDNN is switched off, or not there
        return
    text = (
        f"{subject(ops, 'convolution')} {verb(ops, 'runs', 'run')} in torch's own slow_conv2d, not in oneDNN: so torch "
        "chooses for one small image, and with one thread and fewer than 16 images for kernels of 1 x 1."
    )
    edit = "Pack their weights for oneDNN where that is faster, or raise the batch."
    yield Draft("kernel-slow-conv2d", tuple(ops), text, edit, None, True, "pack-weights")


def _is_kept_from_onednn(op: CostedOp) -> bool:
    """For its shape's sake. (Types other than float32 oneDNN does not take on every processor, or not at all.)"""
    x, weight = op.call.inputs[0].shape, weight_shape(op.call)
    is_small = x[0] == 1 and prod(x) <= SMALL_INPUT and min(weight[2:]) <= 3
    is_thin = x[0] < FEW_IMAGES and prod(weight[2:]) == 1 and max(window(op.call, "stride")) == 1
    return is_small or is_thin

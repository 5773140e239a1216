"""Large kernels, matrix products that wait for their weights, and the kernel that torch picks for a convolution."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from effprof.cost.tensors import tensor_bytes
from effprof.findings.drafting import Draft, places, subject, verb
from effprof.findings.network import Network, weight_shape
from effprof.records import CostedOp
from effprof.units import counted, format_bytes


def drafts(network: Network) -> Iterator[Draft]:
    yield from _large_kernels(network)
    yield from _weights(network)
    yield from _slow_convolutions(network)


def _large_kernels(network: Network) -> Iterator[Draft]:
    """Dense 5x5 and 7x7 convolutions: two or three of 3x3 see as far with less work (Simonyan and Zisserman 2015)."""
    ops = [op for op in network.working() if op.kind == "dense" and min(_kernel(op), default=0) >= 5]
    if not ops:
        return
    spared_s = sum((op.time_s or 0.0) * (1 - _stacked_share(op)) for op in ops)
    largest = max(max(_kernel(op)) for op in ops)
    text = f"{counted(len(ops), 'dense convolution')} ({places(ops)}) with kernels of up to {largest} x {largest}."
    edit = "A stack of 3 x 3 convolutions sees as far with less work; early ones can have a stride."
    yield Draft("kernel-large", tuple(ops), text, edit, expected=(spared_s, "run"))


def _kernel(op: CostedOp) -> tuple[int, ...]:
    return weight_shape(op.call)[2:]


def _stacked_share(op: CostedOp) -> float:
    """Work of (k - 1) / 2 kernels of 3 on every axis over that of one of k, channels alike: k = 5 -> 18/25."""
    kernel = _kernel(op)
    return min(1.0, (max(kernel) - 1) / 2 * float(3 ** len(kernel)) / prod(kernel))


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


def _slow_convolutions(network: Network) -> Iterator[Draft]:
    """torch's own convolution in place of oneDNN's; which is faster differs by shape, so no gain is expected."""
    ops = [op for op in network.working() if op.call.backend == "Slow2d"]
    if not ops:
        return
    text = (
        f"{subject(ops, 'convolution')} {verb(ops, 'runs', 'run')} in torch's own slow_conv2d, not in oneDNN: so torch "
        "chooses for small maps, and with one thread and fewer than 16 images for kernels of 1 x 1."
    )
    edit = "Call torch.mkldnn_convolution there where it is faster, or raise the batch."
    yield Draft("kernel-slow-conv2d", tuple(ops), text, edit)

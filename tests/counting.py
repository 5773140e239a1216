"""Counts of the zoo's networks: ours, torch's, and the ways in which published tables count otherwise."""

from __future__ import annotations

import copy
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import effprof
from effprof import zoo
from effprof.records import OpCall


@dataclass(frozen=True)
class Tally:
    """What a network has and does for one image, in the classes that tables leave out or add."""

    parameters: int
    batch_norm_parameters: int
    mult_adds: int
    convolutions: int
    """Of the mult_adds; the rest is linear layers."""
    pointwise: int
    """Of the convolutions, those with 1x1 filters."""
    operations: int
    """Normalisation, activation, pooling, as imgclsmob counts operations: a multiply-add is two."""
    residual_sums: int


def default_size(name: str) -> int:
    return int(zoo.own.find(name).input_shape[-1])


def image(name: str, img_size: int | None = None, batch: int = 1, device: str = "meta") -> torch.Tensor:
    """Random images (batch, channels, height, width) for a network of the zoo, square and of its default size."""
    channels, *_ = zoo.own.find(name).input_shape
    size = img_size or default_size(name)
    return torch.randn(batch, channels, size, size, device=device)


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def torch_mult_adds(network: nn.Module, images: torch.Tensor) -> int:
    """torch's own count; both on meta, so that nothing is computed."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(images)
    return counter.get_total_flops() // 2


@functools.cache
def on_meta(name: str) -> nn.Module:
    """A network of the zoo without weights, built once; for counting only, as all tests share it."""
    return zoo.load(name, build_on="meta").module.eval()


@functools.cache
def tally(name: str, img_size: int, stride_in: int | None = None) -> Tally:
    """Our count of a network; with the stride of bottlenecks moved to their 1x1 or 3x3, where `stride_in` says so."""
    network = on_meta(name)
    if stride_in is not None:
        network = move_stride(copy.deepcopy(network), stride_in)
    report = effprof.count(network, image(name, img_size))
    calls = report.profile.calls
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    return Tally(
        parameters=parameters(network),
        batch_norm_parameters=sum(map(parameters, norms)),
        mult_adds=report.analysis.totals.mult_adds,
        convolutions=sum(map(convolution_mult_adds, calls)),
        pointwise=sum(convolution_mult_adds(call) for call in calls if is_pointwise(call)),
        operations=sum(map(imgclsmob_operations, calls)) + global_pool_operations(calls),
        residual_sums=sum(math.prod(call.outputs[0].shape) for call in calls if call.op == "add"),
    )


def move_stride(network: nn.Module, kernel_size: int) -> nn.Module:
    """In a 1x1 followed by a 3x3, one of them with stride 2: give it to the one with that kernel."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for first, second in itertools.pairwise(convolutions):
        sizes, strides = (first.kernel_size[0], second.kernel_size[0]), (first.stride[0], second.stride[0])
        if sizes == (1, 3) and sorted(strides) == [1, 2]:
            first.stride, second.stride = ((2, 2), (1, 1)) if kernel_size == 1 else ((1, 1), (2, 2))
    return network


def is_pointwise(call: OpCall) -> bool:
    return call.op == "conv2d" and call.inputs[1].shape[2:] == (1, 1)


def convolution_mult_adds(call: OpCall) -> int:
    if call.op != "conv2d":
        return 0
    weight, output = call.inputs[1].shape, call.outputs[0].shape
    return math.prod(weight[1:]) * math.prod(output)


def imgclsmob_operations(call: OpCall) -> int:
    """Operations besides multiply-adds, as `measure_model` of imgclsmob (gluon/model_stats.py) counts them.

    It takes one operation off for each filter plane of a convolution without bias.
    """
    if not call.inputs:
        return 0
    elements, output = math.prod(call.inputs[0].shape), math.prod(call.outputs[0].shape)
    match call.op:
        case "conv2d" if call.arguments.get("bias", "given") is None:
            return -math.prod(call.inputs[1].shape[:2])
        case "batch_norm" | "sigmoid":
            return 4 * elements
        case "relu" | "contiguous":  # the copy of a channel shuffle
            return elements
        case "max_pool2d" | "avg_pool2d":
            return output * math.prod(call.arguments["kernel_size"])
        case "adaptive_max_pool2d":  # CBAM's, with the mean beside it; SE-ResNet's mean is a function and not counted
            return 2 * output
        case _:
            return 0


def global_pool_operations(calls: Sequence[OpCall]) -> int:
    """Of the mean before the classifier."""
    pools = [call for call in calls if call.op == "adaptive_avg_pool2d" and call.outputs[0].shape[2:] == (1, 1)]
    return math.prod(pools[-1].inputs[0].shape) if pools else 0


# ------------------------------------------------------------------------------------------- the ways of other tables

STRIDE = {"stride in the first 1x1": 1, "stride in the 3x3": 3}
AREA = "scaled from 224 px by the image's area"
CUT_PARAMETERS = "parameters cut off, not rounded"
CUT_MULT_ADDS = "multiply-adds cut off, not rounded"

OTHER_CLASSES: dict[str, Callable[[Tally], Tally]] = {
    "counts no batch-norm parameters": lambda t: replace(t, parameters=t.parameters - t.batch_norm_parameters),
    "counts convolutions only": lambda t: replace(t, mult_adds=t.convolutions),
    "shortcuts without weights": lambda t: replace(t, mult_adds=t.mult_adds - t.pointwise),
    "seems to count residual sums too": lambda t: replace(t, mult_adds=t.mult_adds + t.residual_sums),
    "counts batch-norm, activations and pooling too": lambda t: replace(t, mult_adds=t.mult_adds + t.operations / 2),
}

WAYS = frozenset((*STRIDE, AREA, CUT_PARAMETERS, CUT_MULT_ADDS, *OTHER_CLASSES))
"""What an explanation may say that can be counted after; anything else in an explanation is a remark."""


def counted_like(ways: Sequence[str], name: str, img_size: int) -> tuple[float, float]:
    """Parameters and mult_adds, both in millions, of a network of the zoo as a table counts that has these ways."""
    stride_in = next((STRIDE[way] for way in ways if way in STRIDE), None)
    counts = tally(name, 224 if AREA in ways else img_size, stride_in)
    for way in ways:
        counts = OTHER_CLASSES.get(way, lambda unchanged: unchanged)(counts)
    scale = (img_size / 224) ** 2 if AREA in ways else 1
    return counts.parameters / 1e6, counts.mult_adds * scale / 1e6


def agrees(printed: float, last_digit: float, ours: float, cut_off: bool = False) -> bool:
    """Is `printed` what `ours` becomes when it is written to that digit?"""
    low, high = (0.0, last_digit) if cut_off else (-last_digit / 2, last_digit / 2)
    slack = 1e-9 * max(1.0, ours)  # of binary fractions
    return low - slack <= ours - printed <= high + slack


def ways_of(explanation: str) -> Sequence[str]:
    return explanation.split("; ") if explanation else ()

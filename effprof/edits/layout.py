"""channels_last: weights of 2-D convolutions as NHWC in memory, from which torch makes the activations NHWC too.

The network's forward takes the ordinary input: the first convolution converts it, at a cost that is part of every run.
A four-axis output comes as NHWC in memory, with the same shape and values.
"""

from __future__ import annotations

import torch
from torch import nn

from effprof.capture import Inputs
from effprof.edits.base import Change
from effprof.errors import NotApplicableError
from effprof.units import counted


def to_channels_last(model: nn.Module, inputs: Inputs) -> Change:
    weights = {
        path: weight
        for path, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
        and (weight := module._parameters.get("weight")) is not None  # a parametrised one is made anew each run
    }
    if not weights:
        raise NotApplicableError("it has no 2-D convolution")
    changed = tuple(path for path, weight in weights.items() if not is_channels_last(weight))
    if not changed:
        raise NotApplicableError("its weights are channels_last already")
    for path in changed:
        weights[path].data = weights[path].data.to(memory_format=torch.channels_last)
    return Change(model, changed, f"weights of {counted(len(changed), 'convolution')} turned to channels_last (NHWC)")


def is_channels_last(weight: torch.Tensor) -> bool:
    """By the strides, not by `is_contiguous`: of a 1x1 or depthwise weight both formats lie in memory alike, and it is
    the strides of its axes of length 1 from which torch takes the format in which the convolution runs."""
    wanted = torch.empty(weight.shape, device="meta", memory_format=torch.channels_last)
    return weight.stride() == wanted.stride()

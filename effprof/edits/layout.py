"""channels_last: weights of 2-D convolutions as NHWC in memory, from which torch makes the activations NHWC too.

The network's forward takes the ordinary input: the first convolution converts it, at a cost that is part of every run.
A four-axis output comes as NHWC in memory, with the same shape and values.
"""

from __future__ import annotations

import torch
from torch import nn

from effprof.capture import Inputs
from effprof.edits.base import Change, counted
from effprof.errors import NotApplicableError


def to_channels_last(model: nn.Module, inputs: Inputs) -> Change:
    weights = {
        path: weight
        for path, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
        and (weight := module._parameters.get("weight")) is not None  # a parametrised one is made anew each run
    }
    # 1x1 and depthwise weights lie in memory alike in both formats; torch takes their input's.
    telling = {path: weight for path, weight in weights.items() if not (_is_nhwc(weight) and weight.is_contiguous())}
    if not telling:
        raise NotApplicableError("it has no convolution whose weight lies in memory differently as channels_last")
    changed = tuple(path for path, weight in telling.items() if not _is_nhwc(weight))
    if not changed:
        raise NotApplicableError("its weights are channels_last already")
    for path in changed:
        weights[path].data = weights[path].data.contiguous(memory_format=torch.channels_last)
    return Change(model, changed, f"weights of {counted(len(changed), 'convolution')} turned to channels_last (NHWC)")


def _is_nhwc(weight: torch.Tensor) -> bool:
    return weight.is_contiguous(memory_format=torch.channels_last)

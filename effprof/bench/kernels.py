"""Which convolution kernel torch picked: `mkldnn_convolution`, `_slow_conv2d_forward` ...

torch decides by shape, number of threads, batch and precision; two settings of one guideline may get different ones,
and then their times differ for another reason than memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile


def convolution_kernels(network: nn.Module, x: torch.Tensor) -> str | None:
    """Names of the innermost convolution operators of one pass, without `aten::`; None where there are none."""
    with _silent_stderr(), profile(activities=[ProfilerActivity.CPU]) as profiled:
        network(x)
    names = {event.name.removeprefix("aten::") for event in profiled.events() or [] if _is_innermost(event)}
    return " + ".join(sorted(names)) or None


def _is_innermost(event: Any) -> bool:
    return _is_convolution(event) and not any(map(_is_convolution, event.cpu_children))


def _is_convolution(event: Any) -> bool:
    return event.name.startswith("aten::") and "conv" in event.name


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """The profiler's native code reports to file descriptor 2 that it starts and stops."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

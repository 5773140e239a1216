"""From a recorded call to the shape of its convolution; torch-free."""

from __future__ import annotations

from effprof.cliff_records import ConvShape
from effprof.errors import UsageError
from effprof.findings.network import window
from effprof.records import OpCall


def conv_shape(call: OpCall, threads: int) -> ConvShape:
    """The convolution of a recorded call. Raises UsageError for one that is dilated or padded otherwise."""
    weight, x = call.tensor("weight"), call.inputs[0]
    stride, padding, dilation = (window(call, name, default=-1) for name in ("stride", "padding", "dilation"))
    groups = call.arguments.get("groups", 1)
    if weight is None or not isinstance(groups, int) or len(x.shape) != 4:
        raise UsageError(f"{call.layer} is no plain 2-d convolution. Give another layer.")
    kernel = (weight.shape[2], weight.shape[3])
    if dilation != (1, 1) or padding != (kernel[0] // 2, kernel[1] // 2):
        raise UsageError(
            f"{call.layer} has dilation {dilation} and padding {padding}; a layer without dilation and with half its "
            "kernel as padding can be looked at."
        )
    batch, inputs, height, width = x.shape
    return ConvShape(kernel, inputs, weight.shape[0], groups, (stride[0], stride[1]), height, width, batch, threads)

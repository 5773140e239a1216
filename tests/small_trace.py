"""Traces written by hand: short events that become what torch.profiler writes, in its newer or its older spelling.

`SMALL` is worked out in the head; times are microseconds, device activities on streams 7 and 8:

     launched  start  end
  A       12     20    24  NCHW -> NHWC, in cudnn_convolution in convolution in conv2d
  B       14     24    25  fill, there too
  C       18     25    45  the convolution
  D       25     47    50  add_ of the bias, in convolution            gap 45-47: handed over, 2 us: between kernels
  E       55     60    66  clamp_min_ in relu_                         gap 50-60: handed over at 55 only: host
  F       58     62    70  cat, on stream 8                            4 us at the same time as E
  G       68    100   105  copy to the host                            gap 70-100: handed over, 30 us: other
  H        -    105   107  a kernel that no op and no launch knows
  I      118    120   126  threshold_backward, of relu's forward       gap 107-120: host

kernels 4 + 20 + 3 + 6 + 8 + 2 + 6 = 49, copies 5, fills 1; busy 25 + 3 + 10 + 7 + 6 = 51, gaps 2 + 23 + 30 = 55,
span 106.
conv2d: 1 x 4 x 8 x 8 outputs of 3 x 3 x 3 = 6912 multiply-adds.
"""

from __future__ import annotations

import json
from typing import Any

Event = dict[str, Any]
MAIN, BACKWARD = 1, 2
US = 1e-6


def event(category: str, name: str, start: float, end: float, thread: int = MAIN, **args: Any) -> Event:
    return {
        "ph": "X", "cat": category, "name": name, "pid": 1, "tid": thread, "ts": start, "dur": end - start,
        "args": {key.replace("_", " "): value for key, value in args.items()},
    }  # fmt: skip


def op(name: str, start: float, end: float, thread: int = MAIN, **args: Any) -> Event:
    return event("cpu_op", name, start, end, thread, **args)


def launch(correlation: int, start: float, end: float, thread: int = MAIN, name: str = "cudaLaunchKernel") -> Event:
    return event("cuda_runtime", name, start, end, thread, correlation=correlation)


def activity(
    name: str, start: float, end: float, correlation: int | None = None, stream: int = 7, category: str = "kernel",
    **args: Any,
) -> Event:  # fmt: skip
    made = event(category, name, start, end, stream, device=0, stream=stream, **args)
    made["pid"] = 0
    if correlation is not None:
        made["args"]["correlation"] = correlation
    return made


def module(name: str, start: float, end: float) -> Event:
    return event("python_function", f"nn.Module: {name}", start, end)


def step(number: int, start: float, end: float) -> Event:
    return event("user_annotation", f"ProfilerStep#{number}", start, end)


def trace(events: list[Event], **around: Any) -> bytes:
    return json.dumps({"schemaVersion": 1, **around, "traceEvents": events}, indent=1).encode()


CONV_ARGS: dict[str, Any] = {
    "Input Dims": [[1, 3, 8, 8], [4, 3, 3, 3], [4], [], [], [], []],
    "Input type": ["float", "float", "float", "ScalarList", "ScalarList", "ScalarList", "Scalar"],
    "Concrete Inputs": ["", "", "", "[1, 1]", "[1, 1]", "[1, 1]", "1"],
}
CONV_KERNEL = "sm80_xmma_fprop_implicit_gemm_tf32f32_tf32f32_f32_nhwckrsc_nhwc"
LAYOUT_KERNEL = "void cudnn::ops::nchwToNhwcKernel<float, float, float, false>(cudnn::ops::nchw2nhwc_params_t<float>)"
ADD_KERNEL = "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float> >(int)"
UNKNOWN_KERNEL = "frobnicate(long)"
PROPERTIES = [{"id": 0, "name": "NVIDIA A100", "computeMajor": 8, "computeMinor": 0}]
SMALL: list[Event] = [
    step(1, 0, 100), step(2, 100, 210), step(3, 210, 300),
    module("Net_0", 1, 59), module("Conv2d_0", 2, 29), module("ReLU_0", 51, 57.5),
    op("aten::conv2d", 3, 28, **CONV_ARGS, External_id=10, Sequence_number=0),
    op("aten::convolution", 4, 27, External_id=11),
    op("aten::cudnn_convolution", 5, 20, External_id=12),
    launch(1, 10, 12), launch(2, 13, 14, name="cudaMemsetAsync"), launch(3, 15, 18),
    op("aten::add_", 21, 26, External_id=13), launch(4, 22, 25),
    op("aten::relu_", 52, 57, External_id=14, Sequence_number=1),
    op("aten::clamp_min_", 52, 56, External_id=15), launch(5, 53, 55),
    op("aten::cat", 57, 58.5, External_id=16), launch(6, 57.2, 58),
    op("aten::copy_", 59, 69, External_id=17), launch(7, 60, 68, name="cudaMemcpyAsync"),
    op("autograd::engine::evaluate_function: ReluBackward0", 108, 119, BACKWARD, Sequence_number=1, Fwd_thread_id=1),
    op("ReluBackward0", 109, 119, BACKWARD, Sequence_number=1, Fwd_thread_id=1),
    op("aten::threshold_backward", 110, 119, BACKWARD, External_id=22), launch(8, 112, 118, BACKWARD),
    activity(LAYOUT_KERNEL, 20, 24, 1),
    activity("Memset (Device)", 24, 25, 2, category="gpu_memset", bytes=64),
    activity(CONV_KERNEL, 25, 45, 3),
    activity(ADD_KERNEL, 47, 50, 4),
    activity("void at::native::vectorized_elementwise_kernel<4, clamp>(int)", 60, 66, 5),
    activity("void at::native::CatArrayBatchedCopy<float, 64>(float*)", 62, 70, 6, stream=8),
    activity("Memcpy DtoH (Device -> Pageable)", 100, 105, 7, category="gpu_memcpy", bytes=1000),
    activity(UNKNOWN_KERNEL, 105, 107),
    activity("void at::native::vectorized_elementwise_kernel<4, threshold>(int)", 120, 126, 8),
]  # fmt: skip

_OLD_CATEGORIES = {
    "cpu_op": "Operator", "user_annotation": "Operator", "kernel": "Kernel", "cuda_runtime": "Runtime",
    "gpu_memcpy": "Memcpy", "gpu_memset": "Memset",
}  # fmt: skip


def old_spelling(events: list[Event]) -> list[Event]:
    """As pytorch/kineto wrote it in 2021: other categories, threads as text, steps among the ops."""
    result = []
    for one in events:
        args = {{"Input Dims": "Input dims"}.get(key, key): value for key, value in one["args"].items()}
        thread = f"stream {args['stream']}" if "stream" in args else str(one["tid"])
        result.append({**one, "cat": _OLD_CATEGORIES.get(one["cat"], one["cat"]), "tid": thread, "args": args})
    return result

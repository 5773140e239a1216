"""A profile small enough to be read: one convolution and one relu, two plain and two instrumented runs."""

from __future__ import annotations

from effprof.records import (
    Calibration,
    CalibrationPoint,
    DeviceInfo,
    Environment,
    MeasuredOp,
    ModelInfo,
    ModuleInfo,
    Note,
    OpCall,
    Profile,
    Round,
    RunSpec,
    Samples,
    TensorSpec,
)


def tensor(number: int, shape: tuple[int, ...], role: str = "activation") -> TensorSpec:
    strides = [1]
    for axis in reversed(shape[1:]):
        strides.insert(0, strides[0] * axis)
    return TensorSpec(number, number, shape, tuple(strides), "float32", 4, role)  # type: ignore[arg-type]


IMAGE, WEIGHT = tensor(0, (1, 3, 8, 8), "input"), tensor(1, (4, 3, 1, 1), "parameter")
CONV_OUT, RELU_OUT = tensor(2, (1, 4, 8, 8)), tensor(3, (1, 4, 8, 8))

CALLS = (
    OpCall(
        index=0,
        op="conv2d",
        aten="aten::conv2d",
        layer="conv",
        source="net.py:7",
        inputs=(IMAGE, WEIGHT),
        input_names=("input", "weight"),
        outputs=(CONV_OUT,),
        arguments={"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1},
    ),
    OpCall(1, "relu", "aten::relu", "act", "net.py:8", (CONV_OUT,), ("self",), (RELU_OUT,)),
)
ROUND = Round(
    plain=Samples((0.0030, 0.0031), (0.01,), (3, 0)),
    instrumented=Samples((0.0034, 0.0035)),
    ops=(MeasuredOp((0,), (0.0020, 0.0021)), MeasuredOp((1,), (0.0005, 0.0006))),
    calibration=Calibration(
        1e-6, 2e-6, "smaller-inputs", (CalibrationPoint(((1, 3, 4, 4),), 2, (0.001, 0.0011), (0.0012, 0.0013)),)
    ),
    order="ABBA",
    stopped_because="max-time",
    timer="entry",
)
TIMED = Profile(
    spec=RunSpec("net.py:build", min_time_s=0.1, command="effprof run --model net.py:build"),
    model=ModelInfo(
        name="net.py:build",
        source="net.py:build",
        parameters=12,
        weights_bytes=48,
        input_shape=((1, 3, 8, 8),),
        dtype="float32",
        memory_format="contiguous",
        modules=(ModuleInfo("", "Net", 12), ModuleInfo("conv", "Conv2d", 12), ModuleInfo("act", "ReLU", 0)),
    ),
    environment=Environment(
        "0.1.0", "3.12.1", "2.14.1", "Linux", "Imaginary CPU", "glibc 2.36", None, "2026-01-02T03:04:05Z"
    ),
    device=DeviceInfo("cpu", "Imaginary CPU", "x86_64", 1),
    calls=CALLS,
    rounds=(ROUND,),
    notes=(Note("governor", "The frequency governor is powersave.", "Set it to performance."),),
)

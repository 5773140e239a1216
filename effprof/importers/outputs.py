"""Shape and type of an op's output from its inputs: a trace records what goes in, not what comes out.

Only where the rule is certain; None otherwise, and the op's bytes, and a convolution's multiply-adds, stay unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from effprof.cost.access import broadcast_shape
from effprof.cost.op_names import names
from effprof.records import Argument

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
"""Schema's name of an input -> its shape; `tensors.0`, `tensors.1` for a list."""
Arguments = Mapping[str, Argument]
DType = tuple[str, int]
"""torch's name, and bytes of an element."""

LIKE_FIRST = names(
    """
    batch_norm layer_norm group_norm instance_norm rms_norm
    relu relu6 gelu silu sigmoid hardsigmoid hardswish hardtanh leaky_relu elu selu celu mish softplus softshrink
    hardshrink threshold tanh log_sigmoid softmax log_softmax _safe_softmax dropout
    contiguous clone copy to fill zero zeros_like ones_like full_like
    pow sqrt rsqrt square exp exp2 log log2 log1p abs neg sign reciprocal floor ceil round clamp clamp_min clamp_max
    clamp_tensor sin cos erf bitwise_not logical_not masked_fill nan_to_num tril triu threshold_backward
    """
)
BROADCAST = names(
    """
    add sub rsub mul div floor_divide fmod remainder addcmul addcdiv lerp maximum minimum where atan2 logical_and
    logical_or logical_xor bitwise_and bitwise_or bitwise_xor eq ne lt le gt ge
    """
)
BOOLEAN = names("eq ne lt le gt ge logical_and logical_or logical_xor logical_not isnan isinf isfinite")
PROMOTING = BROADCAST | names("pow clamp clamp_min clamp_max clamp_tensor")
TYPE_KEEPING = names(
    """
    contiguous clone copy fill zero zeros_like ones_like full_like masked_fill tril triu embedding max_pool2d amax amin
    relu
    """
)
TYPE_CHOOSING = names("softmax log_softmax _safe_softmax zeros_like ones_like full_like sum mean")
"""Ops that can be told the type of what they give: `dtype`, `half_to_float`."""
TYPE_CHANGING = names("to _scaled_mm")
"""The type is an argument that traces do not have in a form of their own."""
BACKWARD_LIKE_GRADIENT = names("relu gelu silu sigmoid hardsigmoid hardswish hardtanh leaky_relu elu threshold tanh")


def output_shape(op: str, shapes: Shapes, arguments: Arguments) -> Shape | None:
    """Of the first output of an op, by effprof's name; None where no rule is certain or an input is missing."""
    if not shapes:
        return None
    first = next(iter(shapes.values()))
    forward = op.removesuffix("_backward")
    if op in LIKE_FIRST or (forward != op and forward in BACKWARD_LIKE_GRADIENT):
        return first
    try:
        if op in BROADCAST:
            return broadcast_shape(list(shapes.values()))
        rule = _RULES.get(op)
        shape = None if rule is None else rule(shapes, arguments)
    except (KeyError, IndexError, ValueError, ZeroDivisionError):  # not the arguments that the schema has
        return None
    return None if shape is None or min(shape, default=0) < 0 else shape


def output_dtype(op: str, inputs: Sequence[tuple[Shape, DType]], arguments: Arguments | None) -> DType | None:
    """Of the first output of an op that does not write in place; None where it is not certain.

    Args:
        inputs: shape and type of each; at least one.
        arguments: None where values were not recorded.
    """
    if op in BOOLEAN:
        return ("bool", 1)
    if op in TYPE_CHANGING:
        return None
    if op in TYPE_CHOOSING and (arguments is None or arguments.get("dtype") is not None):
        return None
    if op in TYPE_CHOOSING and arguments is not None and arguments.get("half_to_float"):
        return None
    if op in PROMOTING:
        return _promoted(inputs[1:] if op == "where" else inputs)
    first = inputs[0][1]
    return first if op in TYPE_KEEPING or _is_float(first) else None


def _promoted(inputs: Sequence[tuple[Shape, DType]]) -> DType | None:
    """The floating type that all have; tensors without axes do not count beside others, unless they are complex."""
    wide = {dtype for shape, dtype in inputs if shape} or {dtype for _, dtype in inputs}
    one = next(iter(wide)) if len(wide) == 1 else None
    is_complex = any(name.startswith("complex") for _, (name, _) in inputs)
    return one if one is not None and _is_float(one) and not is_complex else None


def _is_float(dtype: DType) -> bool:
    return dtype[0].startswith(("float", "bfloat"))


def _conv(shapes: Shapes, arguments: Arguments) -> Shape | None:
    """out = (in + 2 padding - dilation (kernel - 1) - 1) // stride + 1 on every axis."""
    data, weight = _data(shapes), shapes["weight"]
    axes = len(weight) - 2
    stride, dilation = _sizes(arguments, "stride", axes), _sizes(arguments, "dilation", axes)
    if arguments.get("padding") == "same":
        places = data[-axes:]
    else:
        padding = (0,) * axes if arguments.get("padding") == "valid" else _sizes(arguments, "padding", axes)
        if arguments.get("transposed"):
            return _transposed(shapes, arguments)
        places = tuple(map(_window, data[-axes:], weight[2:], stride, padding, dilation))
    return (*data[: -axes - 1], weight[0], *places)


def _transposed(shapes: Shapes, arguments: Arguments) -> Shape:
    """out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 on every axis."""
    data, weight = _data(shapes), shapes["weight"]
    axes = len(weight) - 2
    stride, padding = _sizes(arguments, "stride", axes), _sizes(arguments, "padding", axes)
    extra, dilation = _sizes(arguments, "output_padding", axes), _sizes(arguments, "dilation", axes)
    places = [
        (data[axis - axes] - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (weight[2 + axis] - 1)
        + extra[axis] + 1
        for axis in range(axes)
    ]  # fmt: skip
    return (*data[: -axes - 1], weight[1] * _whole(arguments, "groups"), *places)


def _matmul(shapes: Shapes, arguments: Arguments) -> Shape:
    first, second = list(shapes.values())[:2]
    if len(first) == 1 and len(second) == 1:
        return ()
    if len(first) == 1:
        return (*second[:-2], second[-1])
    if len(second) == 1:
        return first[:-1]
    return (*broadcast_shape([first[:-2], second[:-2]]), first[-2], second[-1])


def _with_bias(first: str, second: str) -> Callable[[Shapes, Arguments], Shape]:
    return lambda shapes, _: (*shapes[first][:-1], shapes[second][-1])


def _attention(shapes: Shapes, arguments: Arguments) -> Shape:
    return (*shapes["query"][:-1], shapes["value"][-1])


def _cat(shapes: Shapes, arguments: Arguments) -> Shape:
    parts, dim = list(shapes.values()), _whole(arguments, "dim")
    parts = [part for part in parts if part != (0,)]  # torch skips these whatever the other shapes are
    whole = list(parts[0])
    whole[dim] = sum(part[dim] for part in parts)
    return tuple(whole)


def _stack(shapes: Shapes, arguments: Arguments) -> Shape:
    parts, dim = list(shapes.values()), _whole(arguments, "dim")
    dim %= len(parts[0]) + 1
    return (*parts[0][:dim], len(parts), *parts[0][dim:])


def _pool(shapes: Shapes, arguments: Arguments) -> Shape | None:
    if arguments.get("ceil_mode") is not False:
        return None
    data, kernel = shapes["self"], _sizes(arguments, "kernel_size", 2)
    stride = _sizes(arguments, "stride", 2) if arguments.get("stride") else kernel
    padding = _sizes(arguments, "padding", 2)
    dilation = _sizes(arguments, "dilation", 2) if "dilation" in arguments else (1, 1)
    return (*data[:-2], *map(_window, data[-2:], kernel, stride, padding, dilation))


def _adaptive_pool(shapes: Shapes, arguments: Arguments) -> Shape:
    return (*shapes["self"][:-2], *_sizes(arguments, "output_size", 2))


def _embedding(shapes: Shapes, arguments: Arguments) -> Shape:
    return (*shapes["indices"], *shapes["weight"][1:])


def _reduction(shapes: Shapes, arguments: Arguments) -> Shape | None:
    data, dims, kept = shapes["self"], arguments["dim"], arguments["keepdim"]
    if not isinstance(dims, (int, tuple)) or not isinstance(kept, bool):
        return None
    axes = dims if isinstance(dims, tuple) else (dims,)
    gone = {int(dim) % len(data) for dim in axes if isinstance(dim, int)} if axes else set(range(len(data)))
    return tuple(1 if axis in gone else size for axis, size in enumerate(data) if kept or axis not in gone)


def _query(shapes: Shapes, arguments: Arguments) -> Shape:
    return next(iter(shapes.values()))


_RULES: dict[str, Callable[[Shapes, Arguments], Shape | None]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    **dict.fromkeys(("mm", "bmm", "matmul", "mv", "dot", "vdot", "_scaled_mm"), _matmul),
    "linear": lambda shapes, _: (*shapes["input"][:-1], shapes["weight"][0]),
    "addmm": _with_bias("mat1", "mat2"),
    "_addmm_activation": _with_bias("mat1", "mat2"),
    "baddbmm": _with_bias("batch1", "batch2"),
    "addmv": lambda shapes, _: shapes["mat"][:-1],
    "scaled_dot_product_attention": _attention,
    "_native_multi_head_attention": _query,
    "_transformer_encoder_layer_fwd": _query,
    "cat": _cat,
    "stack": _stack,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "adaptive_avg_pool2d": _adaptive_pool,
    "embedding": _embedding,
    **dict.fromkeys(("mean", "sum", "amax", "amin"), _reduction),
}


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _data(shapes: Shapes) -> Shape:
    return shapes["input"] if "input" in shapes else shapes["self"]


def _sizes(arguments: Arguments, name: str, axes: int) -> Shape:
    """One number an axis; a single one is for all. Raises KeyError or ValueError where it is not recorded so."""
    value = arguments[name]
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,) * axes
    sizes = tuple(size for size in value if isinstance(size, int)) if isinstance(value, tuple) else ()
    if len(sizes) == 1:
        return sizes * axes
    if len(sizes) != axes:
        raise ValueError(f"{name} is {value}")
    return sizes


def _whole(arguments: Arguments, name: str) -> int:
    value = arguments[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value}")
    return value

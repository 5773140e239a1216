"""torch's operator names -> effprof's: one name for one operation, whatever the grad mode shows of it.

inference_mode shows composite operators (`conv2d`, `linear`, `contiguous`), no_grad their parts (`convolution`,
`t` + `addmm`, `clone`). A reader, a cost formula and a category table should meet one name for both.
"""

from __future__ import annotations

from collections.abc import Mapping

from effprof.records import Argument

ALIASES = {
    "_batch_norm_impl_index": "batch_norm",
    "_batch_norm_no_update": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_native_batch_norm_legit_no_training": "batch_norm",
    "cudnn_batch_norm": "batch_norm",
    "miopen_batch_norm": "batch_norm",
    "native_batch_norm": "batch_norm",
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
    "_fused_rms_norm": "rms_norm",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "_adaptive_avg_pool2d": "adaptive_avg_pool2d",
    "_adaptive_avg_pool3d": "adaptive_avg_pool3d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "mkldnn_max_pool2d": "max_pool2d",
    "native_dropout": "dropout",
    "native_channel_shuffle": "channel_shuffle",
    "_unsafe_view": "view",
    "_reshape_alias": "view",
    "_reshape_copy": "reshape",
    "_to_copy": "to",
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__lshift__": "bitwise_left_shift",
    "__rshift__": "bitwise_right_shift",
    "_conj": "conj",
    "mkldnn_linear": "linear",
    "_unsafe_index": "index",
    "_index_put_impl": "index_put",
    "special_expit": "sigmoid",
    "concat": "cat",
    "concatenate": "cat",
    "absolute": "abs",
    "multiply": "mul",
    "subtract": "sub",
    "divide": "div",
    "true_divide": "div",
    "negative": "neg",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
}

CONVOLUTIONS = {
    "convolution",
    "_convolution",
    "_convolution_mode",
    "convolution_overrideable",
    "mkldnn_convolution",
    "thnn_conv2d",
    "_slow_conv2d_forward",
    "slow_conv3d",
    "slow_conv_dilated2d",
    "slow_conv_dilated3d",
    "_conv_depthwise2d",
    "conv_depthwise3d",
    "cudnn_convolution",
    "cudnn_convolution_transpose",
    "miopen_convolution",
    "miopen_convolution_transpose",
    "miopen_depthwise_convolution",
}

PACKED_CONVOLUTION = "mkldnn::_convolution_pointwise"
"""oneDNN's, with packed weights and an activation after it: what torch's compiler and `pack-weights` make of conv2d."""
PACKED_ARGUMENTS = {"X": "input", "W": "weight", "B": "bias"}


def base_name(qualified: str) -> str:
    """`aten::relu_` -> `relu`, `aten::native_batch_norm` -> `batch_norm`, `mylib::spin` -> `mylib::spin`.

    Convolutions and `addmm` need more than the name; see `call_name`.
    """
    if qualified == PACKED_CONVOLUTION:
        return "_convolution"
    namespace, _, name = qualified.rpartition("::")
    if namespace not in ("aten", "prims", "prim", ""):
        return qualified
    if name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    if name.startswith("_scaled_dot_product_") and "attention" in name:
        return "scaled_dot_product_attention"
    return ALIASES.get(name, name)


def argument_name(qualified: str, name: str) -> str:
    """A schema's name for an argument as conv2d has it, so that cost formulas meet one name."""
    return PACKED_ARGUMENTS.get(name, name) if qualified == PACKED_CONVOLUTION else name


def call_name(name: str, arguments: Mapping[str, Argument], weight_rank: int | None, mat2_is_weight: bool) -> str:
    """Final name of one call from its base name and what only the call knows.

    Args:
        name: result of `base_name`.
        arguments: the call's non-tensor arguments.
        weight_rank: rank of the `weight` input, None where there is none.
        mat2_is_weight: `mat2` is a transposed two-dimensional parameter, as in the parts of `linear`.
    """
    if name in CONVOLUTIONS and weight_rank is not None and weight_rank >= 3:
        transposed = bool(arguments.get("transposed")) or "transpose" in name
        return f"conv{'_transpose' if transposed else ''}{weight_rank - 2}d"
    if name.startswith("conv_transpose") and "." not in name:
        return name
    if name == "addmm" and mat2_is_weight:
        return "linear"
    if name == "clone" and arguments.get("memory_format") == "contiguous_format":
        return "contiguous"
    return name

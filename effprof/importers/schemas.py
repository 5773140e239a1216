"""Argument names of torch's operators, for traces, which have arguments by position alone.

From torch's `native_functions.yaml`; only ops whose cost or output shape depends on which argument is which. Others
take the names in `GENERIC`.
"""

from __future__ import annotations

_CONV = "stride padding dilation groups"
SCHEMAS: dict[str, tuple[str, ...]] = {
    name: tuple(words.split())
    for name, words in {
        "conv1d": f"input weight bias {_CONV}",
        "conv2d": f"input weight bias {_CONV}",
        "conv3d": f"input weight bias {_CONV}",
        "convolution": "input weight bias stride padding dilation transposed output_padding groups",
        "_convolution": "input weight bias stride padding dilation transposed output_padding groups",
        "convolution_overrideable": "input weight bias stride padding dilation transposed output_padding groups",
        "cudnn_convolution": "self weight padding stride dilation groups",
        "cudnn_convolution_relu": f"self weight bias {_CONV}",
        "cudnn_convolution_add_relu": f"self weight z alpha bias {_CONV}",
        "cudnn_convolution_transpose": "self weight padding output_padding stride dilation groups",
        "miopen_convolution": "self weight bias padding stride dilation groups",
        "miopen_convolution_transpose": "self weight bias padding output_padding stride dilation groups",
        "miopen_depthwise_convolution": "self weight bias padding stride dilation groups",
        "mkldnn_convolution": "self weight bias padding stride dilation groups",
        "_conv_depthwise2d": "self weight kernel_size bias stride padding dilation",
        "conv_depthwise3d": "self weight kernel_size bias stride padding dilation",
        "thnn_conv2d": "self weight kernel_size bias stride padding",
        "_slow_conv2d_forward": "self weight kernel_size bias stride padding",
        "slow_conv_dilated2d": "self weight kernel_size bias stride padding dilation",
        "conv_transpose1d": "input weight bias stride padding output_padding groups dilation",
        "conv_transpose2d": "input weight bias stride padding output_padding groups dilation",
        "conv_transpose3d": "input weight bias stride padding output_padding groups dilation",
        "linear": "input weight bias",
        "addmm": "self mat1 mat2 beta alpha",
        "_addmm_activation": "self mat1 mat2 beta alpha",
        "mm": "self mat2",
        "bmm": "self mat2",
        "matmul": "self other",
        "mv": "self vec",
        "dot": "self tensor",
        "vdot": "self other",
        "addmv": "self mat vec beta alpha",
        "baddbmm": "self batch1 batch2 beta alpha",
        "addbmm": "self batch1 batch2 beta alpha",
        "_scaled_mm": "self mat2",
        "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal scale",
        "_scaled_dot_product_flash_attention": "query key value dropout_p is_causal",
        "_scaled_dot_product_efficient_attention": "query key value attn_bias compute_log_sumexp dropout_p is_causal",
        "_scaled_dot_product_cudnn_attention": "query key value attn_bias compute_log_sumexp dropout_p is_causal",
        "_native_multi_head_attention": "query key value embed_dim num_head qkv_weight qkv_bias proj_weight proj_bias",
        "_transformer_encoder_layer_fwd": "src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu "
        "norm_first eps norm_weight_1 norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1 ffn_bias_1 ffn_weight_2 "
        "ffn_bias_2",
        "cat": "tensors dim",
        "_cat": "tensors dim",
        "concat": "tensors dim",
        "stack": "tensors dim",
        "embedding": "weight indices",
        "mean": "self dim keepdim dtype",
        "sum": "self dim keepdim dtype",
        "softmax": "self dim dtype",
        "log_softmax": "self dim dtype",
        "_safe_softmax": "self dim dtype",
        "_softmax": "self dim half_to_float",
        "_log_softmax": "self dim half_to_float",
        "zeros_like": "self dtype",
        "ones_like": "self dtype",
        "full_like": "self fill_value dtype",
        "amax": "self dim keepdim",
        "amin": "self dim keepdim",
        "max_pool2d": "self kernel_size stride padding dilation ceil_mode",
        "max_pool2d_with_indices": "self kernel_size stride padding dilation ceil_mode",
        "avg_pool2d": "self kernel_size stride padding ceil_mode",
        "adaptive_avg_pool2d": "self output_size",
        "_adaptive_avg_pool2d": "self output_size",
        "copy": "self src",
        "dropout": "input p train",
        "native_dropout": "input p train",
    }.items()
}
GENERIC = ("self", "other", "third", "fourth", "fifth", "sixth", "seventh", "eighth")

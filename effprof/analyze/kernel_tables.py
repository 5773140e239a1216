"""Kernels by category and kind, for traces that do not say which op a kernel belongs to.

Rows are tried from the first to the last; the first with a word that is part of the kernel's name, in lower case,
decides. So what is specific stands before what is general: `implicit_gemm` is a convolution before `gemm` is a matrix
product. Names are those of cuDNN, cuBLAS, CUTLASS, PyTorch, Triton and FlashAttention on CUDA, and of MIOpen, Tensile
(rocBLAS, hipBLASLt) and Composable Kernel on ROCm.
"""

from __future__ import annotations

from effprof.records import Category

BACKWARD_WORDS = ("backward", "bwd", "grad", "wrw", "bn_bw")

LAYOUT_WORDS = ("nchwtonhwc", "nhwctonchw", "nchw2nhwc", "nhwc2nchw", "batched_transpose_", "transposenchw")
"""Kernels that turn NCHW into NHWC or back; cuDNN and MIOpen put them around convolutions."""

KERNELS: tuple[tuple[Category, str, str], ...] = (
    (Category.COMM, "collective", "nccl rccl msccl oneccl nvshmem allreduce all_reduce allgather reducescatter"),
    (Category.DATA_IO, "copy", "rocclr_copybuffer rocclr_fillbuffer copydeviceto copyhosttodevice"),
    (Category.DATA_IO, "layout", " ".join(LAYOUT_WORDS)),
    (Category.CONV, "depthwise", "depthwise dwconv conv_dw_"),
    (
        Category.CONV,
        "unrecorded",
        """
        winograd sp3asm igemm_ implicit_gemm implicitgemm implicit_convolve explicit_convolve convolve scudnn hcudnn
        icudnn fprop dgrad wgrad cask_cudnn im2col col2im fft2d_r2c fft2d_c2r fft1d_r2c fft1d_c2r
        pointwise_mult_and_sum_complex computeoffsetskernel computeboffsets computewgrad conv2d conv3d conv1d
        conv_fwd conv_bwd convfwd convbwd grouped_conv gridwise_conv naive_conv miopenconv convolution
        kernel_conv_params kernel_grad_params conv_transpose gen_conv
        """,
    ),
    (Category.MATMUL, "attention", "flash_ fmha attention mha_fwd mha_bwd paged_attn"),
    (
        Category.ELEMWISE,
        "norm",
        """
        bn_fw bn_bw batch_norm batchnorm layer_norm layernorm rms_norm rmsnorm group_norm groupnorm instance_norm
        instancenorm rowwisemoments gammabeta computefusedparams computeinternalgradients computebackwardfusedparams
        ln_fwd ln_bwd welford
        """,
    ),
    (
        Category.POOL,
        "pooling",
        """
        max_pool maxpool avg_pool avgpool average_pool averagepool adaptive_average_pool adaptive_max_pool pooling
        mlopool roi_align roi_pool
        """,
    ),
    (Category.POOL, "resampling", "upsample interpolate bilinear2d bicubic grid_sampler"),
    (Category.MATMUL, "recurrent", "lstm_ gru_ rnn_persist persist_rnn"),
    (
        Category.MATMUL,
        "product",
        """
        gemm gemv cutlass cublas cijk_ xmma splitkreduce nvjet wmma s884 s1688 s16816 cutensor rocblas tensile bmm
        matmul triton_mm triton_tem dot_kernel reduce_1block_kernel _scaled_mm
        """,
    ),
    (Category.ELEMWISE, "activation", "softmax"),
    (Category.ELEMWISE, "arithmetic", "nll_loss classnllcriterion mse_ cross_entropy ctc_loss kl_div copysign dropout"),
    (Category.SHUFFLE, "pixel", "pixel_shuffle pixel_unshuffle"),
    (Category.SHUFFLE, "channel", "channel_shuffle channelshuffle"),
    (Category.OTHER, "sleep", "spin_kernel"),  # torch.cuda._sleep
    (Category.OTHER, "random", "distribution_ philox curand rocrand randperm"),
    (Category.OTHER, "ordering", "radixsort radix_sort bitonicsort sort topk unique histogram nms_kernel searchsorted"),
    (Category.OTHER, "scan", "devicescan scan_kernel tensor_kernel_scan cumsum cumprod"),
    (Category.DATA_IO, "concat", "catarray cat_kernel concat stack_kernel split_with_sizes"),
    (
        Category.DATA_IO,
        "index",
        "index_ indexselect indexing gather scatter embedding masked_select nonzero flag_kernel take_kernel",
    ),
    (
        Category.DATA_IO,
        "copy",
        "copy fillfunctor fill_kernel memset subtensorop castkernel cast_kernel arange linspace triu_tril",
    ),
    (
        Category.DATA_IO,
        "layout",
        "transpose permute reflection_pad replication_pad constant_pad roll_cuda flip_kernel tensor_reorder",
    ),
    (Category.ELEMWISE, "arithmetic", "multi_tensor_apply multitensorapply fused_adam adam_kernel sgd_kernel lamb_"),
    (Category.CONV, "unrecorded", "cudnn miopen"),
    (Category.ELEMWISE, "arithmetic", "triton_poi triton_red triton_per triton_fused"),
    (
        Category.ELEMWISE,
        "arithmetic",
        """
        elementwise element_wise pointwise unrolled_ reduce_kernel functor activation relu gelu sigmoid tanh
        cub::devicereduce devicereduce splitksum op_tensor optensor bias_ addbias scalepackedtensor
        """,
    ),
)

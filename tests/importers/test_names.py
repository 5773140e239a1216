"""What names say: ops in their many spellings, and kernels of many libraries."""

from __future__ import annotations

import pytest

from effprof.analyze.kernel_names import kernel_name, short_name
from effprof.analyze.kernel_tables import KERNELS
from effprof.analyze.recorded_ops import recorded_op
from effprof.records import Category


@pytest.mark.parametrize(
    ("name", "op", "category", "is_backward"),
    [
        ("aten::conv2d", "conv2d", "conv", False),
        ("aten::cudnn_convolution", "convolution", "conv", False),
        ("aten::miopen_convolution_transpose", "conv_transpose", "conv", False),
        ("aten::convolution_backward", "convolution_backward", "conv", True),
        ("aten::cudnn_convolution_backward_weight", "convolution_backward", "conv", True),
        ("aten::native_batch_norm_backward", "batch_norm_backward", "elemwise", True),
        ("aten::cudnn_batch_norm", "batch_norm", "elemwise", False),
        ("aten::_log_softmax_backward_data", "log_softmax_backward", "elemwise", True),
        ("aten::max_pool2d_with_indices_backward", "max_pool2d_backward", "pool", True),
        ("aten::_scaled_dot_product_flash_attention_backward", "scaled_dot_product_attention_backward", "matmul", True),
        ("aten::embedding_dense_backward", "embedding_backward", "data_io", True),
        ("aten::relu_", "relu", "elemwise", False),
        ("aten::_foreach_add_", "_foreach_add", "elemwise", False),
        ("aten::_fused_adamw_", "_fused_adamw", "elemwise", False),
        ("aten::sort", "sort", "other", False),
        ("c10d::allreduce_", "c10d::allreduce_", "comm", False),
        ("nccl:all_reduce", "nccl:all_reduce", "comm", False),
        ("mylib::fused", "mylib::fused", None, False),
        ("ConvolutionBackward0", "ConvolutionBackward0", None, True),
        ("autograd::engine::evaluate_function: AddBackward0", "autograd::engine::evaluate_function: AddBackward0", None,
         True),
        ("torch::autograd::AccumulateGrad", "torch::autograd::AccumulateGrad", None, True),
        ("", "", None, False),
    ],
)  # fmt: skip
def test_ops(name: str, op: str, category: str | None, is_backward: bool) -> None:
    known = recorded_op(name)
    assert (known.op, known.is_backward) == (op, is_backward)
    assert (known.placement and known.placement.category.value) == category


@pytest.mark.parametrize(
    ("name", "category", "kind"),
    [
        ("ncclKernel_AllReduce_RING_LL_Sum_float(ncclDevComm*, unsigned long, ncclWork*)", "comm", "collective"),
        ("void cudnn::ops::nchwToNhwcKernel<float, float, float, false, true>(int)", "data_io", "layout"),
        ("batched_transpose_64x16_pack_4x1_ediv_2x1_half", "data_io", "layout"),
        ("void at::native::(anonymous namespace)::conv_depthwise2d_forward_kernel<3, float>(int)", "conv", "depthwise"),
        ("sm80_xmma_fprop_implicit_gemm_indexed_tf32f32_tf32f32_f32_nhwckrsc_nchw", "conv", "unrecorded"),
        ("_ZN19cutlass_cudnn_train6KernelINS_4conv6kernel23ImplicitGemmConvolutionINS1_11", "conv", "unrecorded"),
        ("volta_scudnn_winograd_128x128_ldg1_ldg4_relu_tile148t_nt_v1", "conv", "unrecorded"),
        ("void fft2d_c2r_32x32<float, false, false, 0u, false, false>(float*)", "conv", "unrecorded"),
        ("igemm_wrw_gtcx2_nhwc_bf16_bx0_ex1_bt128x64x32_wt32x32x8_ws1x1", "conv", "unrecorded"),
        ("miopenSp3AsmConv_v21_1_2_gfx9_fp32_stride1", "conv", "unrecorded"),
        ("void ck::kernel_grouped_conv_fwd_multiple_abd_xdl_cshuffle<ck::GridwiseGemm>(int)", "conv", "unrecorded"),
        ("void cask_cudnn::computeOffsetsKernel<false, false>(cask_cudnn::ComputeOffsetsParams)", "conv", "unrecorded"),
        ("void cudnn::bn_fw_tr_1C11_singleread<float, 512, true, 1, 2, 0>(int)", "elemwise", "norm"),
        ("MIOpenBatchNormFwdTrainSpatialMeanVariance", "elemwise", "norm"),
        ("void at::native::unrolled_elementwise_kernel<at::native::batch_norm_update_stats>(int)", "elemwise", "norm"),
        ("void pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<64, 128>>(int)", "matmul", "attention"),
        ("void cutlass::Kernel2<cutlass_80_tensorop_bf16_s16816gemm_relu_bf16_128x64>(int)", "matmul", "product"),
        ("ampere_sgemm_32x32_sliced1x4_tn", "matmul", "product"),
        ("Cijk_Alik_Bljk_BBS_BH_Bias_HAS_SAV_UserArgs_MT32x32x64_MI16x16x1_SN", "matmul", "product"),
        ("void cublasLt::splitKreduce_kernel<32, 16, int, float>(int)", "matmul", "product"),
        ("nvjet_hsh_128x256_64x4_1x2_h_bz_coopA_TNT", "matmul", "product"),
        ("void at::native::(anonymous namespace)::max_pool_forward_nchw<float, float>(int)", "pool", "pooling"),
        ("void at::native::(anonymous namespace)::upsample_nearest2d_out_frame<float>(int)", "pool", "resampling"),
        ("void at::native::(anonymous namespace)::CatArrayBatchedCopy<float, 3>(float*)", "data_io", "concat"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>>(int)", "data_io", "copy"),
        ("void at::native::elementwise_kernel<128, 2, at::native::direct_copy_kernel_cuda>(int)", "data_io", "copy"),
        ("void at::native::index_elementwise_kernel<128, 4>(int)", "data_io", "index"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>(int)", "elemwise",
         "arithmetic"),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<TensorListMetadata<2>>(int)", "elemwise",
         "arithmetic"),
        ("triton_poi_fused_add_relu_0", "elemwise", "arithmetic"),
        ("triton_red_fused_native_layer_norm_0", "elemwise", "norm"),
        ("triton_tem_fused_mm_3", "matmul", "product"),
        ("triton_tem_fused_addmm_relu_3", "matmul", "product"),
        ("triton_poi_fused_convolution_relu_0", "elemwise", "activation"),
        ("triton_poi_fused_0", "elemwise", "arithmetic"),
        ("triton_poi_fused__to_copy_add_relu_5", "elemwise", "arithmetic"),
        ("triton_poi_fused__to_copy_4", "data_io", "copy"),
        ("triton_poi_fused_cat_11", "data_io", "concat"),
        ("triton_poi_fused_clone_permute_1", "data_io", "copy"),
        ("triton_poi_fused_max_pool2d_with_indices_relu_2", "pool", "pooling"),
        ("triton_red_fused__native_batch_norm_legit_functional_convolution_relu_7", "elemwise", "norm"),
        ("triton_per_fused__softmax_bmm_div_9", "elemwise", "arithmetic"),
        ("triton_per_fused_native_batch_norm_backward_threshold_backward_12", "elemwise", "norm"),
        ("void triton_poi_fused_add_mul_0(float*)", "elemwise", "arithmetic"),
        ("void (anonymous namespace)::softmax_warp_forward<float, float, float, 10, true>(float*)", "elemwise",
         "activation"),
        ("void at::native::(anonymous namespace)::distribution_elementwise_grid_stride_kernel<float, 4>(int)", "other",
         "random"),
        ("void cub::DeviceRadixSortOnesweepKernel<Policy800>(int)", "other", "ordering"),
        ("at::cuda::(anonymous namespace)::spin_kernel(long)", "other", "sleep"),
    ],
)  # fmt: skip
def test_kernels(name: str, category: str, kind: str) -> None:
    placement = kernel_name(name).placement
    assert placement is not None
    assert (placement.category.value, placement.kind) == (category, kind)


@pytest.mark.parametrize("name", ["frobnicate", "", "\x1b[31m", "k" * 100_000])
def test_names_that_say_nothing(name: str) -> None:
    assert kernel_name(name).placement is None


def test_the_pass_is_told_by_the_kernels_name() -> None:
    backward = ["igemm_bwd_gtcx2", "igemm_wrw_gtcx2", "cudnn::bn_bw_1C11_kernel", "sm80_xmma_dgrad", "foo_backward"]
    assert all(kernel_name(name).is_backward for name in backward)
    assert not any(kernel_name(name).is_backward for name in ["igemm_fwd_gtcx2", "sm80_xmma_fprop", "relu"])


def test_short_names_keep_what_says_what_a_kernel_does() -> None:
    full = "void at::native::reduce_kernel<512, at::native::MeanOps<float, c10::Half> >(at::native::MeanOps<float>)"
    assert short_name(full) == "reduce_kernel<512, MeanOps<float, Half> >"
    assert short_name("void (anonymous namespace)::softmax_warp_forward(float*)") == "softmax_warp_forward"
    assert short_name("ampere_sgemm_32x32_sliced1x4_tn") == "ampere_sgemm_32x32_sliced1x4_tn"
    assert len(short_name("k" * 5000)) == 60
    assert short_name("at::") == "at::"


def test_the_table_has_no_category_that_kernels_cannot_have_and_no_empty_word() -> None:
    assert Category.OVERHEAD not in {category for category, _, _ in KERNELS}
    words = [word for _, _, row in KERNELS for word in row.split()]
    assert all(word == word.lower() for word in words)
    assert len(words) == len(set(words)), "a word that stands twice decides only once"

"""Operators by category and kind. Names are effprof's: torch's own without namespace, overload and final underscore.

What is in no table is `other`, kind `unknown`; what is listed under `other` is known to fit nowhere else.
Convolutions, reductions and views are decided from the call as well; see `categories`.
"""

from __future__ import annotations

from effprof.records import Category

COMM_NAMESPACES = frozenset({"c10d", "_c10d_functional", "c10d_functional", "_dtensor", "symm_mem"})

CONVOLUTIONS = frozenset(
    {
        *("conv1d", "conv2d", "conv3d", "conv_tbc", "convolution", "conv_depthwise3d", "torchvision::deform_conv2d"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    }
)

REDUCTIONS = frozenset(
    {"mean", "sum", "amax", "amin", "max", "min", "aminmax", "nanmean", "nansum", "median", "nanmedian", "logsumexp"}
)

KINDS: dict[tuple[Category, str], str] = {
    (Category.MATMUL, "linear"): """
        linear addmm bilinear _trilinear _addmm_activation mkldnn_linear _mixed_dtypes_linear
        mkldnn::_linear_pointwise mkl::_mkl_linear quantized::linear quantized::linear_dynamic quantized::linear_relu
        fbgemm_linear_fp16_weight fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
        fbgemm_linear_int8_weight_fp32_activation _weight_int8pack_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu
        _weight_int4pack_mm_with_scales_and_zeros _dyn_quant_matmul_4bit
        """,
    (Category.MATMUL, "product"): """
        mm bmm matmul baddbmm addbmm addmv mv dot vdot inner einsum tensordot chain_matmul linalg_matmul
        linalg_multi_dot linalg_vecdot matrix_power linalg_matrix_power _scaled_mm _scaled_mm_v2 _grouped_mm
        _scaled_grouped_mm _scaled_grouped_mm_v2 _int_mm sspaddmm hspmm smm _sparse_mm _sparse_addmm
        _sparse_sparse_matmul sparse_sampled_addmm _compute_linear_combination
        """,
    (Category.MATMUL, "attention"): """
        scaled_dot_product_attention _flash_attention_forward _efficient_attention_forward _cudnn_attention_forward
        _flash_attention_forward_no_dropout_inplace _native_multi_head_attention _triton_multi_head_attention
        _triton_scaled_dot_attention _transformer_encoder_layer_fwd flex_attention
        xformers::efficient_attention_forward_cutlass flash_attn::_flash_attn_forward
        """,
    (Category.MATMUL, "recurrent"): """
        lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell mkldnn_rnn_layer _cudnn_rnn
        miopen_rnn _lstm_mps quantized_lstm quantized_gru quantized_lstm_cell quantized_gru_cell
        quantized_rnn_relu_cell quantized_rnn_tanh_cell
        """,
    (Category.ELEMWISE, "activation"): """
        relu relu6 gelu silu sigmoid hardsigmoid hardswish hardtanh leaky_relu elu selu celu mish prelu _prelu_kernel
        rrelu rrelu_with_noise rrelu_with_noise_functional softplus softshrink hardshrink threshold tanh log_sigmoid
        log_sigmoid_forward glu softmax log_softmax _safe_softmax _masked_softmax softmin softsign logit
        special_softmax special_log_softmax special_expit special_logit
        """,
    (Category.ELEMWISE, "arithmetic"): """
        add sub mul div rsub addcmul addcdiv addr outer ger kron lerp pow float_power sqrt rsqrt square exp exp2 expm1
        log log2 log10 log1p abs neg sign sgn signbit reciprocal floor ceil round trunc frac fix fmod remainder
        floor_divide clamp clamp_min clamp_max clip maximum minimum fmax fmin where masked_fill hypot copysign
        sin cos tan asin acos atan atan2 sinh cosh asinh acosh atanh arcsin arccos arctan arctan2 arcsinh arccosh
        arctanh sinc erf erfc erfinv lgamma digamma polygamma mvlgamma i0 igamma igammac xlogy logaddexp logaddexp2
        ldexp frexp nextafter deg2rad rad2deg heaviside gcd lcm nan_to_num positive conj_physical _conj_physical
        angle complex polar absolute subtract multiply divide true_divide negative tril triu cross linalg_cross
        special_xlog1py special_xlogy special_entr special_erf special_erfc special_erfcx special_erfinv special_exp2
        special_expm1 special_gammaln special_digamma special_psi special_polygamma special_i0 special_i0e special_i1
        special_i1e special_log1p special_log_ndtr special_ndtr special_ndtri special_round special_sinc special_zeta
        eq ne lt le gt ge equal less less_equal greater greater_equal not_equal isclose allclose isfinite isinf isnan
        isneginf isposinf isreal logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor
        bitwise_not bitwise_left_shift bitwise_right_shift prod any all _is_all_true _is_any_true count_nonzero trace
        dropout feature_dropout alpha_dropout feature_alpha_dropout native_dropout _fused_dropout _masked_scale
        _add_relu cosine_similarity pairwise_distance dist _transform_bias_rescale_qkv _thnn_fused_lstm_cell
        _thnn_fused_gru_cell cross_entropy_loss nll_loss nll_loss_forward nll_loss2d nll_loss2d_forward nll_loss_nd
        binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss smooth_l1_loss huber_loss kl_div
        soft_margin_loss multi_margin_loss multilabel_margin_loss multilabel_margin_loss_forward hinge_embedding_loss
        margin_ranking_loss cosine_embedding_loss triplet_margin_loss poisson_nll_loss ctc_loss _ctc_loss
        torchvision::sigmoid_focal_loss _fused_adam _fused_adamw _fused_sgd _fused_adagrad
        fake_quantize_per_tensor_affine fake_quantize_per_channel_affine
        fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask
        fused_moving_avg_obs_fake_quant _fused_moving_avg_obs_fq_helper
        """,
    (Category.ELEMWISE, "norm"): """
        batch_norm layer_norm group_norm instance_norm rms_norm native_norm norm frobenius_norm nuclear_norm renorm
        linalg_norm linalg_vector_norm linalg_matrix_norm var std var_mean std_mean _weight_norm
        _weight_norm_interface norm_except_dim batch_norm_elemt batch_norm_stats batch_norm_update_stats
        batch_norm_gather_stats batch_norm_gather_stats_with_counts native_batch_norm _native_batch_norm_legit
        _native_batch_norm_legit_functional _native_batch_norm_legit_no_training _batch_norm_with_update
        _batch_norm_with_update_functional _batch_norm_no_update quantized_batch_norm
        """,
    (Category.DATA_IO, "copy"): """
        copy clone to _to_copy _copy_from _copy_from_and_resize cpu cuda pin_memory _pin_memory alias_copy detach_copy
        lift_fresh_copy _lazy_clone type_as _cast_Byte _cast_Char _cast_Double _cast_Float _cast_Half _cast_Int
        _cast_Long _cast_Short _autocast_to_reduced_precision _autocast_to_full_precision quantize_per_tensor
        quantize_per_tensor_dynamic quantize_per_channel dequantize int_repr fill zero zeros ones full zeros_like
        ones_like full_like new_zeros new_ones new_full fill_diagonal eye arange linspace logspace range
        scalar_tensor _efficientzerotensor tile repeat repeat_interleave expand_copy lift _conj_copy _neg_view_copy
        resolve_conj resolve_neg _to_cpu profiler::memcpy _local_scalar_dense item
        """,
    (Category.DATA_IO, "concat"): """
        cat concat concatenate stack hstack vstack dstack column_stack row_stack _stack _chunk_cat block_diag
        pad_sequence cartesian_prod flatten_dense_tensors
        """,
    (Category.DATA_IO, "layout"): """
        contiguous reshape flatten view unflatten ravel reshape_as view_as permute transpose t movedim moveaxis
        swapaxes swapdims squeeze unsqueeze expand expand_as broadcast_to select slice narrow split chunk unbind
        split_with_sizes tensor_split unsafe_split unsafe_split_with_sizes unsafe_chunk as_strided diagonal
        permute_copy transpose_copy t_copy view_copy squeeze_copy unsqueeze_copy select_copy slice_copy narrow_copy
        split_copy split_with_sizes_copy unbind_copy unfold_copy as_strided_copy diagonal_copy view_as_real_copy
        view_as_complex_copy _reshape_copy _reshape_alias_copy to_dense _to_dense to_mkldnn to_sparse _to_sparse
        to_sparse_csr to_padded_tensor _mkldnn_reshape _mkldnn_transpose mkldnn_reorder_conv2d_weight
        mkldnn_reorder_conv3d_weight prepacked::conv2d_clamp_prepack pad constant_pad_nd reflection_pad1d
        reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d _pad_circular _pad_enum
        roll flip fliplr flipud rot90 im2col col2im unfold diag diag_embed diagflat meshgrid _pack_padded_sequence
        _pad_packed_sequence resize resize_as
        """,
    (Category.DATA_IO, "index"): """
        index index_select index_put _index_put_impl _unsafe_index _unsafe_index_put _unsafe_masked_index
        _unsafe_masked_index_put_accumulate gather scatter scatter_add scatter_reduce index_add index_copy index_fill
        index_reduce take take_along_dim put masked_select masked_scatter nonzero nonzero_static argwhere embedding
        embedding_bag _embedding_bag _embedding_bag_forward_only embedding_renorm one_hot select_scatter slice_scatter
        diagonal_scatter as_strided_scatter segment_reduce
        """,
    (Category.SHUFFLE, "channel"): "channel_shuffle native_channel_shuffle",
    (Category.SHUFFLE, "pixel"): "pixel_shuffle pixel_unshuffle",
    (Category.POOL, "pooling"): """
        max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices
        avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
        _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
        fractional_max_pool2d fractional_max_pool3d max_unpool2d max_unpool3d mkldnn_max_pool2d mkldnn_max_pool3d
        mkldnn_adaptive_avg_pool2d quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d
        torchvision::roi_align torchvision::roi_pool torchvision::ps_roi_align torchvision::ps_roi_pool
        """,
    (Category.POOL, "resampling"): """
        upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
        _upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d
        _upsample_bilinear2d_aa _upsample_bicubic2d_aa _upsample_lanczos2d_aa grid_sampler grid_sampler_2d
        grid_sampler_3d _grid_sampler_2d_cpu_fallback cudnn_grid_sampler
        """,
    (Category.OTHER, "ordering"): """
        sort argsort msort topk kthvalue mode unique_consecutive unique_dim unique_dim_consecutive _unique _unique2
        argmax argmin searchsorted bucketize histc bincount histogram isin quantile nanquantile torchvision::nms
        """,
    (Category.OTHER, "scan"): "cumsum cumprod cummax cummin logcumsumexp diff trapezoid cumulative_trapezoid",
    (Category.OTHER, "random"): """
        rand randn randint randperm rand_like randn_like randint_like bernoulli normal uniform exponential multinomial
        poisson random geometric cauchy log_normal binomial _standard_gamma normal_functional
        """,
    (Category.OTHER, "algebra"): """
        cdist _cdist_forward _euclidean_dist pdist inverse pinverse linalg_inv linalg_inv_ex linalg_pinv linalg_det
        _linalg_det linalg_slogdet _linalg_slogdet linalg_svd _linalg_svd linalg_eig linalg_eigh _linalg_eigh
        linalg_qr linalg_cholesky linalg_cholesky_ex linalg_solve _linalg_solve_ex linalg_lstsq linalg_lu
        linalg_lu_factor linalg_matrix_exp fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2
        fft_irfft2 fft_fftn fft_ifftn fft_rfftn fft_irfftn _fft_c2c _fft_c2r _fft_r2c stft istft
        """,
    (Category.OTHER, "allocation"): """
        empty empty_like empty_strided empty_permuted new_empty new_empty_strided affine_grid_generator
        """,
}

"""Ops that multiply and add nothing that counts: no convolution and no matrix product, hence 0 mult_adds by definition.

As in the paper, arithmetic of one element with another (activations, normalisation, bias, losses), pooling and moving
data are 0. Grouped by the reason. An op with real arithmetic of its own for which we have no formula (fft, svd,
cholesky, inverse, cdist, quantised products, backward passes) must NOT be here: it is reported as uncosted.

Names are effprof's: torch's own without `aten::`, overload and the underscore of in-place ops.
"""

from __future__ import annotations

from effprof.cost.op_names import names

VIEWS_AND_QUERIES = names(
    """
    adjoint alias allclose as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to can_cast
    ccol_indices chunk col_indices _conj conj crow_indices data dense_dim detach diagonal dim dsplit equal expand
    expand_as _fw_primal hsplit imag _indices indices _is_all_true _is_any_true is_coalesced is_complex is_conj
    is_contiguous is_distributed is_floating_point is_inference is_leaf is_neg is_non_overlapping_and_dense is_nonzero
    is_pinned is_same_size is_set_to is_signed _is_zerotensor item lift lift_fresh linalg_diagonal _local_scalar_dense
    _make_dual matrix_H meshgrid mH moveaxis movedim mT narrow _neg_view _nnz numel numpy_T output_nr permute positive
    promote_types ravel real requires_grad _reshape_alias resolve_conj resolve_neg result_type retain_grad row_indices
    select set _shape_as_tensor size slice slice_inverse sparse_dim split split_with_sizes squeeze storage_offset stride
    swapaxes swapdims sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride t tensor_split transpose unbind
    unflatten unfold _unpack_dual unsafe_chunk unsafe_split unsafe_split_with_sizes _unsafe_view unsqueeze _values
    values _version view view_as view_as_complex view_as_real vsplit
    profiler::_record_function_enter profiler::_record_function_enter_new profiler::_record_function_exit
    """
)

COPIES_AND_LAYOUT = names(
    """
    alias_copy as_strided_copy as_strided_scatter block_diag cartesian_prod _cast_Byte _cast_Char _cast_Double
    _cast_Float _cast_Half _cast_Int _cast_Long _cast_Short cat channel_shuffle _chunk_cat clone _coalesce coalesce
    col2im column_stack combinations concat concatenate _conj_copy conj_physical _conj_physical constant_pad_nd
    contiguous copy _copy_from _copy_from_and_resize cpu cuda _cudnn_rnn_flatten_weight detach_copy diag diag_embed
    diagflat diagonal_copy diagonal_scatter dstack _efficientzerotensor expand_copy flatten flatten_dense_tensors flip
    fliplr flipud hstack im2col _lazy_clone lift_fresh_copy mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight
    _mkldnn_reshape _mkldnn_transpose narrow_copy native_channel_shuffle _neg_view_copy _nested_from_padded
    _nested_tensor_from_mask _nested_tensor_from_tensor_list _nested_tensor_size _nested_tensor_storage_offsets
    _nested_tensor_strides nested_to_padded_tensor _nested_view_from_buffer _pack_padded_sequence _pack_sequence pad
    _pad_circular _pad_enum _pad_packed_sequence pad_sequence permute_copy pin_memory _pin_memory pixel_shuffle
    pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d repeat repeat_interleave replication_pad1d
    replication_pad2d replication_pad3d reshape _reshape_alias_copy reshape_as _reshape_copy resize resize_as roll rot90
    row_stack select_copy select_scatter slice_copy slice_scatter split_copy split_with_sizes_copy squeeze_copy _stack
    stack t_copy tile to _to_copy _to_cpu to_dense _to_dense to_mkldnn to_padded_tensor _to_sparse to_sparse
    transpose_copy tril triu type_as unbind_copy unflatten_dense_tensors unfold_copy unsqueeze_copy view_as_complex_copy
    view_as_real_copy view_copy vstack
    """
)

CREATION = names(
    """
    arange as_tensor bartlett_window blackman_window complex _dim_arange empty empty_like empty_permuted empty_quantized
    empty_strided eye fft_fftfreq fft_rfftfreq fill fill_diagonal from_file full full_like hamming_window hann_window
    kaiser_window linspace logspace new_empty new_empty_strided new_full new_ones new_zeros one_hot ones ones_like range
    scalar_tensor sparse_coo_tensor _sparse_coo_tensor_unsafe sparse_csr_tensor tensor tril_indices triu_indices vander
    zero zeros zeros_like
    """
)

RANDOM_NUMBERS = names(
    """
    bernoulli binomial cauchy exponential geometric log_normal multinomial normal normal_functional poisson rand
    rand_like randint randint_like randn randn_like random randperm _sample_dirichlet _standard_gamma uniform
    """
)

INDEXING = names(
    """
    argwhere embedding embedding_bag _embedding_bag _embedding_bag_forward_only embedding_renorm gather index index_add
    index_copy index_fill index_put _index_put_impl index_reduce index_select masked_fill masked_scatter masked_select
    nonzero nonzero_numpy nonzero_static put scatter scatter_add scatter_reduce segment_reduce take take_along_dim
    _unsafe_index _unsafe_index_put _unsafe_masked_index where
    """
)

SORTING_AND_SEARCHING = names(
    """
    argmax argmin argsort bincount bucketize cummax _cummax_helper cummin _cummin_helper histc histogram isin kthvalue
    median mode msort nanmedian nanquantile quantile searchsorted sort topk _unique _unique2 unique_consecutive
    unique_dim unique_dim_consecutive torchvision::box_iou_rotated torchvision::nms torchvision::qnms
    """
)

ARITHMETIC = names(
    """
    abs absolute acos acosh add _add_relu addcdiv addcmul addr angle arccos arccosh arcsin arcsinh arctan arctan2
    arctanh asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift
    bitwise_xor ceil chalf clamp clamp_max clamp_min clip copysign cos cosh cross deg2rad digamma div divide eq erf erfc
    erfinv exp exp2 expm1 fix float_power floor floor_divide fmax fmin fmod frac frexp gcd ge ger greater greater_equal
    gt heaviside hypot i0 igamma igammac isclose isfinite isinf isnan isneginf isposinf isreal kron lcm ldexp le lerp
    less less_equal lgamma linalg_cross log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or
    logical_xor logit __lshift__ lt maximum minimum modf mul multiply mvlgamma nan_to_num ne neg negative nextafter
    not_equal outer polar polygamma pow rad2deg reciprocal remainder round __rshift__ rsqrt rsub sgn sign signbit sin
    sinc sinh special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1 special_digamma
    special_entr special_erf special_erfc special_erfcx special_erfinv special_exp2 special_expit special_expm1
    special_gammainc special_gammaincc special_gammaln special_i0 special_i0e special_i1 special_i1e special_log1p
    special_log_ndtr special_logit special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
    special_modified_bessel_k1 special_multigammaln special_ndtr special_ndtri special_polygamma special_psi
    special_round special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1 special_sinc
    special_spherical_bessel_j0 special_xlog1py special_xlogy special_zeta sqrt square sub subtract tan true_divide
    trunc xlogy
    """
)

ACTIVATIONS = names(
    """
    celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid log_sigmoid_forward _log_softmax
    log_softmax _masked_softmax mish prelu _prelu_kernel relu relu6 rrelu rrelu_with_noise _safe_softmax selu sigmoid
    silu _softmax softmax softplus softshrink special_log_softmax special_softmax tanh threshold
    """
)

DROPOUT = names(
    """
    alpha_dropout dropout feature_alpha_dropout feature_dropout _fused_dropout _masked_scale native_dropout
    """
)

NORMALISATION = names(
    """
    batch_norm batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts _batch_norm_impl_index
    _batch_norm_no_update batch_norm_stats batch_norm_update_stats _batch_norm_with_update cudnn_batch_norm
    _fused_rms_norm group_norm instance_norm layer_norm miopen_batch_norm native_batch_norm _native_batch_norm_legit
    _native_batch_norm_legit_no_training native_group_norm native_layer_norm norm_except_dim quantized_batch_norm renorm
    rms_norm _transform_bias_rescale_qkv _weight_norm _weight_norm_interface
    """
)

# Pooling weighs nothing; interpolation weighs neighbours by their distance, which is no learned product.
POOLING_AND_RESAMPLING = names(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d cudnn_grid_sampler
    fractional_max_pool2d fractional_max_pool3d grid_sampler grid_sampler_2d _grid_sampler_2d_cpu_fallback
    grid_sampler_3d max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d
    max_pool3d_with_indices max_unpool2d max_unpool3d mkldnn_adaptive_avg_pool2d mkldnn_max_pool2d mkldnn_max_pool3d
    upsample_bicubic2d _upsample_bicubic2d_aa upsample_bilinear2d _upsample_bilinear2d_aa _upsample_lanczos2d_aa
    upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d
    _upsample_nearest_exact2d _upsample_nearest_exact3d upsample_trilinear3d torchvision::ps_roi_align
    torchvision::ps_roi_pool torchvision::qroi_align torchvision::roi_align torchvision::roi_pool
    """
)

REDUCTIONS_AND_SCANS = names(
    """
    all amax amin _aminmax aminmax any cosine_similarity count_nonzero cumprod cumsum cumulative_trapezoid diff dist
    frobenius_norm gradient linalg__powsum linalg_norm linalg_vector_norm logcumsumexp _logcumsumexp logsumexp max mean
    min nanmean nansum native_norm norm pairwise_distance prod special_logsumexp std std_mean sum sum_to_size trace
    trapezoid trapz var var_mean
    """
)

LOSSES = names(
    """
    binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy_loss ctc_loss _ctc_loss
    hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss
    multilabel_margin_loss_forward nll_loss nll_loss2d nll_loss2d_forward nll_loss_forward nll_loss_nd poisson_nll_loss
    smooth_l1_loss soft_margin_loss triplet_margin_loss
    """
)

# The element-wise rest of a cell whose two matrix products are ops of their own.
RECURRENT_POINTWISE = frozenset({"_thnn_fused_lstm_cell", "_thnn_fused_gru_cell"})

CONVERSION_TO_INTEGERS = names(
    """
    dequantize fake_quantize_per_channel_affine fake_quantize_per_channel_affine_cachemask
    fake_quantize_per_tensor_affine fake_quantize_per_tensor_affine_cachemask int_repr q_per_channel_axis
    q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme quantize_per_channel quantize_per_tensor
    quantize_per_tensor_dynamic
    """
)

OPTIMIZER_UPDATES = names(
    """
    _amp_foreach_non_finite_check_and_unscale _amp_update_scale _foreach_abs _foreach_add _foreach_addcdiv
    _foreach_addcmul _foreach_clamp_max _foreach_clamp_min _foreach_copy _foreach_div _foreach_exp _foreach_lerp
    _foreach_max _foreach_maximum _foreach_minimum _foreach_mul _foreach_neg _foreach_norm _foreach_pow
    _foreach_reciprocal _foreach_sign _foreach_sqrt _foreach_sub _foreach_zero _fused_adagrad _fused_adam _fused_adamw
    _fused_sgd
    """
)

CHECKS_AND_CHOICES = names(
    """
    _assert_async _assert_scalar _assert_tensor_metadata cudnn_is_acceptable device dtype _functional_assert_async
    _functional_assert_scalar _fused_sdp_choice _has_compatible_shallow_copy_type _has_same_storage_numel
    is_vulkan_available layout _nnpack_available _print record_stream sym_constrain_range sym_constrain_range_for_size
    """
)

COLLECTIVES = names(
    """
    c10d::_allgather_base_ c10d::_reduce_scatter_base_ c10d::allgather_ c10d::allreduce_ c10d::alltoall_
    c10d::alltoall_base_ c10d::barrier c10d::broadcast_ c10d::gather_ c10d::recv_ c10d::reduce_ c10d::reduce_scatter_
    c10d::scatter_ c10d::send _c10d_functional::all_gather_into_tensor _c10d_functional::all_reduce
    _c10d_functional::all_reduce_ _c10d_functional::all_to_all_single _c10d_functional::broadcast
    _c10d_functional::broadcast_ _c10d_functional::reduce_scatter_tensor _c10d_functional::wait_tensor
    """
)

FREE_OPS: frozenset[str] = frozenset().union(
    VIEWS_AND_QUERIES,
    COPIES_AND_LAYOUT,
    CREATION,
    RANDOM_NUMBERS,
    INDEXING,
    SORTING_AND_SEARCHING,
    ARITHMETIC,
    ACTIVATIONS,
    DROPOUT,
    NORMALISATION,
    POOLING_AND_RESAMPLING,
    REDUCTIONS_AND_SCANS,
    LOSSES,
    RECURRENT_POINTWISE,
    CONVERSION_TO_INTEGERS,
    OPTIMIZER_UPDATES,
    CHECKS_AND_CHOICES,
    COLLECTIVES,
)

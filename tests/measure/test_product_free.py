"""Operators by their names: what holds products is never taken for free of them."""

import pytest
import torch

from harness.measure.product_free import is_named_free, is_product_free

aten = torch.ops.aten


@pytest.mark.parametrize(
    "name",
    [
        "mm",
        "addmm",
        "bmm",
        "addbmm",
        "mv",
        "dot",
        "vdot",
        "addr",
        "_int_mm",
        "_grouped_mm",
        "_scaled_mm",
        "_weight_int8pack_mm",
        "_sparse_addmm",
        "convolution",
        "convolution_backward",
        "_slow_conv2d_forward",
        "conv_tbc",
        "mkldnn_rnn_layer",
        "_cudnn_rnn",
        "_trilinear",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_native_multi_head_attention",
        "_transformer_encoder_layer_fwd",
        "_cdist_forward",
        "_euclidean_dist",
        "_pdist_forward",
        "_embedding_bag",
        "_fft_c2c",
        "linalg_inv_ex",
        "_linalg_svd",
        "geqrf",
        "ormqr",
        "linalg_matrix_exp",
        "cholesky_solve",
        "triangular_solve",
        "lu_solve",
        "hspmm",
        "sparse_sampled_addmm",
        "mkldnn_linear",
        "_flash_attention_forward",
        "_flash_mlp",
    ],
)
def test_products(name):
    assert not is_named_free(name)


@pytest.mark.parametrize(
    "name",
    [
        "native_batch_norm",
        "native_layer_norm_backward",
        "_softmax",
        "_log_softmax_backward_data",
        "max_pool2d_with_indices",
        "avg_pool2d_backward",
        "upsample_bilinear2d",
        "upsample_trilinear3d_backward",
        "embedding",
        "embedding_dense_backward",
        "cat",
        "stack",
        "index_put_",
        "scatter_add",
        "gather",
        "topk",
        "sort",
        "cumsum",
        "constant_pad_nd",
        "reflection_pad2d",
        "im2col",
        "_to_copy",
        "binary_cross_entropy",
        "nll_loss_forward",
        "linalg_vector_norm",
        "_fused_rms_norm",
        "native_dropout",
        "bernoulli_",
        "zeros",
        "_thnn_fused_lstm_cell",
        "grid_sampler_2d",
        "pixel_shuffle",
        "_weight_norm_interface",
        "_local_scalar_dense",
        "argmax",
    ],
)
def test_free(name):
    assert is_named_free(name.rstrip("_"))


@pytest.mark.parametrize(
    "operator", [aten.sin.default, aten.sin_.default, aten.acos.out, aten.view.default]
)
def test_pointwise_operators_and_views_are_free_whatever_their_name(operator):
    assert is_product_free(operator)


def test_operators_of_others_are_never_free():
    assert not is_product_free(torch.ops.quantized.add.default)

"""FLOP of operators: torch's own registry, what it leaves out, and what is known to cost none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}

# Operators that move or compare data or compute element by element: no FLOP by the convention of
# counting multiply-accumulates of layers (METHOD: 1 MAC = 2 FLOP). Pointwise operators and views
# are recognised by torch's own tags and need no line here.
_COSTS_NOTHING = frozenset(
    [
        "adaptive_avg_pool1d",
        "_adaptive_avg_pool2d",
        "_adaptive_avg_pool3d",
        "adaptive_avg_pool2d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
        "adaptive_max_pool3d",
        "avg_pool1d",
        "avg_pool2d",
        "avg_pool3d",
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "max_pool2d_with_indices",
        "max_pool3d_with_indices",
        "fractional_max_pool2d",
        "fractional_max_pool3d",
        "max_unpool2d",
        "max_unpool3d",
        "native_batch_norm",
        "_native_batch_norm_legit",
        "_native_batch_norm_legit_no_training",
        "batch_norm",
        "_native_batch_norm_legit_functional",
        "_batch_norm_with_update",
        "native_layer_norm",
        "native_group_norm",
        "_fused_rms_norm",
        "native_dropout",
        "bernoulli",
        "bernoulli_",
        "hardswish",
        "hardsigmoid",
        "log_sigmoid_forward",
        "_prelu_kernel",
        "rrelu_with_noise",
        "glu",
        "_softmax",
        "_log_softmax",
        "softmax",
        "log_softmax",
        "_safe_softmax",
        "cumsum",
        "cumprod",
        "cummax",
        "cummin",
        "logcumsumexp",
        "logsumexp",
        "embedding",
        "_embedding_bag",
        "_embedding_bag_forward_only",
        "index",
        "index_select",
        "gather",
        "scatter",
        "scatter_add",
        "slice_scatter",
        "select_scatter",
        "index_put",
        "index_put_",
        "masked_fill",
        "where",
        "take",
        "cat",
        "stack",
        "constant_pad_nd",
        "reflection_pad1d",
        "reflection_pad2d",
        "reflection_pad3d",
        "replication_pad1d",
        "replication_pad2d",
        "replication_pad3d",
        "roll",
        "flip",
        "repeat",
        "repeat_interleave",
        "tile",
        "clone",
        "copy_",
        "_to_copy",
        "contiguous",
        "lift_fresh_copy",
        "detach",
        "alias",
        "view_copy",
        "copy",
        "_stack",
        "_chunk_cat",
        "block_diag",
        "diag_embed",
        "masked_select",
        "masked_scatter",
        "index_copy",
        "index_fill",
        "index_add",
        "as_strided_scatter",
        "diagonal_scatter",
        "_unsafe_index",
        "_unsafe_index_put",
        "_unsafe_masked_index",
        "_reshape_copy",
        "resize",
        "lift",
        "empty_permuted",
        "scatter_reduce",
        "rot90",
        "sum",
        "mean",
        "amax",
        "amin",
        "max",
        "min",
        "argmax",
        "argmin",
        "var",
        "std",
        "var_mean",
        "norm",
        "linalg_vector_norm",
        "prod",
        "any",
        "all",
        "sort",
        "topk",
        "kthvalue",
        "median",
        "nanmedian",
        "mode",
        "searchsorted",
        "bucketize",
        "nonzero",
        "unique_consecutive",
        "zeros",
        "zeros_like",
        "ones",
        "ones_like",
        "full",
        "full_like",
        "empty",
        "empty_like",
        "empty_strided",
        "new_zeros",
        "new_ones",
        "new_empty",
        "new_full",
        "new_empty_strided",
        "arange",
        "linspace",
        "eye",
        "scalar_tensor",
        "rand",
        "randn",
        "tril",
        "triu",
        "tril_indices",
        "triu_indices",
        "one_hot",
        "fill_",
        "zero_",
        "normal_",
        "uniform_",
        "exponential_",
        "multinomial",
        "complex",
        "upsample_nearest1d",
        "upsample_nearest2d",
        "upsample_nearest3d",
        "upsample_bilinear2d",
        "upsample_linear1d",
        "upsample_bicubic2d",
        "upsample_trilinear3d",
        "_upsample_nearest_exact1d",
        "_upsample_nearest_exact2d",
        "_upsample_nearest_exact3d",
        "_upsample_bilinear2d_aa",
        "_upsample_bicubic2d_aa",
        "_unsafe_view",
        "pixel_shuffle",
        "pixel_unshuffle",
        "im2col",
        "col2im",
        "channel_shuffle",
        "unfold_copy",
        "_pack_padded_sequence",
        "_pad_packed_sequence",
        "nll_loss_forward",
        "_ctc_loss",
        "binary_cross_entropy",
        "mse_loss",
        "_nested_tensor_from_mask",
        "is_same_size",
        "sym_size",
        "_assert_async",
        "_local_scalar_dense",
    ]
)


def flop(func: torch._ops.OpOverload, args: Any, kwargs: Any, out: Any) -> float | None:
    """FLOP of one call of an operator; 0 where it is known to cost none, None if unknown."""
    import torch

    formula = _formulas().get(func._overloadpacket)
    if formula is not None:
        return float(formula(*args, **kwargs, out_val=out))
    name = func._schema.name.partition("::")[2]
    if func.is_view or torch.Tag.pointwise in func.tags or torch.Tag.view_copy in func.tags:
        return 0.0
    if name in _COSTS_NOTHING or name.rstrip("_") in _COSTS_NOTHING or name.endswith("_backward"):
        # backward operators that do compute (convolution_backward) are in torch's registry
        return 0.0
    return None


def valid_taps(
    *,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    out: Sequence[int],
) -> float:
    """Share of a convolution's taps that fall inside the input, not on padding.

    Args:
        size, kernel, stride, padding, dilation, out: One entry a spatial dimension; `size` and
            `out` are the input's and the output's extents.
    """
    share = 1.0
    for length, taps, step, pad, spread, positions in zip(
        size, kernel, stride, padding, dilation, out, strict=True
    ):
        inside = 0
        for tap in range(taps):
            offset = tap * spread - pad  # positions p with 0 <= p * step + offset < length
            first = max(0, math.ceil(-offset / step))
            last = min(positions - 1, math.floor((length - 1 - offset) / step))
            inside += max(0, last - first + 1)
        share *= inside / (positions * taps)
    return share


def recurrent_work(
    kind: str,
    *,
    steps: int,
    inputs: int,
    hidden: int,
    layers: int,
    directions: int,
    projection: int = 0,
) -> float:
    """FLOP of a stack of recurrent layers: per step and gate, input and recurrent products.

    Args:
        kind: `lstm`, `gru`, `rnn_tanh` or `rnn_relu`.
        steps: Time steps times batch.
        inputs: Features of the first layer's input.
        hidden: Hidden size.
        projection: `proj_size` of an LSTM, 0 for none.
    """
    state = projection or hidden
    total = 0.0
    for layer in range(layers):
        width = inputs if layer == 0 else state * directions
        products = GATES[kind] * hidden * (width + state) + (hidden * projection)
        total += 2.0 * steps * directions * products
    return total


@lru_cache(maxsize=1)
def _formulas() -> dict[Any, Any]:
    import torch
    from torch.utils.flop_counter import flop_registry

    aten = torch.ops.aten

    def mv(matrix: Any, vector: Any, *_: Any, **__: Any) -> int:
        return int(2 * matrix.shape[0] * matrix.shape[1])

    def addmv(bias: Any, matrix: Any, vector: Any, *_: Any, **__: Any) -> int:
        return int(2 * matrix.shape[0] * matrix.shape[1])

    def dot(first: Any, second: Any, *_: Any, **__: Any) -> int:
        return int(2 * first.numel())

    def convolution_backward(
        gradient: Any,
        data: Any,
        weight: Any,
        bias_sizes: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        transposed: bool,
        output_padding: Any,
        groups: int,
        mask: Sequence[bool],
        **_: Any,
    ) -> int:
        # every tap of the forward pass is one of each gradient's, too; torch's own formula (2.13)
        # leaves the groups out of the weights'
        positions = (data if transposed else gradient).shape[2:]
        forward = 2 * data.shape[0] * math.prod(positions) * weight.numel()
        return int(forward * (mask[0] + mask[1]))

    own = {
        aten.mv: mv,
        aten.addmv: addmv,
        aten.dot: dot,
        aten.vdot: dot,
        aten.convolution_backward: convolution_backward,
    }
    return {**flop_registry, **own}

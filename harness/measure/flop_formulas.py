"""What torch's own counter does not know, or counts wrongly: FLOPs from tensors' shapes.

A multiply-add is two FLOPs; of complex numbers it is eight (four multiplications, four additions).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Formula = Callable[..., int]


def formulas() -> dict[Any, Formula]:
    """Return formulas by operator, for FlopCounterMode's `custom_mapping`.

    Each is called with the operator's arguments and `out_val`, its result; tensors as they are.
    """
    import torch

    aten = torch.ops.aten
    found: dict[str, Formula] = {
        "mm": lambda a, b, **_: _product(a, b),
        "addmm": lambda _, a, b, **__: _product(a, b),
        "bmm": lambda a, b, **_: _product(a, b),
        "baddbmm": lambda _, a, b, **__: _product(a, b),
        "addbmm": lambda _, a, b, **__: _product(a, b),
        "mv": lambda a, b, **_: _product(a, b),
        "addmv": lambda _, a, b, **__: _product(a, b),
        "dot": lambda a, b, **_: _product(a, b),
        "vdot": lambda a, b, **_: _product(a, b),
        "addr": lambda _, a, b, **__: 2 * a.numel() * b.numel() * _parts(a),
        # What torch makes of ger, outer, kron and some of einsum.
        "mul": lambda a, b, **_: _outer(a, b),
        "addcmul": lambda _, a, b, **__: _outer(a, b),
        "_int_mm": lambda a, b, **_: _product(a, b),
        "_weight_int8pack_mm": lambda a, *_, out_val, **__: 2 * a.shape[-1] * out_val.numel(),
        "_weight_int4pack_mm": lambda a, *_, out_val, **__: 2 * a.shape[-1] * out_val.numel(),
        "_grouped_mm": _grouped,
        "_scaled_grouped_mm": _grouped,
        "_sparse_addmm": lambda _, a, b, **__: _product(a, b),
        "convolution_backward": _convolution_backward,
        "conv_tbc": lambda a, w, *_, out_val, **__: 2 * out_val.numel() * w.shape[0] * w.shape[1],
        "conv_tbc_backward": lambda g, a, w, *_, **__: 4 * g.numel() * w.shape[0] * w.shape[1],
        "_trilinear": _trilinear,
        "_euclidean_dist": lambda a, b, **_: 2 * a.numel() * b.shape[-2] + 4 * _pairs(a, b),
        "_cdist_forward": lambda a, b, *_, **__: 3 * a.numel() * b.shape[-2],
        "_pdist_forward": lambda a, *_, out_val, **__: 3 * out_val.numel() * a.shape[-1],
        "_embedding_bag": _bag,
        "_embedding_bag_forward_only": _bag,
        "_embedding_bag_per_sample_weights_backward": (
            lambda grad, weight, indices, *_, **__: 2 * indices.numel() * grad.shape[-1]
        ),
    }
    for formula in found.values():
        formula._get_raw = True  # type: ignore[attr-defined]
    return {getattr(aten, name): one for name, one in found.items() if hasattr(aten, name)}


def _outer(a: Any, b: Any) -> int:
    """Return the FLOPs of a product in which each factor is repeated along axes of the other; else 0.

    That is a matrix product over an axis of one, and counted as such, as torch counts it where `tensordot` or
    `bmm` take it. Where one factor has every element of the result, it is scaled, which is no product.
    """
    import torch

    if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
        return 0
    size = math.prod(torch.broadcast_shapes(a.shape, b.shape))  # type: ignore[no-untyped-call]
    return 2 * size * max(_parts(a), _parts(b)) if size > max(a.numel(), b.numel()) else 0


def _parts(tensor: Any) -> int:
    """Return how many real multiply-adds one of a tensor's is."""
    return 4 if tensor.is_complex() else 1


def _product(a: Any, b: Any) -> int:
    """Return the FLOPs of a product of matrices, of batches of them, or of vectors.

    Of a sparse factor the values that it holds count, each times a row of the other. How many these
    are is not known on the meta device.

    Raises:
        NotImplementedError: A sparse tensor is on the meta device, or both are sparse.
    """
    import torch

    sparse = [one for one in (a, b) if one.layout != torch.strided]
    width = b.shape[-1] if b.dim() > 1 else 1
    if not sparse:
        return int(2 * a.numel() * width * _parts(a))
    if len(sparse) > 1 or sparse[0].device.type == "meta":
        raise NotImplementedError("a product of sparse tensors has no count without their values")
    held = sparse[0]._nnz() * _block(sparse[0])
    rows = a.shape[-2] if a.dim() > 1 else 1
    return int(2 * held * (width if sparse[0] is a else rows) * _parts(a))


def _block(sparse: Any) -> int:
    """Return how many numbers one value of a sparse tensor holds: a block's, or one."""
    import torch

    values = sparse._values() if sparse.layout is torch.sparse_coo else sparse.values()
    return math.prod(values.shape[1:])


def _grouped(a: Any, b: Any, *_: Any, out_val: Any, **__: Any) -> int:
    """Return the FLOPs of products of groups: each row of `a` meets the matrix of its own group.

    a, b: ``(groups, rows, inner)`` or ``(rows of all, inner)``, and the same for `b`'s columns; where
    both have two dimensions the inner one is cut into groups, so that each number is met once.
    """
    if a.dim() == 2 and b.dim() == 2:
        return 2 * int(a.numel()) * int(b.shape[-1])
    return 2 * int(out_val.numel()) * int(a.shape[-1])


def _convolution_backward(outputs: Any, inputs: Any, weight: Any, *others: Any, **_: Any) -> int:
    """Return the FLOPs of a convolution's backward pass.

    The gradients of the inputs and of the weight are each as many multiply-adds as the forward
    pass. torch's own formula takes the weight's for that of a convolution without groups, and so
    counts a grouped one several times over.
    """
    from torch.utils.flop_counter import conv_flop_count

    _bias, _stride, _padding, _dilation, transposed, _output_padding, _groups, wanted = others[:8]
    forward = conv_flop_count(
        list(inputs.shape), list(weight.shape), list(outputs.shape), transposed=transposed
    )
    return int(forward) * (bool(wanted[0]) + bool(wanted[1]))


def _trilinear(
    a: Any, b: Any, c: Any, expand_a: Any, expand_b: Any, expand_c: Any, *_: Any, **__: Any
) -> int:
    """Return the FLOPs of sum(a * b * c) over expanded dimensions, as nn.Bilinear and its gradients take it:
    two multiplications and an addition for each element of the whole.
    """
    sizes = []
    for tensor, expand in ((a, expand_a), (b, expand_b), (c, expand_c)):
        own = iter(tensor.shape)
        dims = tensor.dim() + len(expand)
        sizes.append([1 if dim in expand else next(own) for dim in range(dims)])
    return int(3 * math.prod(map(max, zip(*sizes, strict=True))) * _parts(a))


def _pairs(a: Any, b: Any) -> int:
    """Return how many distances there are between the rows of a and of b."""
    return int(a.numel() // a.shape[-1] * b.shape[-2])


def _bag(weight: Any, indices: Any, *others: Any, out_val: Any, **named: Any) -> int:
    """Return the FLOPs of an embedding bag: an addition for each number, with weights a multiply-add."""
    weights = named.get("per_sample_weights", others[4] if len(others) > 4 else None)
    return (1 if weights is None else 2) * int(indices.numel() * weight.shape[-1])

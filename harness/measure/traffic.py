"""The bytes that the operators of a pass read and write, counted on shapes alone.

The pass runs on fake tensors, which have shapes and no contents. For each operator of ATen that it
calls, the tensors that go in are read once and those that come out are written once, as if nothing
stayed in a cache and no two operators were fused (the "compulsory" traffic of Williams, Waterman and
Patterson 2009, "Roofline", taken operator by operator). Views and what asks about shapes move
nothing. What a kernel moves inside itself is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable
from harness.measure.model_copy import copy_model

if TYPE_CHECKING:
    import torch

Prepare = Callable[..., Callable[[], object]]

# By the operators' names without overload.
ALLOCATES = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_"}
VIEWS = {"_unsafe_view", "unsafe_split", "unsafe_chunk", "set_", "_version"}  # by no schema's word
OVERWRITES = {"copy_", "fill_", "zero_", "uniform_", "normal_", "bernoulli_", "random_"}
GATHERS = {"embedding", "index", "index_select", "gather"}  # of the first tensor, what comes out


def count_traffic(model: torch.nn.Module, tensors: Sequence[torch.Tensor], prepare: Prepare) -> int:
    """Return the bytes that a pass reads and writes; nothing is computed.

    tensors: such as a batch and its targets; they are not changed. prepare(model, *tensors): is
    called with a fake copy of the model and fakes of the tensors; it returns the pass, whose
    operators are counted when it is called. What prepare itself does is not counted.

    Raises:
        NotApplicable: The pass cannot be followed on shapes alone.
    """
    try:
        return _count(model, tensors, prepare)
    except Exception as error:  # a private module of torch, or the model: it may fail in any way
        first_line = (str(error).splitlines() or [""])[0]
        raise NotApplicable(
            "the bytes that the pass moves cannot be counted on shapes alone: "
            f"{type(error).__name__}: {first_line}"
        ) from error


def _count(model: torch.nn.Module, tensors: Sequence[torch.Tensor], prepare: Prepare) -> int:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    moved = 0

    class Add(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Adds up what each operator moves."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            nonlocal moved
            result = func(*args, **(kwargs or {}))
            moved += operator_bytes(func, args, kwargs or {}, result)
            return result

    mode = FakeTensorMode()
    fake_model = copy_model(model, mode.from_tensor)
    fakes = [mode.from_tensor(tensor) for tensor in tensors]
    with mode:
        run = prepare(fake_model, *fakes)
        with Add():  # type: ignore[no-untyped-call]
            run()
    return moved


def operator_bytes(func: Any, args: Sequence[Any], kwargs: dict[str, Any], result: Any) -> int:
    """Return the bytes that one call of an operator reads and writes.

    func: the overload that was called, with its schema. A tensor that is given twice is read once;
    one that was expanded counts as what it was expanded from.
    """
    from torch.utils._pytree import tree_leaves

    name = func.name().partition("::")[2].partition(".")[0]
    if func.is_view or func.namespace == "prim" or name in ALLOCATES or name in VIEWS:
        return 0
    schema = func._schema
    made = [
        tensor
        for described, output in zip(schema.returns, _outputs(schema, result), strict=False)
        if described.alias_info is None  # else it is one that was given
        for tensor in _tensors(tree_leaves(output))
    ]
    read: dict[int, Any] = {}
    written: dict[int, Any] = {}
    for described, given in _arguments(schema, args, kwargs):
        found = {id(tensor): tensor for tensor in _tensors(tree_leaves(given))}
        writes = described.alias_info is not None and described.alias_info.is_write
        if writes:
            written |= found
        if not (writes and (name in OVERWRITES or described.is_out)):
            read |= found
    if not made and not written:  # it asks, and makes no tensor
        return 0
    if name.endswith("_like") or name.startswith("new_"):
        read = {}
    outgoing = sum(map(_bytes, made)) + sum(map(_bytes, written.values()))
    sizes = [_bytes(tensor) for tensor in read.values()]
    if name in GATHERS and sizes:
        sizes[0] = min(sizes[0], outgoing)
    return sum(sizes) + outgoing


def _outputs(schema: Any, result: Any) -> Sequence[Any]:
    return result if len(schema.returns) > 1 and isinstance(result, tuple | list) else [result]


def _arguments(
    schema: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield (its place in the schema, what was given for it)."""
    for place, described in enumerate(schema.arguments):
        if place < len(args):
            yield described, args[place]
        elif described.name in kwargs:
            yield described, kwargs[described.name]


def _tensors(leaves: Sequence[Any]) -> Iterator[torch.Tensor]:
    import torch

    return (leaf for leaf in leaves if isinstance(leaf, torch.Tensor))


def _bytes(tensor: torch.Tensor) -> int:
    """Return the bytes of a tensor's distinct elements."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return math.prod(size for size, stride in pairs if stride or not size) * tensor.element_size()

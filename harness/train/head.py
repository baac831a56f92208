"""The head of a network: the parameters that make its outputs, found by a forward pass.

Neither names nor the order in which layers were registered say what comes last; autograd's graph does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.model import DataSpaceModel
from harness.data.outputs import check_output
from harness.data.task import Task
from harness.errors import CheckpointError

# Operators that treat each number by itself (autograd's names): behind the layer that makes the outputs.
_BY_ELEMENT = {
    "Add", "Sub", "Mul", "Div", "Where", "PreluKernel", "NativeBatchNorm", "CudnnBatchNorm",
    "MiopenBatchNorm", "NativeLayerNorm", "NativeGroupNorm", "FusedRmsNorm",
}  # fmt: skip


def find_head(model: DataSpaceModel, task: Task) -> frozenset[str]:
    """Return the names, in `model.net`, of the parameters that make the outputs.

    They are those of the last product (linear, convolutional, attention ...) on each way from the
    inputs to the outputs, with the scales, biases and normalisations behind it. The model is run once, in
    eval mode, on two random examples.

    Raises:
        CheckpointError: No parameter leads to the outputs.
    """
    parameters = dict(model.net.named_parameters())
    frozen = [p for p in parameters.values() if p.is_floating_point() and not p.requires_grad]
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)
        inputs = _examples(task).requires_grad_(True)
        with torch.enable_grad():
            outputs = _run(model, inputs, task)
        found = _last_parameters(outputs, inputs, {id(p) for p in parameters.values()})
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
    names = frozenset(name for name, parameter in parameters.items() if id(parameter) in found)
    if not names:
        raise CheckpointError(
            f"the head of {type(model.net).__name__} is not known: no way leads from its inputs over a "
            "parameter to its outputs, by autograd's graph"
        )
    return names


def head_parameters(model: nn.Module, task: Task) -> list[nn.Parameter]:
    """Return the parameters that make the outputs of a model of the harness.

    Raises:
        CheckpointError: No parameter leads to the outputs.
    """
    assert isinstance(model, DataSpaceModel)
    head = find_head(model, task)
    return [parameter for name, parameter in model.net.named_parameters() if name in head]


def layers_of(head: frozenset[str]) -> list[str]:
    """Return the names of the modules that hold the parameters of a head; "" is the network itself."""
    return sorted(
        {re.sub(r"(^|\.)parametrizations\..*", "", name.rpartition(".")[0]) for name in head}
    )


def is_part(name: str, head: frozenset[str], parameters: Mapping[str, Any]) -> bool:
    """Whether a tensor of the network's state belongs to its head.

    parameters: all of the network's, by name. A buffer belongs to it (the statistics of a batch norm)
    where all parameters of its module do.
    """
    if name in parameters:
        return name in head
    for layer in layers_of(head):
        prefix = f"{layer}." if layer else ""
        within = {other for other in parameters if other.startswith(prefix)}
        if name.startswith(prefix) and within <= head:
            return True
    return False


def output_dimensions(model: DataSpaceModel, task: Task, head: frozenset[str]) -> dict[str, int]:
    """Return, for the tensors of the head's state, the dimension along which the outputs lie.

    It is tried out: with these put in another order, the outputs come in that order.

    Raises:
        CheckpointError: They do not.
    """
    parameters = dict(model.net.named_parameters())
    tensors = {
        name: tensor
        for name, tensor in model.net.state_dict().items()
        if isinstance(tensor, Tensor) and is_part(name, head, parameters)
    }
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    order = torch.arange(task.outputs).roll(1)
    inputs = _examples(task)
    with torch.no_grad():
        try:
            for tensor in tensors.values():  # a head of zeros would tell nothing
                if tensor.is_floating_point():
                    tensor.copy_(torch.rand(tensor.shape, generator=_generator()) + 0.5)
            filled = {name: tensor.clone() for name, tensor in tensors.items()}
            expected = _run(model, inputs, task)[:, order]
            for last in (False, True):
                dimensions = _dimensions(tensors, task.outputs, last)
                for name, dimension in dimensions.items():
                    tensors[name].copy_(filled[name].index_select(dimension, order))
                if dimensions and torch.allclose(_run(model, inputs, task), expected, 1e-4, 1e-6):
                    return dimensions
                for name in dimensions:
                    tensors[name].copy_(filled[name])
        finally:
            for name, tensor in tensors.items():
                tensor.copy_(kept[name])
    raise CheckpointError(
        f"the outputs of {type(model.net).__name__} are not the rows of a layer, so they cannot be put in "
        "the order of the classes"
    )


def _dimensions(tensors: Mapping[str, Tensor], outputs: int, last: bool) -> dict[str, int]:
    """Return for each tensor the first (or last) dimension that is as long as the outputs."""
    found = {}
    for name, tensor in tensors.items():
        fitting = [d for d, size in enumerate(tensor.shape) if size == outputs]
        if fitting:
            found[name] = fitting[-1 if last else 0]
    return found


def _last_parameters(outputs: Tensor, inputs: Tensor, parameters: set[int]) -> set[int]:
    """Return the ids of the parameters that are met first on each way back from the outputs."""
    data = _DataPath(inputs)
    start = outputs.grad_fn
    found: set[int] = set()
    waiting = [start] if start is not None and data.holds(start) else []
    seen = set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        following = _behind(node)
        sides = [other for other in following if not data.holds(other)]
        met = {leaf for side in sides for leaf in _leaves(side)} & parameters
        found |= met
        if not met or re.sub(r"Backward\d*$", "", node.name()) in _BY_ELEMENT:
            waiting += [other for other in following if data.holds(other)]
    return found


class _DataPath:
    """The nodes of a graph that depend on the inputs."""

    def __init__(self, inputs: Tensor) -> None:
        self._inputs = inputs
        self._known: dict[Any, bool] = {}

    def holds(self, node: Any) -> bool:
        """Whether a node depends on the inputs; found out without recursion, as graphs are deep."""
        waiting = [node]
        while waiting:
            top = waiting[-1]
            behind = _behind(top)
            unknown = [other for other in behind if other not in self._known]
            if top in self._known or not unknown:
                waiting.pop()
                is_inputs = getattr(top, "variable", None) is self._inputs
                self._known[top] = is_inputs or any(self._known[other] for other in behind)
            else:
                waiting += unknown
        return self._known[node]


def _leaves(node: Any) -> set[int]:
    """Return the ids of the leaf tensors behind a node."""
    found, waiting, seen = set(), [node], set()
    while waiting:
        top = waiting.pop()
        if top not in seen:
            seen.add(top)
            found.add(id(getattr(top, "variable", None)))
            waiting += _behind(top)
    return found


def _behind(node: Any) -> list[Any]:
    return [other for other, _ in node.next_functions if other is not None]


def _run(model: DataSpaceModel, inputs: Tensor, task: Task) -> Tensor:
    """Return the outputs in eval mode; modes and random numbers are as before."""
    modes: Sequence[tuple[nn.Module, bool]] = [(m, m.training) for m in model.modules()]
    try:
        with torch.random.fork_rng(devices=[]):
            outputs = check_output(type(model.net).__name__, task, model.eval()(inputs))
    finally:
        for module, mode in modes:
            module.training = mode
    return outputs


def _examples(task: Task) -> Tensor:
    share = torch.rand((2, *task.input_shape), generator=_generator())
    values = task.low + (task.high - task.low) * share
    return values.to(getattr(torch, task.modality_item.input_type))


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)

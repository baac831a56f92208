"""A network as a graph of operations, through which bounds are taken; what they do to a value, by their kind.

Bounds of a composition follow from those of its parts, so all that is asked of an operation is what kind it is. An
operation that is of none is refused by its name: a bound that left it out would be no proof.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from harness.api import NotApplicable
from harness.api.measuring import copy_in_float64, refusing

# Operations that never fall where an input rises: bounds go through them as they are. With the greatest slope of each.
MONOTONE_MODULES: dict[type[nn.Module], float] = {
    nn.ReLU: 1.0,
    nn.ReLU6: 1.0,
    nn.Hardtanh: 1.0,
    nn.Sigmoid: 0.25,
    nn.Tanh: 1.0,
    nn.Softplus: 1.0,
    nn.Softsign: 1.0,
    nn.Identity: 1.0,
    nn.Dropout: 1.0,
    nn.Dropout2d: 1.0,
    nn.Flatten: 1.0,
}
# Those that fall once, to their least value at a point, and rise from there: (point, greatest slope).
VALLEY_MODULES: dict[type[nn.Module], tuple[float, float]] = {
    nn.GELU: (-0.7517915, 1.1290),
    nn.SiLU: (-1.2784645, 1.0999),
    nn.Mish: (-1.1924313, 1.0885),
}
# Sums with weights of 0 or more: monotone as well, and linear.
AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
LAYER_FUNCTIONS: dict[Any, type[nn.Module]] = {
    functional.linear: nn.Linear,
    functional.conv1d: nn.Conv1d,
    functional.conv2d: nn.Conv2d,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

MONOTONE_FUNCTIONS: dict[Any, float] = {
    torch.relu: 1.0,
    functional.relu: 1.0,
    functional.relu6: 1.0,
    torch.sigmoid: 0.25,
    torch.tanh: 1.0,
    functional.dropout: 1.0,
    torch.flatten: 1.0,
}
VALLEY_FUNCTIONS: dict[Any, tuple[float, float]] = {
    functional.gelu: VALLEY_MODULES[nn.GELU],
    functional.silu: VALLEY_MODULES[nn.SiLU],
    functional.mish: VALLEY_MODULES[nn.Mish],
}
AVERAGE_FUNCTIONS = (torch.mean, functional.avg_pool2d, functional.adaptive_avg_pool2d)
MAXIMUM_FUNCTIONS = (functional.max_pool2d, torch.max_pool2d)
MONOTONE_METHODS = ("relu", "flatten", "view", "reshape", "contiguous", "squeeze", "unsqueeze")
SUMS = (operator.add, torch.add, operator.iadd)
DIFFERENCES = (operator.sub, torch.sub)
PRODUCTS = (operator.mul, torch.mul, operator.truediv, torch.div)

ABOVE_ROUNDING = 1e-4  # of logits in float32 beside those in float64, per unit of the largest


class TensorLike(ABC):
    """What stands for a tensor on the way through a graph, and is asked for its shape there."""

    @abstractmethod
    def tensor(self) -> Tensor:
        """Return a tensor of the shape."""

    @property
    def shape(self) -> torch.Size:
        """The shape of the value."""
        return self.tensor().shape

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or one of its numbers, as a tensor does."""
        return self.shape if dim is None else self.shape[dim]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        """Take torch's own layers as they are, and look into all else."""
        if isinstance(module, nn.RNNBase):  # of whatever class it is while it is trained
            return True
        kind = type(module)
        return kind.__module__.startswith("torch.nn") and not isinstance(
            module, nn.Sequential | nn.ModuleList
        )


def trace(model: nn.Module) -> fx.GraphModule:
    """Return a copy of a model in float64 as a graph of operations, on the same device.

    Raises:
        NotApplicable: Its operations depend on its inputs' values, or it cannot be copied.
    """
    return trace_itself(copy_in_float64(model).eval())


def refuse_another(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the logits ``(batch, classes)`` of a model whose graph, of which all is proved, answers as it does.

    inputs: ``(batch, *shape)``.

    Raises:
        NotApplicable: An answer is another by more than `ABOVE_ROUNDING`: the model draws numbers at each call,
            or parts of it are in training mode.
    """
    with torch.no_grad():
        logits: Tensor = model(inputs)
        apart = (trace(model)(inputs.double()) - logits).abs().amax(1)
    if not bool((apart <= rounding_of(logits)).all()):
        raise NotApplicable(
            f"logits are up to {float(apart.max()):.2g} from those of the network as it is read in evaluation mode; "
            "certificates hold for models that draw no random numbers, all parts of which are in evaluation mode"
        )
    return logits


def rounding_of(logits: Tensor) -> Tensor:
    """Return how far logits in float32 ``(batch, classes)`` may be from those in float64, ``(batch,)``."""
    return ABOVE_ROUNDING * logits.abs().amax(1).clamp_min(1.0)


def trace_itself(model: nn.Module) -> fx.GraphModule:
    """Return a model as a graph of operations with the model's own layers, so that gradients reach its parameters.

    Raises:
        NotApplicable: Its operations depend on its inputs' values.
    """
    whole = nn.Sequential(model)  # a layer alone is one operation, too
    with refusing("reading the network as a graph"):
        graph = _Tracer().trace(whole)
    read = fx.GraphModule(whole, graph)
    _put_layers(read)
    return read


def _put_layers(read: fx.GraphModule) -> None:
    """Put torch's layers where their functions are called with parameters, as by layers of classes that are not torch's.

    So what such a layer does is bounded, and if it does more than the function, that is seen in the graph.
    """
    for node in read.graph.nodes:
        kind = LAYER_FUNCTIONS.get(node.target) if node.op == "call_function" else None
        if kind is None:
            continue
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        given = dict(zip(names, node.args, strict=False)) | node.kwargs
        value, held = given.pop("input"), (given.pop("weight"), given.pop("bias", None))
        if any(one is not None and one.op != "get_attr" for one in held):
            continue  # weights that are computed
        weight, bias = (None if one is None else attrgetter(one.target)(read) for one in held)
        if not isinstance(weight, nn.Parameter):
            continue
        if kind is not nn.Linear:
            given["kernel_size"] = tuple(weight.shape[2:])
        sides = weight.shape[1] * given.get("groups", 1), weight.shape[0]
        layer: Any = kind(*sides, bias=bias is not None, device="meta", **given)
        layer.weight, layer.bias = weight, bias
        name = f"layer_{node.name}"
        read.add_submodule(name, layer)
        with read.graph.inserting_before(node):
            put = read.graph.call_module(name, (value,))
        node.replace_all_uses_with(put)
        read.graph.erase_node(node)
    read.recompile()


def valley(module: nn.Module) -> tuple[float, float] | None:
    """Return (point, slope) of an activation that falls once and then rises; None of another module."""
    if isinstance(module, nn.GELU) and module.approximate != "none":
        return None  # its least value is at another point
    return VALLEY_MODULES.get(type(module))


def slope(module: nn.Module) -> float | None:
    """Return the greatest slope of a module that never falls; None of one that may."""
    if isinstance(module, nn.LeakyReLU | nn.ELU):
        steep = module.negative_slope if isinstance(module, nn.LeakyReLU) else module.alpha
        return max(1.0, float(steep)) if steep >= 0 else None
    return MONOTONE_MODULES.get(type(module))


def affine_of_norm(module: nn.Module) -> tuple[Tensor, Tensor]:
    """Return the factor and the summand ``(channels,)`` of a batch norm in evaluation mode.

    Raises:
        NotApplicable: It has no running statistics, so its answer depends on the batch.
    """
    assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
    if module.running_mean is None or module.running_var is None:
        raise NotApplicable("a batch norm without running statistics looks at the whole batch")
    factor = (module.running_var + module.eps).rsqrt()
    if module.weight is not None:
        factor = factor * module.weight
    summand = -module.running_mean * factor
    return factor, summand if module.bias is None else summand + module.bias


def refuse(what: object) -> NotApplicable:
    """Return the error that says which operation has no bounds."""
    # A module by torch's own class: whole recurrent layers are of another one while they are trained.
    kinds = [kind for kind in type(what).__mro__ if kind.__module__.startswith("torch.nn")]
    kind = kinds[0] if kinds else type(what)
    name = what if isinstance(what, str) else getattr(what, "__name__", kind.__name__)
    return NotApplicable(
        f"no bound goes through {name}; certificates hold for linear and convolutional layers, batch norms, "
        "pooling (crown: of averages alone), sums and activations of one input"
    )

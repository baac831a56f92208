"""What a model is passed through as while inputs are searched for: a twin that computes the same sooner.

Batch norms are part of the convolutions before them, recurrent layers one node of autograd (`whole_gru`), small convolutions products
(`convolution_product`), and maps lie in the order in memory that a CPU takes soonest (`map_layout`).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from harness.data.map_layout import (
    MapLayout,
    by_channels,
    find_layout,
    is_faster_by_channels,
    is_listened_to,
    leave_gradient,
    meet_gradient,
)

if TYPE_CHECKING:
    from torch import Size, Tensor, nn

    Candidates = tuple[list[nn.Module], list[nn.Module]]  # norms, and convolutions
    Pairs = Mapping[nn.Module, nn.Module]  # of each norm its convolution

_FEW = 2  # examples that a model is looked at with
# Of the largest output, by which the two may differ on them: what is no rounding is far more.
_SAME = {"float64": 1e-6, "float32": 1e-3, "bfloat16": 0.2, "float16": 0.05}


@dataclass(frozen=True)
class _Changes:
    """What of a model is put in other words: pairs of a batch norm and its convolution, and where maps change their order.

    products: convolutions that are products of matrices.
    """

    pairs: Pairs = field(default_factory=dict)
    layout: MapLayout = field(default_factory=MapLayout)
    products: tuple[nn.Module, ...] = ()


class SearchTwins:
    """What is found once of each model, for twins of it in evaluation mode through which searches take less.

    A batch norm is a product and a sum: y = g (W x + b - m) / sqrt(v + e) + c is a convolution with other weights (Jacob et al. 2018,
    "Quantization and training of neural networks ...", section 3.2), equal but for rounding, by which answers near a boundary
    differ, in bfloat16 many: what is found is to be asked of the model itself. It counts for passes with respect to inputs alone,
    as adversaries and adversarial training take many of them with the same weights. So does a layer of gated recurrent units that is
    one node of autograd. Where a CPU is faster so, maps lie channels innermost (`harness.data.map_layout`), by which sums are rounded
    otherwise.
    """

    def __init__(self) -> None:
        """Nothing is known of any model yet."""
        self._known: WeakKeyDictionary[nn.Module, tuple[Candidates, _Changes]] = WeakKeyDictionary()

    def of(self, model: nn.Module, inputs: Tensor) -> nn.Module:
        """Return a model that computes the same with the weights and statistics of now, or the model itself where nothing is gained.

        It is for passes without gradients of weights, and shares with the model all that it does not fold, so modes and hooks too; but
        what a module around a folded layer writes to itself in a pass (a counter) the model does not see.
        The first time, and where layers have come, gone or got hooks since, the model is run with a few inputs: which batch norms
        take what a convolution gives, of which nothing else makes use, and that it is really the same.

        model: in evaluation mode. inputs: ``(batch, *shape)`` that it takes.
        """
        if not len(inputs):
            return model
        candidates = _candidates(model)
        if model not in self._known or self._known[model][0] != candidates:
            self._known[model] = candidates, _find(model, candidates, inputs.detach()[:_FEW])
        return _folded(model, self._known[model][1])


@dataclass
class _ModulesSeen:
    """What a pass shows of convolutions and batch norms."""

    calls: Counter[nn.Module]
    # By identity: who made a tensor, the tensor, and its node.
    made: dict[int, tuple[nn.Module, Tensor, object]]
    pairs: dict[nn.Module, nn.Module]

    def convolution(self, module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        self.calls[module] += 1
        self.made[id(output)] = module, output, output.grad_fn

    def norm(self, module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        self.calls[module] += 1
        for tensor in given:  # none where it is given by name
            maker, _, node = self.made.get(id(tensor), (None, None, None))
            if maker is not None and node is not None and tensor.grad_fn is node:
                self.pairs[module] = maker  # and nothing has changed the tensor in place


def _find(model: nn.Module, candidates: Candidates, inputs: Tensor) -> _Changes:
    import torch

    from harness.data.convolution_product import is_product

    norms, convolutions = candidates
    # An instance's own `forward` calls what it was made for, whatever is put in the place of its parts.
    if not convolutions or "forward" in vars(model) or not inputs.is_floating_point():
        return _Changes()
    turns = is_faster_by_channels(inputs)
    if not norms and not turns:
        return _Changes()
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    # With a graph throughout: autocast would keep weights that it cast without one, for training passes to find.
    with torch.random.fork_rng(devices), torch.enable_grad():
        output, pairs = _pairs(model, candidates, inputs.clone().requires_grad_())
        if output is None:
            return _Changes()
        layout = MapLayout()
        if turns:

            def run() -> tuple[Tensor, list[Tensor]]:
                leaf = inputs.clone().requires_grad_()
                return model(leaf), [leaf]

            layout = _unless_it_raises(lambda: find_layout(model, run)) or layout
        products = tuple(one for one, shapes in layout.shapes.items() if is_product(one, *shapes))
        for found in (_Changes(pairs, layout, products), _Changes(pairs)):
            if _is_same(model, found, inputs, output):
                return found
    return _Changes()


def _pairs(model: nn.Module, candidates: Candidates, inputs: Tensor) -> tuple[Tensor | None, Pairs]:
    """Return what the model gives, None where it is not to be compared, and of which norms the convolution can be one with them."""
    import torch

    norms, convolutions = candidates
    seen = _ModulesSeen(Counter(), {}, {})
    hooks = [one.register_forward_hook(seen.norm) for one in norms]
    hooks += [one.register_forward_hook(seen.convolution) for one in convolutions]
    try:
        output = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(output, torch.Tensor) or output.grad_fn is None:
        return None, {}
    uses = _uses(output.grad_fn)
    nodes = {module: node for module, _, node in seen.made.values()}
    return output.detach(), {
        norm: convolution
        for norm, convolution in seen.pairs.items()
        if seen.calls[norm] == seen.calls[convolution] == uses[nodes[convolution]] == 1
    }


def _is_same(model: nn.Module, found: _Changes, inputs: Tensor, expected: Tensor) -> bool:
    apart = _SAME.get(str(expected.dtype).removeprefix("torch."))
    if apart is None:
        return False
    other = _folded(model, found)
    output = (
        other(inputs) if found.layout == MapLayout() else _unless_it_raises(lambda: other(inputs))
    )
    if output is None:
        return False
    near = (output.detach() - expected).abs() <= apart * expected.abs().amax()
    return bool(near.all())


def _unless_it_raises(compute: Callable[[], Any]) -> Any:
    """Return what a model makes of maps in another order; None where it cannot take them so, whatever it says of it."""
    try:
        return compute()
    except Exception:  # a stranger's own words, such as that maps cannot be viewed as rows
        return None


def _candidates(model: nn.Module) -> Candidates:
    """Return batch norms with statistics, and convolutions, that nobody else changes or listens to."""
    from torch import nn

    plain = [module for module in model.modules() if not is_listened_to(module)]
    norms = [
        module
        for module in plain
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        and module.running_mean is not None
        and not module.training
    ]
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    return norms, [module for module in plain if type(module) in kinds]


def _uses(root: object) -> Counter[object]:
    """Return how many times the result of each node of autograd's graph is used."""
    uses: Counter[object] = Counter()
    waiting, met = [root], {root}
    while waiting:
        for node, _ in waiting.pop().next_functions:  # type: ignore[attr-defined]
            if node is None:
                continue
            uses[node] += 1
            if node not in met:
                met.add(node)
                waiting.append(node)
    return uses


def _folded(model: nn.Module, found: _Changes) -> nn.Module:
    from torch import nn

    from harness.data.whole_gru import can_be_whole, without_gradients

    made: dict[nn.Module, nn.Module] = {
        module: without_gradients(module)
        for module in model.modules()
        if can_be_whole(module) and not is_listened_to(module)
    }
    for norm, convolution in found.pairs.items():
        made[convolution] = _joined(convolution, norm)
        made[norm] = _shallow(norm, nn.Identity)  # a model may look at its weights
    for convolution, shapes in found.layout.shapes.items():
        instead = made.get(convolution, convolution)
        made[convolution] = (
            _product(instead, shapes[0]) if convolution in found.products else _turned(instead)
        )
    for convolution in found.layout.entered:
        made[convolution] = _hooked(made[convolution], "_forward_pre_hooks", leave_gradient)
    for layer in found.layout.met:
        made[layer] = _hooked(made.get(layer, layer), "_forward_hooks", meet_gradient)
    return _twin(model, made) if made else model


def _turned(convolution: nn.Module) -> nn.Module:
    """Return a convolution that returns maps with their channels innermost, whose weights lie so already."""
    turned = _shallow(convolution, type(convolution))
    weight = by_channels(convolution.weight.detach())  # type: ignore[operator]
    vars(turned)["_parameters"] = {**vars(turned)["_parameters"], "weight": weight}
    return turned


def _product(convolution: nn.Module, given: Size) -> nn.Module:
    from harness.data.convolution_product import ConvolutionProduct

    product = _shallow(convolution, ConvolutionProduct)
    vars(product)["given"] = given
    return product


def _hooked(module: nn.Module, kind: str, hook: Callable[..., Any]) -> nn.Module:
    """Return a module with one more hook, the last."""
    hooked = _shallow(module, type(module))
    vars(hooked)[kind] = OrderedDict(vars(module)[kind])
    register = "register" + kind.removesuffix("s")
    getattr(hooked, register)(hook)
    return hooked


def _joined(convolution: nn.Module, norm: nn.Module) -> nn.Module:
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    given = (convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps)
    with torch.no_grad():
        weight, bias = fuse_conv_bn_weights(*given, norm.weight, norm.bias)  # type: ignore[arg-type]
    joined = _shallow(convolution, type(convolution))
    parameters = {"weight": weight.requires_grad_(False), "bias": bias.requires_grad_(False)}
    vars(joined)["_parameters"] = parameters
    return joined


def _twin(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    """Return a module with others in the place of some of its parts; itself where it has none of them."""
    if module not in made:
        parts = vars(module)["_modules"]
        others = {key: part if part is None else _twin(part, made) for key, part in parts.items()}
        made[module] = module
        if any(others[key] is not part for key, part in parts.items()):
            made[module] = _shallow(module, type(module))
            vars(made[module])["_modules"] = others
    return made[module]


def _shallow(module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    copied: nn.Module = object.__new__(kind)
    vars(copied).update(vars(module))
    return copied

"""Whether the gradient that training follows is that of the loss: of each parameter, on one batch.

`measure.gradient_check` is asked about the loss as a function of the weights. They are moved in shares of their own size
(of a hundredth, where they are smaller), first by a thousandth at random: weights begin at 0 often, which is a kink of what
follows. Where something is wrong, halves of the parameters are asked about until the parameters are known; one whose share of
the whole gradient is less than a thousandth may escape. Of a large parameter some thousand weights are moved, drawn at
random, so that the points of a network of many millions fit into memory. Random numbers (dropout) are the same at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.catalogue.counts import list_some
from harness.catalogue.finding import Finding
from harness.data.draws import Draws
from harness.data.seeding import seed_generators
from harness.measure.gradient_check import GradientCheck, check_gradient
from harness.measure.model_copy import copy_in_float64, copy_model

if TYPE_CHECKING:
    from harness.measure.slopes import Value

Objective = Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor | None]]

MOVED = 1e-3  # of a weight's size
LEAST = 1e-2  # that a weight's size is taken for
REACH = 0.16  # sizes of a weight, of which `gradient_check.FAR` is taken: a hundredth
FINE = 1e-3  # of the slope, in float64
ENTRIES = 2**14  # weights of a parameter that are moved


@dataclass(frozen=True)
class WeightCheck:
    """What was found of the gradient of the weights.

    check: of all together. wrong: the parameters whose gradient is wrong. asked: how many there are. said: what was left out,
    and why; "" where nothing was.
    """

    check: GradientCheck
    wrong: tuple[str, ...]
    asked: int
    said: str = ""

    def words(self) -> str:
        """Return what is wrong in words; "" where nothing is."""
        if not self.wrong:
            return ""
        names = list_some(self.wrong)
        return (
            f"the gradient of {len(self.wrong)} of {self.asked} parameters ({names}) is not the loss's: "
            f"{100 * min(self.check.wrong, 99.0):.1f} % of the slope of all is wrong or missing"
        )


def check_weights(
    model: nn.Module, objective: Objective, inputs: Tensor, targets: Tensor, draws: Draws
) -> WeightCheck | None:
    """Compare the gradient of a loss with its differences, of a copy of the model; None where nothing is trained.

    Looked at in float64; far alone, in float32, where model or objective do not take that. An objective in whose loss
    something is held on purpose (a teacher, a target made of its own outputs) is wrong by this measure.

    objective(model, inputs, targets, draws) -> (loss, logits). inputs ``(batch, *shape)``, targets ``(batch,)``.

    Raises:
        NotApplicable: The model cannot be copied.
    """
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not names:
        return None
    batch = (inputs, targets, draws)
    said = ""
    try:
        double = (inputs.double(), _double(targets), draws)
        loss = _Loss(copy_in_float64(model), objective, double, names)
        loss.value(names)(torch.zeros(1, 1, loss.count(names), dtype=torch.float64))
        exact = True
    except Exception as error:  # whatever code raises that relies on float32
        first_line = (str(error).splitlines() or [""])[0]
        said = f"it cannot be cast to float64: {type(error).__name__}: {first_line}"
        loss, exact = _Loss(copy_model(model), objective, batch, names), False

    def check(some: Sequence[str]) -> GradientCheck:
        value = loss.value(some)
        point = torch.zeros(1, loss.count(some), dtype=loss.dtype, device=inputs.device)
        return check_gradient(
            value, point, exact=value if exact else None, width=REACH, tolerance=FINE
        )

    found = check(names)
    wrong = () if found.agrees else tuple(_search(names, check))
    return WeightCheck(found, wrong, len(names), said)


def find_wrong_weights(found: WeightCheck | None) -> list[Finding]:
    """Say which parameters were trained by a gradient that is not the loss's."""
    if found is None or not found.wrong:
        return []
    words, said = found.words(), f" ({found.said}.)" if found.said else ""
    return [
        Finding(
            code="wrong-weight-gradients",
            sentence=f"On the first batch of training {words}.{said}",
            advice="Look for detach, no_grad, a custom function or a parametrization between these parameters and the loss; "
            "if something is held on purpose, such as a teacher's answers, leave check_gradients out of the recipe.",
            numbers={"parameters": len(found.wrong), "wrong": min(found.check.wrong, 1e9)},
            flag="trained by a gradient that is not the loss's",
        )
    ]


def _search(names: Sequence[str], check: Callable[[Sequence[str]], GradientCheck]) -> list[str]:
    """Return those of parameters, of which something is wrong, that it is wrong of: by halving."""
    if len(names) == 1:
        return list(names)
    middle = len(names) // 2
    halves = [half for half in (names[:middle], names[middle:]) if not check(half).agrees]
    return [name for half in halves for name in _search(half, check)] or list(names)


class _Loss:
    """The loss of a batch as a function of the weights of a model of its own."""

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        batch: tuple[Tensor, Tensor, Draws],
        names: Sequence[str],
    ) -> None:
        self.model, self.objective, self.batch = model, objective, batch
        parameters = dict(model.named_parameters())
        draw = torch.Generator().manual_seed(0)
        self.sizes, self.weights = dict[str, float](), dict[str, Tensor]()
        self.places = dict[str, Tensor]()  # of the weights that are moved
        for name in names:
            weight = parameters[name].detach()
            size = max(float(weight.double().square().mean().sqrt()), LEAST)
            noise = torch.randn(weight.shape, generator=draw).to(weight)
            self.sizes[name] = size
            self.weights[name] = weight + MOVED * size * noise
            few = torch.arange(weight.numel())
            if len(few) > ENTRIES:
                few = torch.randint(0, len(few), (ENTRIES,), generator=draw)
            self.places[name] = few.to(weight.device)
        self.dtype = self.weights[names[0]].dtype

    def count(self, names: Sequence[str]) -> int:
        """Return how many weights of some parameters are moved."""
        return sum(len(self.places[name]) for name in names)

    def value(self, names: Sequence[str]) -> Value:
        """Return the loss as a function of the changes ``(k, 1, weights)`` of some parameters, in their sizes."""

        def one(changes: Tensor) -> Tensor:
            weights, start = dict(self.weights), 0
            for name in names:
                weight, places = self.weights[name], self.places[name]
                change = self.sizes[name] * changes[start : start + len(places)]
                moved = weight.reshape(-1).index_add(0, places, change.to(weight.dtype))
                weights[name] = moved.view_as(weight)
                start += len(places)
            devices = [weight.device] if weight.is_cuda else []
            with torch.random.fork_rng(devices=devices):
                seed_generators(0)
                with torch.enable_grad():  # which a search inside the objective relies on
                    loss, _ = self.objective(_At(self.model, weights), *self.batch)
            return loss.reshape(1) if torch.is_grad_enabled() else loss.detach().reshape(1)

        return lambda points: torch.stack([_alone(point[0], one) for point in points])


def _alone(point: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    found: Tensor = _Alone.apply(point, loss)  # type: ignore[no-untyped-call]
    return found


class _Alone(torch.autograd.Function):
    """A loss whose graph is made as its gradient is asked for, so that graphs of many points never live at once."""

    @staticmethod
    def forward(context: Any, point: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        context.save_for_backward(point)
        context.loss = loss
        return loss(point).detach()

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, None]:
        (point,) = context.saved_tensors
        leaf = point.detach().requires_grad_()
        with torch.enable_grad():
            loss = context.loss(leaf)
        if not loss.requires_grad:
            return None, None
        return torch.autograd.grad(loss, leaf, slope, allow_unused=True)[0], None


class _At(nn.Module):
    """A model at other weights; its buffers are left as they are."""

    def __init__(self, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.model, self.training = model, model.training
        self._weights = weights

    def forward(self, *inputs: Any) -> Any:
        buffers = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        return torch.func.functional_call(self.model, {**buffers, **self._weights}, inputs)


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor

"""Networks with one fault each in their gradient, or none although one might think so."""

from collections.abc import Callable
from typing import Any

import torch
from measure_cases import CLASSES, SIDE, image_examples, train
from torch import Tensor, nn
from torch.nn import functional

Step = Callable[[Tensor], Tensor]


class TwoPaths(nn.Module):
    """``0.3 skip(x) + b(relu(middle(a(x))))``: a fault in `a` or behind it leaves the gradient of the other path."""

    def __init__(self, first: Step = lambda x: x, middle: Step = lambda x: x) -> None:
        super().__init__()
        self.skip = nn.Linear(SIDE * SIDE, CLASSES)
        self.a = nn.Linear(SIDE * SIDE, 64)
        self.b = nn.Linear(64, CLASSES)
        self.first, self.middle = first, middle

    def forward(self, images: Tensor) -> Tensor:
        flat = self.first(images).flatten(1)
        return 0.3 * self.skip(flat) + self.b(torch.relu(self.middle(self.a(flat))))


class DynamicInt8(nn.Linear):
    """A layer whose input is rounded to 8 bits, one scale a row, and gets no gradient."""

    def forward(self, rows: Tensor) -> Tensor:
        scale = rows.detach().abs().amax(-1, keepdim=True).clamp_min(1e-9) / 127
        rounded = (rows.detach() / scale).round() * scale
        return functional.linear(rounded, self.weight, self.bias)


class WeightOnlyInt8(nn.Linear):
    """A layer whose weights alone are rounded to 8 bits, one scale a row: its input has its gradient."""

    def forward(self, rows: Tensor) -> Tensor:
        scale = self.weight.detach().abs().amax(1, keepdim=True) / 127
        return functional.linear(rows, (self.weight / scale).round() * scale, self.bias)


class WithBackward(torch.autograd.Function):
    """The identity, with a backward of one's own: ``backward(gradient, inputs)``."""

    @staticmethod
    def forward(context: Any, inputs: Tensor, backward: Callable[..., Tensor]) -> Tensor:
        context.save_for_backward(inputs)
        context.own = backward
        return inputs.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return context.own(gradient, *context.saved_tensors), None


def backwards(function: Callable[..., Tensor]) -> Step:
    return lambda x: WithBackward.apply(x, function)


def straight_through(levels: int) -> Step:
    return lambda x: x + ((x * levels).round() / levels - x).detach()


def noisy(gradient: Tensor, inputs: Tensor) -> Tensor:
    return gradient + gradient.std() * torch.randn_like(gradient)


class Jpeg(nn.Module):
    """Cosines of a whole image, rounded to steps of a 64th, and back; straight: rounding passes gradients on."""

    def __init__(self, straight: bool) -> None:
        super().__init__()
        n = torch.arange(SIDE, dtype=torch.float32)
        basis = torch.cos(torch.pi * (n[None] + 0.5) * n[:, None] / SIDE)
        basis[0] /= 2**0.5
        self.register_buffer("basis", basis * (2 / SIDE) ** 0.5)
        self.straight = straight

    def forward(self, images: Tensor) -> Tensor:
        cosines = self.basis @ images @ self.basis.T
        rounded = (64 * cosines).round() / 64
        if self.straight:
            rounded = cosines + (rounded - cosines).detach()
        return self.basis.T @ rounded @ self.basis


class HardAttention(nn.Module):
    """The six brightest pixels alone, chosen without a derivative; their values have theirs."""

    def forward(self, images: Tensor) -> Tensor:
        flat = images.flatten(1)
        least = flat.topk(6, dim=1).values[:, -1:].detach()
        return (flat * (flat >= least)).view_as(images)


class Routed(nn.Module):
    """Which of two networks answers is chosen by an arg-max."""

    def __init__(self, one: nn.Module, other: nn.Module) -> None:
        super().__init__()
        self.gate = nn.Linear(SIDE * SIDE, 2)
        self.one, self.other = one, other

    def forward(self, images: Tensor) -> Tensor:
        first = self.gate(images.flatten(1)).argmax(1, keepdim=True) == 0
        return torch.where(first, self.one(images), self.other(images))


class Masked(nn.Module):
    """Attention over an image's rows, the queries of three of which may look nowhere, by a finite mask."""

    def __init__(self, hidden: float) -> None:
        super().__init__()
        self.inside, self.out = nn.Linear(SIDE, 3 * 16), nn.Linear(SIDE * 16, CLASSES)
        mask = torch.zeros(SIDE, SIDE)
        mask[:3] = hidden
        self.register_buffer("mask", mask)

    def forward(self, images: Tensor) -> Tensor:
        query, key, value = self.inside(images[:, 0]).chunk(3, -1)
        mixed = functional.scaled_dot_product_attention(
            query[:, None], key[:, None], value[:, None], attn_mask=self.mask
        )
        return self.out(mixed.flatten(1))


class Cached(nn.Module):
    """Keeps what it computed of its weights, with the graph, from its first call on."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(CLASSES, SIDE * SIDE))
        self.kept: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        if self.kept is None or self.training:
            self.kept = self.weight / self.weight.norm().clamp_min(1.0)
        return 4 * functional.linear(images.flatten(1), self.kept)


class KeepsItsInput(nn.Module):
    """Computes a part of its features once, without a gradient: under inference_mode."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside, self.out = inside, nn.Linear(SIDE * SIDE, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        with torch.inference_mode():
            features = self.inside(images)
        return self.out(images.flatten(1)) + features.clone()


def trained(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model, trained on bright rows and columns."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
        return train(model, image_examples(90), functional.cross_entropy)


def with_layer(model: nn.Module, layer: type[nn.Linear]) -> nn.Module:
    """The model with another sort of layer for `a`, and the same weights."""
    made = layer(SIDE * SIDE, 64)
    made.load_state_dict(model.a.state_dict())
    model.a = made
    return model


def of_whole(whole: nn.Module, **steps: Step) -> TwoPaths:
    """Another network with the weights of one."""
    made = TwoPaths(**steps)
    made.load_state_dict(whole.state_dict(), strict=False)
    return made.eval()

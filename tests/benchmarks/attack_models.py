"""Trained models at 3 x 32 x 32 to attack: a small CNN and small vision transformers, on real digits."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

TRAINED = 797  # the other 1,000 are attacked


class Cnn(nn.Module):
    """Four convolutions with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after, stride in ((3, 16, 2), (16, 32, 1), (32, 32, 2), (32, 64, 2)):
            layers += [
                nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 10))

    def forward(self, images: Tensor) -> Tensor:
        return self.body((images - 0.3) / 0.4)


class Vit(nn.Module):
    """Two blocks of width 48 on 64 patches of 4 pixels."""

    def __init__(self, side: int = 4, width: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, side, side)
        self.place = nn.Parameter(0.02 * torch.randn(1, (32 // side) ** 2, width))
        block = nn.TransformerEncoderLayer(
            width, 4, 2 * width, 0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches((images - 0.3) / 0.4).flatten(2).transpose(1, 2)
        return self.head(self.blocks(tokens + self.place).mean(1))


class SmallVit(Vit):
    """Two blocks of width 32 on 16 patches of 8 pixels."""

    def __init__(self) -> None:
        super().__init__(side=8, width=32)


@functools.lru_cache
def digits() -> tuple[Tensor, Tensor]:
    """All 1,797 digits, enlarged, in colour: ``(1797, 3, 32, 32)`` in [0, 1], and their classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    large = functional.interpolate(images, size=32, mode="bilinear", align_corners=False)
    return large.expand(-1, 3, -1, -1)[order].contiguous(), torch.tensor(data.target)[order]


@functools.lru_cache
def trained(make: type[nn.Module], epochs: int = 12, epsilon: float = 0.0) -> nn.Module:
    """Train on the first digits; with an epsilon on examples from one FGSM step, from a random start."""
    images, targets = (part[:TRAINED] for part in digits())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make()
        optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, epochs * 13)
        for _ in range(epochs):
            for batch in torch.randperm(TRAINED).split(64)[:13]:
                x, y = images[batch], targets[batch]
                if epsilon:
                    start = x + epsilon * (2 * torch.rand_like(x) - 1)
                    leaf = start.clamp(0, 1).requires_grad_()
                    (slope,) = torch.autograd.grad(functional.cross_entropy(model(leaf), y), leaf)
                    moved = leaf.detach() + 1.25 * epsilon * slope.sign()
                    x = moved.clamp(x - epsilon, x + epsilon).clamp(0, 1)
                optimizer.zero_grad()
                functional.cross_entropy(model(x), y).backward()
                optimizer.step()
                schedule.step()
        optimizer.zero_grad(set_to_none=True)
    return model.eval()


def correct_examples(model: nn.Module, count: int) -> tuple[Tensor, Tensor]:
    """The first so many test digits that a model gets right."""
    images, targets = (part[TRAINED:] for part in digits())
    with torch.no_grad():
        right = model(images).argmax(1) == targets
    return images[right][:count], targets[right][:count]


class Counting(nn.Module):
    """Counts the examples that pass forward and back, through a twin with folded norms too."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.counts = {"forwards": 0, "backwards": 0}  # one for all twins

    @property
    def forwards(self) -> int:
        return self.counts["forwards"]

    @property
    def backwards(self) -> int:
        return self.counts["backwards"]

    def forward(self, inputs: Tensor) -> Tensor:
        self.counts["forwards"] += len(inputs)
        logits = self.inner(inputs)
        if logits.requires_grad:
            logits.register_hook(self.back)
        return logits

    def back(self, gradient: Tensor) -> None:
        self.counts["backwards"] += len(gradient)

    @property
    def evaluations(self) -> int:
        return self.forwards + self.backwards

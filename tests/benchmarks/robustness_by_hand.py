"""The suite `robustness`, one seed, as a person who knows torch would write it: no harness, none of its networks, one file.

Torch loops train 25 networks on scikit-learn's digits, torchattacks attacks them (all correct examples in one batch, a restart on
those that still stand), scipy and numpy shift the test images, and every network judges what was made on every other.
Two processes of one thread share the trials, the slowest first. The networks are the suite's, written out in torch's own layers,
so that both compute the same. `python tests/benchmarks/robustness_by_hand.py FILE` writes the table as JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchattacks
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

SHAPE, CLASSES = (1, 8, 8), 10
RECIPES = ("trades", "pgd-at", "fast-at", "noise", "standard")
BALLS = {"linf": (3 / 16, 2 / 16, 1 / 16), "l2": (1.0, 0.5)}
TRAINED_IN, STEPS, RESTARTS = 2 / 16, 40, 2
TRANSFERRED_IN, TRANSFER_STEPS = 2 / 16, 20

Examples = tuple[Tensor, Tensor]


def mlp() -> nn.Module:
    """Return two hidden layers of 128 units."""
    hidden = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(128, CLASSES))


def lenet() -> nn.Module:
    """Return LeNet-5 with rectifiers and maxima, 16 and 32 maps."""
    maps = [nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    maps += [nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    linear = [nn.Linear(128, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, CLASSES)]
    return nn.Sequential(*maps, *linear)


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, given: int, channels: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(given, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Sequential()
        if given != channels:
            convolution = nn.Conv2d(given, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.branch(maps) + self.shortcut(maps))


def resnet() -> nn.Module:
    """Return a residual network of three blocks, 16 to 64 channels, 8 x 8 and then 4 x 4 pixels."""
    stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 1)]
    end = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES)]
    model = nn.Sequential(*stem, *blocks, *end)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


class Attention(nn.Module):
    """Self-attention of four heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        packed = self.qkv(tokens).reshape(batch, count, 3, 4, width // 4)
        mixed = functional.scaled_dot_product_attention(*packed.permute(2, 0, 3, 1, 4).unbind())
        return self.output(mixed.transpose(1, 2).reshape(tokens.shape))


class TransformerBlock(nn.Module):
    """Attention and an MLP, norms first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width)
        hidden = nn.Linear(width, 2 * width)
        self.norm2, self.mlp = (
            nn.LayerNorm(width),
            nn.Sequential(hidden, nn.GELU(), nn.Linear(2 * width, width)),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Vit(nn.Module):
    """Three blocks over 16 patches; the head reads the mean of their tokens."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.positions = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 16, width), std=0.5))
        self.patches = nn.Conv2d(1, width, 2, 2)
        self.blocks = nn.Sequential(*(TransformerBlock(width) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(tokens)).mean(1))


class Gru(nn.Module):
    """Reads an image row by row, from both ends; the head reads the mean of the states."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(SHAPE[-1], 64, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.recurrent(images[:, 0])[0].mean(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {  # the slowest first
    "vit": Vit,
    "resnet": resnet,
    "gru": Gru,
    "lenet": lenet,
    "mlp": mlp,
}


class Network(nn.Module):
    """A network behind the normalisation of its training data."""

    def __init__(self, name: str, images: Tensor) -> None:
        super().__init__()
        self.net = NETWORKS[name]()
        self.register_buffer("mean", images.mean())
        self.register_buffer("std", images.std())

    def forward(self, images: Tensor) -> Tensor:
        return self.net((images - self.mean) / self.std)


def digits() -> dict[str, Examples]:
    """Training, validation and test digits, 60, 20 and 20 %: ``(examples, 1, 8, 8)`` in [0, 1], and classes."""
    images, classes = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).astype("float32") / 16
    x, x_test, y, y_test = train_test_split(
        images, classes, test_size=359, stratify=classes, random_state=0
    )
    x, x_val, y, y_val = train_test_split(x, y, test_size=359, stratify=y, random_state=0)
    parts = {"train": (x, y), "validation": (x_val, y_val), "test": (x_test, y_test)}
    return {name: (torch.tensor(x), torch.tensor(y)) for name, (x, y) in parts.items()}


def ascend(loss: Callable[[Tensor], Tensor], x: Tensor, start: Tensor, steps: int, size: float):
    """Projected gradient ascent in the ball in which networks are trained."""
    for _ in range(steps):
        start = start.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(start), start)
        moved = start.detach() + size * gradient.sign()
        start = (x + (moved - x).clamp(-TRAINED_IN, TRAINED_IN)).clamp(0, 1)
    return start.detach()


def divergence(clean: Tensor, attacked: Tensor) -> Tensor:
    """The sum over the batch of KL(p(clean) || p(attacked))."""
    return functional.kl_div(
        attacked.log_softmax(1), clean.log_softmax(1), reduction="sum", log_target=True
    )


def batch_loss(model: nn.Module, recipe: str, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a batch under a recipe."""
    if recipe == "standard":
        return functional.cross_entropy(model(x), y)
    if recipe == "noise":
        return functional.cross_entropy(model((x + 0.1 * torch.randn_like(x)).clamp(0, 1)), y)
    model.eval()
    if recipe == "trades":
        fixed = model(x).detach()
        start = x + 1e-3 * torch.randn_like(x)
        found = ascend(lambda at: divergence(fixed, model(at)), x, start, 5, TRAINED_IN / 2)
    else:
        start = (x + TRAINED_IN * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
        steps, size = (5, TRAINED_IN / 2) if recipe == "pgd-at" else (1, 1.25 * TRAINED_IN)
        found = ascend(lambda at: functional.cross_entropy(model(at), y), x, start, steps, size)
    model.train()
    if recipe != "trades":
        return functional.cross_entropy(model(found), y)
    logits = model(x)
    return functional.cross_entropy(logits, y) + 6 * divergence(logits, model(found)) / len(x)


def train(name: str, recipe: str, data: dict[str, Examples], epochs: int) -> nn.Module:
    """Train a network; its accuracy on validation is printed."""
    torch.manual_seed(0)
    x, y = data["train"]
    model = Network(name, x)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2, fused=True)
    steps = epochs * -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, steps)
    for epoch in range(epochs):
        model.train()
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            batch_loss(model, recipe, x[batch], y[batch]).backward()
            optimizer.step()
            schedule.step()
        model.eval()
        share = float(correct(model, *data["validation"]).float().mean())
        print(f"{name} {recipe}, epoch {epoch + 1}: {share:.3f}", flush=True)
    return model.requires_grad_(False)


@torch.no_grad()
def correct(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return model(x).argmax(1) == y


def withstand(model: nn.Module, x: Tensor, y: Tensor, attack: Any, restarts: int = 1) -> Tensor:
    """Which examples are correct before and after a torchattacks attack: ``(examples,)`` bool."""
    stands = correct(model, x, y)
    for _ in range(restarts):
        (rows,) = stands.nonzero(as_tuple=True)
        if len(rows):
            stands[rows] = correct(model, attack(x[rows], y[rows]), y[rows])
    return stands


def attacks(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Who stands under each attack in each ball, by "attack norm epsilon"."""
    found = {}
    for epsilon in BALLS["linf"]:
        fgsm = torchattacks.FGSM(model, eps=epsilon)
        pgd = torchattacks.PGD(model, eps=epsilon, alpha=epsilon / 4, steps=STEPS)
        found[f"fgsm linf {epsilon}"] = withstand(model, x, y, fgsm)
        found[f"pgd linf {epsilon}"] = withstand(model, x, y, pgd, RESTARTS)
    for epsilon in BALLS["l2"]:
        pgd = torchattacks.PGDL2(model, eps=epsilon, alpha=epsilon / 4, steps=STEPS)
        found[f"pgd l2 {epsilon}"] = withstand(model, x, y, pgd, RESTARTS)
    return found


def shifted(images: np.ndarray) -> dict[str, Tensor]:
    """The test images under four shifts at five severities."""
    random = np.random.default_rng(0)
    noise, side = random.standard_normal(images.shape), random.choice([-1, 1], len(images))
    found = {}
    for k in range(5):
        turned = [
            ndimage.rotate(image[0], angle, reshape=False, order=1, mode="nearest")[None]
            for image, angle in zip(images, side * 6 * (k + 1), strict=True)
        ]
        mean = images.mean((2, 3), keepdims=True)
        sigma = (0.4, 0.6, 0.7, 0.8, 1.0)[k] * 8 / 32
        each = {
            "gaussian_noise": images + (0.04, 0.06, 0.08, 0.09, 0.10)[k] * noise,
            "blur": ndimage.gaussian_filter(images, (0, 0, sigma, sigma), mode="nearest"),
            "contrast": mean + (0.75, 0.5, 0.4, 0.3, 0.15)[k] * (images - mean),
            "rotate": np.stack(turned),
        }
        for name, made in each.items():
            found[f"{name} {k + 1}"] = torch.tensor(made.clip(0, 1).astype("float32"))
    return found


def trial(given: tuple[str, str, int]) -> tuple[str, dict[str, Tensor], dict[str, float]]:
    """Train a network, and look at it in every way: its name, its weights and its row."""
    name, recipe, epochs = given
    torch.set_num_threads(1)
    data = digits()
    model = train(name, recipe, data, epochs)
    x, y = data["test"]
    row = {key: float(stands.float().mean()) for key, stands in attacks(model, x, y).items()}
    row["accuracy"] = float(correct(model, x, y).float().mean())
    for key, images in shifted(x.numpy()).items():
        row[key] = float(correct(model, images, y).float().mean())
    return f"{name} {recipe}", model.state_dict(), row


def rebuilt(title: str, weights: dict[str, Tensor], images: Tensor) -> nn.Module:
    model = Network(title.split()[0], images)
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False)


def made_on(given: tuple[str, dict[str, Tensor]]) -> tuple[str, Tensor]:
    """The test images as PGD made them on one network, of those that it has right."""
    torch.set_num_threads(1)
    title, weights = given
    data = digits()
    model, (x, y) = rebuilt(title, weights, data["train"][0]), data["test"]
    attack = torchattacks.PGD(
        model, eps=TRANSFERRED_IN, alpha=TRANSFERRED_IN / 4, steps=TRANSFER_STEPS
    )
    right = correct(model, x, y)
    made = x.clone()
    made[right] = attack(x[right], y[right])
    return title, made


def table(networks: list[str], recipes: list[str], epochs: int) -> dict[str, dict[str, float]]:
    """A row for each network and recipe."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        trials = [(*pair, epochs) for pair in itertools.product(networks, recipes)]
        done = pool.map(trial, trials, chunksize=1)
        made = dict(
            pool.map(made_on, [(title, weights) for title, weights, _ in done], chunksize=1)
        )
    torch.set_num_threads(1)
    data = digits()
    rows = {}
    for title, weights, row in done:
        model, (x, y) = rebuilt(title, weights, data["train"][0]), data["test"]
        right = correct(model, x, y)
        for source, images in made.items():
            row[f"made on {source}"] = float((right & correct(model, images, y)).float().mean())
        rows[title] = row
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES))
    parser.add_argument("--epochs", type=int, default=20)
    asked = parser.parse_args()
    found = table(asked.networks, asked.recipes, asked.epochs)
    asked.file.write_text(json.dumps(found, indent=1))

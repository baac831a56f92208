"""Two small networks on real digits, one of them robust, and APGD by the name of its loss."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from harness_attacks import apgd
from harness_attacks.active_batch import SearchResult
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.options import ApgdOptions, ApgdTOptions

NORMS = ("linf", "l2", "l1")
KINDS = ("ce", "dlr", "t")
EPSILON = {False: {"linf": 0.09, "l2": 0.45, "l1": 1.2}, True: {"linf": 0.14, "l2": 0.6, "l1": 1.5}}


def small_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )


def all_digits() -> tuple[Tensor, Tensor]:
    data = load_digits()
    return torch.from_numpy(data.images).float()[:, None] / 16, torch.from_numpy(data.target)


def train(robust: bool) -> nn.Module:
    """A small CNN, robust by steps of FGSM or not."""
    images, classes = all_digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = small_cnn()
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(10):
            for rows in torch.randperm(1200).split(60):
                x, y = images[rows], classes[rows]
                if robust:
                    delta = (0.2 * torch.rand_like(x) - 0.1).requires_grad_()
                    (slope,) = torch.autograd.grad(
                        functional.cross_entropy(model(x + delta), y), delta
                    )
                    x = (x + (delta.detach() + 0.12 * slope.sign()).clamp(-0.1, 0.1)).clamp(0, 1)
                optimizer.zero_grad()
                functional.cross_entropy(model(x), y).backward()
                optimizer.step()
    return model.eval().requires_grad_(False)


def known(model: nn.Module) -> tuple[nn.Module, Tensor, Tensor]:
    """A network with 400 test digits, and their classes, that it knows."""
    images, classes = all_digits()
    right = model(images[1200:]).argmax(1) == classes[1200:]
    return model, images[1200:][right][:400], classes[1200:][right][:400]


def climb(problem: AttackProblem, kind: str, **settings: object) -> SearchResult:
    if kind == "t":
        return apgd.climb_targeted(problem, ApgdTOptions(**settings))
    return apgd.climb(problem, kind, ApgdOptions(**settings))

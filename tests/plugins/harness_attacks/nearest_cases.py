"""Attacks that look for the nearest perturbation, and inputs with many coordinates at the box's edge."""

from functools import partial

import torch
from torch import nn

from harness_attacks import cw_l2, deepfool, fmn
from harness_attacks.options import CwL2Options, DeepFoolOptions, FmnOptions

FAST_CW = CwL2Options(steps=20, learning_rate=0.05, binary_search_steps=4)
NEAREST = {
    **{
        ("deepfool", norm): partial(deepfool.perturb, options=DeepFoolOptions(steps=20))
        for norm in ("linf", "l2")
    },
    ("cw-l2", "l2"): partial(cw_l2.perturb, options=FAST_CW),
    **{
        ("fmn", norm): partial(fmn.perturb, options=FmnOptions(steps=20))
        for norm in ("linf", "l2", "l1", "l0")
    },
}


class Recorder(nn.Module):
    """A model that keeps the inputs that it was asked about."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.asked = inner, []
        self.eval()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.asked.append(inputs.detach().clone())
        return self.inner(inputs)


def distances(
    model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, found: torch.Tensor, norm: str
) -> torch.Tensor:
    """The norm of each perturbation, and infinity where the example still stands: ``(batch,)``."""
    delta = (found - inputs).flatten(1)
    order = {"linf": torch.inf, "l2": 2, "l1": 1, "l0": 0}[norm]
    with torch.no_grad():
        stands = model(found).argmax(1) == targets
    return torch.linalg.vector_norm(delta, order, dim=1).masked_fill(stands, torch.inf)


def strokes(count: int = 60) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A network trained on bright strokes on black, most coordinates exactly 0 or 1; who it gets right."""
    generator = torch.Generator().manual_seed(5)
    targets = torch.arange(count) % 4
    inputs = torch.zeros(count, 1, 8, 8)
    for index, target in enumerate(targets.tolist()):
        place = int(torch.randint(1, 7, (1,), generator=generator))
        line = inputs[index, 0] if target < 2 else inputs[index, 0].T
        line[place] = 1.0
        if target % 2:
            line[:, place] = 0.6
            line[max(0, place - 3) : place, 0] = 1.0
    noise = 0.2 * torch.rand(inputs.shape, generator=generator)
    sprinkled = torch.rand(inputs.shape, generator=generator) < 0.2
    inputs = torch.where(sprinkled, (inputs + noise - 0.1).clamp(0, 1), inputs)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 4)
        )
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(60):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    model.requires_grad_(False).eval()
    right = model(inputs).argmax(1) == targets
    return model, inputs[right], targets[right]

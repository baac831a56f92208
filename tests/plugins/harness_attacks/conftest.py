"""A trained network and its examples, made once."""

from pathlib import Path

import pytest
import torch
from apgd_cases import known, small_cnn, train
from attack_cases import Net, make_examples
from made_once import made_once
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


@pytest.fixture(scope="session")
def examples() -> tuple[torch.Tensor, torch.Tensor]:
    return make_examples()


@pytest.fixture(scope="session")
def net(examples: tuple[torch.Tensor, torch.Tensor]) -> Net:
    inputs, targets = examples
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Net()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(30):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return model.eval()


@pytest.fixture(scope="session")
def right(
    net: Net, examples: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Those that the network gets right; no coordinate is near the edge of the box."""
    inputs, targets = examples
    kept = net(inputs).argmax(1) == targets
    return inputs[kept], targets[kept]


@pytest.fixture(scope="session")
def digits(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[bool, tuple[nn.Module, Tensor, Tensor]]:
    """Return {robust: (network, images, classes)}; one worker trains the networks."""
    folder = made_once(tmp_path_factory, "digits", _train)
    found = {}
    for robust in (False, True):
        model = small_cnn()
        model.load_state_dict(load_file(_weights(folder, robust)))
        found[robust] = known(model.eval().requires_grad_(False))
    return found


def _train(folder: Path) -> None:
    for robust in (False, True):
        save_file(train(robust).state_dict(), _weights(folder, robust))


def _weights(folder: Path, robust: bool) -> Path:
    return folder / ("robust.safetensors" if robust else "plain.safetensors")

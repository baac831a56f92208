"""A trained network and its examples, made once."""

import pytest
import torch
from apgd_cases import train
from attack_cases import Net, make_examples
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
def digits() -> dict[bool, tuple[nn.Module, Tensor, Tensor]]:
    """Return {robust: (network, images, classes)}."""
    return {robust: train(robust) for robust in (False, True)}

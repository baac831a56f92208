"""A small vision transformer with random weights."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from harness_architectures.options import VitOptions
from harness_architectures.vit import Vit


@pytest.fixture
def small_vit() -> Callable[..., nn.Module]:
    def make(shape: tuple[int, int, int] = (1, 8, 8), **options: Any) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            chosen = VitOptions(dim=16, depth=2, heads=2, patch=2, **options)
            model = Vit(shape, 3, 2, chosen).eval()
            for parameter in model.parameters():  # attention that is not flat
                torch.nn.init.normal_(parameter, std=0.4)
            return model

    return make

"""Small models of tokens: one whose margin is a sum over places, one that is not, and a bag of words."""

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws, TextCode

LETTERS = TextCode(by="characters", things=("", "\ufffd", *"abcdefgh"), padding=0, unknown=1)
WINDOWS = TextCode(by="characters", things=("a", *"bcdefghijk"))
LENGTH = 7
SURE = {"linear": 1.0, "placed": 1.0, "bag": 1.0, "shares": 0.6, "deep": 0.6}


def rows(count: int = 40, seed: int = 0, code: TextCode = LETTERS) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if code.padding is None:
        return torch.randint(0, code.size, (count, LENGTH), generator=generator)
    found = torch.randint(2, code.size, (count, LENGTH), generator=generator)
    ends = torch.randint(2, LENGTH + 1, (count, 1), generator=generator)
    return found.masked_fill(torch.arange(LENGTH) >= ends, 0)


def budget(edits: float, code: TextCode | None = LETTERS) -> Budget:
    high = LETTERS.size - 1 if code is None else code.size - 1
    return Budget("edits", edits, 0.0, float(high), code)


def draws(count: int) -> Draws:
    return Draws(1, torch.arange(count))


class Bag(nn.Module):
    """How often each thing comes, a layer without children that makes a sum over places."""

    def __init__(self, things: int) -> None:
        super().__init__()
        self.things = things

    def forward(self, inputs: Tensor) -> Tensor:
        shares = torch.zeros(len(inputs), self.things)
        return shares.scatter_add_(1, inputs, torch.ones_like(inputs, dtype=shares.dtype))


class Shares(nn.Module):
    """A number for each place, without a table."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.float() / 7 - 0.5


class Placed(nn.Module):
    """Embeddings of places, which are made first, and of things."""

    def __init__(self, things: int) -> None:
        super().__init__()
        self.places, self.words = nn.Embedding(LENGTH, 4), nn.Embedding(things, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        places: Tensor = self.places(torch.arange(LENGTH))
        return places + self.words(inputs)  # type: ignore[no-any-return]


def model(kind: str, classes: int = 3, code: TextCode = LETTERS, seed: int = 3) -> nn.Module:
    torch.manual_seed(seed)
    layers = {
        "linear": [nn.Embedding(code.size, 4), nn.Flatten(), nn.Linear(4 * LENGTH, classes)],
        "bag": [Bag(code.size), nn.Linear(code.size, classes)],
        "shares": [Shares(), nn.Linear(LENGTH, classes)],
        "deep": [
            nn.Embedding(code.size, 4), nn.Flatten(), nn.Linear(4 * LENGTH, 16), nn.Tanh(), nn.Linear(16, classes),
        ],
        "placed": [Placed(code.size), nn.Flatten(), nn.Linear(4 * LENGTH, classes)],
    }  # fmt: skip
    net = nn.Sequential(*layers[kind]).eval()
    with torch.no_grad():  # sure enough of its answers that an edit fools some and not others
        net[-1].bias[0] += SURE[kind]
    return net

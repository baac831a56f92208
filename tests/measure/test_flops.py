"""Counts against arithmetic by hand: one multiply-add is two FLOPs."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.api import import_timm
from harness.measure.flops import count_flops, count_parameters


class Attention(nn.Module):
    """Scaled dot-product attention alone, over heads."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.scaled_dot_product_attention(x, x, x)


class Block(nn.Module):
    """A transformer block written out: attention and a two-layer network."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)  # (batch, heads, time, head_size)
        x = x + self.out(mixed.transpose(1, 2).reshape(b, t, c))
        return x + self.down(functional.gelu(self.up(x)))


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x, x, x, need_weights=False)[0]


T, C = 9, 8  # time steps, width
ATTENTION = 2 * T * T * C  # multiply-adds of q k^T and of weights v, over all heads
PROJECTIONS = 4 * T * C * C
CASES = {
    "linear": (nn.Linear(10, 20), (10,), 10 * 20),
    "linear over time": (nn.Linear(10, 20), (3, 10), 3 * 10 * 20),
    "conv": (nn.Conv2d(3, 8, 3, padding=1), (3, 16, 16), 8 * 3 * 9 * 16 * 16),
    "strided conv": (nn.Conv2d(3, 8, 3, stride=2), (3, 17, 17), 8 * 3 * 9 * 8 * 8),
    "grouped conv": (nn.Conv2d(4, 8, 3, padding=1, groups=2), (4, 16, 16), 8 * 2 * 9 * 16 * 16),
    "attention": (Attention(), (2, T, 4), ATTENTION),
    "multi-head attention": (SelfAttention(), (T, C), PROJECTIONS + ATTENTION),
    "encoder layer": (
        nn.TransformerEncoderLayer(C, 2, 16, batch_first=True),
        (T, C),
        PROJECTIONS + ATTENTION + 2 * T * C * 16,
    ),
    "block": (Block(C, 2), (T, C), PROJECTIONS + ATTENTION + 2 * T * C * 4 * C),
    "rnn": (nn.RNN(5, 7, batch_first=True), (11, 5), 11 * 7 * (5 + 7)),
    "lstm": (nn.LSTM(5, 7, batch_first=True), (11, 5), 11 * 4 * 7 * (5 + 7)),
    "gru": (nn.GRU(5, 7, batch_first=True), (11, 5), 11 * 3 * 7 * (5 + 7)),
    "two-layer lstm, both ways": (
        nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=True),
        (11, 5),
        2 * 11 * 4 * 7 * (5 + 7) + 2 * 11 * 4 * 7 * (14 + 7),
    ),
    "no products": (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), (3, 8, 8), 0),
}


# Multiply-adds of the backward pass: each product of the forward pass is there twice, once for each
# of its factors. The inputs need no gradient, so the first products are there once.
BACKWARD = {
    "linear": 10 * 20,
    "linear over time": 3 * 10 * 20,
    "conv": 8 * 3 * 9 * 16 * 16,
    "strided conv": 8 * 3 * 9 * 8 * 8,
    "grouped conv": 8 * 2 * 9 * 16 * 16,
    "attention": 0,  # there is nothing to train
    # Three projections of the input once; the products and the fourth projection twice.
    "multi-head attention": 3 * T * C * C + 2 * (ATTENTION + T * C * C),
    "encoder layer": 3 * T * C * C + 2 * (ATTENTION + T * C * C + 2 * T * C * 16),
    # It begins with a trainable LayerNorm, so that everything is there twice.
    "block": 2 * (PROJECTIONS + ATTENTION + 2 * T * C * 4 * C),
    # At each step: W x once, W h twice; but at the first step h is no result of the parameters.
    "rnn": 11 * 7 * (5 + 2 * 7) - 7 * 7,
    "lstm": 4 * (11 * 7 * (5 + 2 * 7) - 7 * 7),
    "gru": 3 * (11 * 7 * (5 + 2 * 7) - 7 * 7),
    # Two directions; the second layer's inputs (14 of them) need a gradient.
    "two-layer lstm, both ways": 2 * 4 * (11 * 7 * (5 + 2 * 7) - 7 * 7)
    + 2 * 4 * (11 * 7 * 2 * (14 + 7) - 7 * 7),
    "no products": 0,
}


@pytest.mark.parametrize("name", CASES)
def test_backward_counts_by_hand(name):
    model, shape, _ = CASES[name]
    found = count_flops(model, shape, backward=True)
    assert found.multiply_adds == BACKWARD[name]
    assert found.flops == sum(found.by_operator.values()) == sum(found.by_module.values())
    assert found.notes == ()


def test_convolutions_backward_to_their_inputs():
    """The second convolution, with a stride and groups, is there twice; a transposed one too."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 1),
        nn.Conv2d(4, 8, 3, stride=2, groups=2),
        nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2),
    )
    first, second = 4 * 3 * 9 * 9, 8 * 2 * 9 * 4 * 4
    third = 8 * 3 * 4 * 4 * 4  # each input point times the filter
    assert count_flops(model, (3, 9, 9)).multiply_adds == first + second + third
    found = count_flops(model, (3, 9, 9), backward=True)
    assert found.multiply_adds == first + 2 * (second + third)


def test_flops_belong_to_the_innermost_module():
    block = Block(C, 2)
    linear = 2 * (PROJECTIONS + 2 * T * C * 4 * C)
    forward = count_flops(block, (T, C)).by_module
    assert forward == {"Linear": linear, "Block": 2 * ATTENTION}
    backward = count_flops(block, (T, C), backward=True).by_module
    assert backward == {"Linear": 2 * linear, "Block": 4 * ATTENTION}


@pytest.mark.parametrize(
    ("name", "gigamacs"), [("resnet50", 4.09), ("vit_small_patch16_224", 4.60)]
)
def test_well_known_architectures(name, gigamacs):
    """As timm publishes them; backward, all but the first layer's input is there twice."""
    model = import_timm().create_model(name)
    forward = count_flops(model, (3, 224, 224))
    assert forward.multiply_adds / 1e9 == pytest.approx(gigamacs, abs=0.005)
    backward = count_flops(model, (3, 224, 224), backward=True)
    stem = {"resnet50": 64 * 3 * 49 * 112 * 112, "vit_small_patch16_224": 384 * 3 * 256 * 196}
    assert backward.multiply_adds == 2 * forward.multiply_adds - stem[name]
    for count in (forward, backward):
        assert sum(count.by_module.values()) == count.flops
    assert sum(count_parameters(model).by_module.values()) == count_parameters(model).total


@pytest.mark.parametrize(("model", "shape", "macs"), CASES.values(), ids=CASES)
def test_counts_by_hand(model, shape, macs):
    found = count_flops(model, shape)
    assert found.flops == 2 * macs
    assert found.multiply_adds == macs
    assert sum(found.by_operator.values()) == sum(found.by_module.values()) == found.flops
    assert found.notes == ()


class Reads(nn.Module):
    """Looks at a value, so it cannot run without one."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x if float(x.sum()) == 0 else x * 2
        found = self.inner(x)
        return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("name", ["conv", "lstm", "gru", "encoder layer", "attention"])
def test_a_model_that_reads_values_is_counted_on_zeros(name):
    model, shape, macs = CASES[name]
    found = count_flops(Reads(model), shape)
    assert found.flops == 2 * macs
    assert len(found.notes) == 1 and "meta device" in found.notes[0]


def test_what_the_counter_cannot_see_is_said():
    class Fourier(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.fft.fft2(x).real

    (note,) = count_flops(Fourier(), (16, 16)).notes
    assert note.startswith("not counted") and "_fft_c2c" in note


def test_the_model_is_left_as_it_is():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    count_flops(model, (1, 8, 8))
    assert model.training and model[1].training
    assert next(model.parameters()).device.type == "cpu"
    assert torch.equal(model[1].running_mean, torch.zeros(2))
    assert torch.backends.mha.get_fastpath_enabled()


def test_parameters():
    model = nn.Sequential(nn.Linear(10, 20), nn.BatchNorm1d(20), nn.Linear(20, 20))
    model.append(model[2])  # shared: counted once
    model[0].bias.requires_grad_(False)
    found = count_parameters(model)
    assert found.by_module == {"Linear": 10 * 20 + 20 + 20 * 20 + 20, "BatchNorm1d": 2 * 20}
    assert found.total == 10 * 20 + 20 + 2 * 20 + 20 * 20 + 20
    assert found.trainable == found.total - 20
    assert found.parameter_bytes == 4 * found.total
    assert found.buffer_bytes == 4 * 40 + 8  # running statistics, and a 64-bit count of batches

"""Counts against arithmetic by hand: one multiply-add is two FLOPs."""

from collections.abc import Callable

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
    assert found.flops == sum(found.by_module.values())
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
    ("name", "gigamacs"),
    [("resnet50", 4.09), pytest.param("vit_small_patch16_224", 4.60, marks=pytest.mark.slow)],
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
    assert sum(found.by_module.values()) == found.flops
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
    (note,) = found.notes
    assert note.startswith("counted on zeros on the CPU") and "meta" in note


class Computes(nn.Module):
    """A function of parameters and one example, to a batch of one."""

    def __init__(self, function: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> None:
        super().__init__()
        self.function = function
        self.held = nn.ParameterList(nn.Parameter(t, t.dtype.is_floating_point) for t in tensors)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x[0], *self.held)[None]


def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


MASKED = torch.ones(4, 5) * torch.tensor([1.0, 0, 0, 1, 1])  # 12 of 20 are held
# FLOPs by hand, two for a multiply-add.
PRODUCTS = {
    "ten dots": (
        Computes(lambda x, w: torch.stack([x @ v for v in w]), zeros(10, 64)),
        (64,),
        1280,
    ),
    "matrix @ vector": (Computes(lambda x, w: w @ x, zeros(4, 5)), (5,), 2 * 20),
    "addmv": (Computes(lambda x, w, b: torch.addmv(b, w, x), zeros(4, 5), zeros(4)), (5,), 40),
    "addr": (Computes(lambda x, w, b: torch.addr(b, x, w), zeros(3), zeros(5, 3)), (5,), 30),
    "addbmm": (
        Computes(lambda x, w, b: torch.addbmm(b, x, w), zeros(3, 5, 6), zeros(4, 6)),
        (3, 4, 5),
        2 * 3 * 4 * 5 * 6,
    ),
    # sum over i, j of x_i W_oij y_j: two multiplications and an addition each
    "bilinear": (
        Computes(lambda x, w: functional.bilinear(x[None, :3], x[None, 3:], w)[0], zeros(5, 3, 4)),
        (7,),
        3 * 5 * 3 * 4,
    ),
    "int8": (
        Computes(lambda x, w: torch._int_mm(x.to(torch.int8), w), zeros(16, 8, dtype=torch.int8)),
        (32, 16),
        2 * 32 * 16 * 8,
    ),
    # each row meets the matrix of its own group alone
    "grouped": (
        Computes(
            lambda x, w, ends: functional.grouped_mm(x.bfloat16(), w.bfloat16(), offs=ends),
            zeros(2, 16, 8),
            torch.tensor([8, 16], dtype=torch.int32),
        ),
        (16, 16),
        2 * 16 * 16 * 8,
    ),
    "complex": (
        Computes(lambda x, w: x.to(torch.cfloat) @ w, zeros(4, 5, dtype=torch.cfloat)),
        (3, 4),
        8 * 3 * 4 * 5,
    ),
    "complex dot": (
        Computes(lambda x, w: x.to(torch.cfloat) @ w, zeros(6, dtype=torch.cfloat)),
        (6,),
        8 * 6,
    ),
    # as torch does it: three real convolutions instead of four
    "complex conv": (
        Computes(
            lambda x, w: functional.conv2d(x.to(torch.cfloat)[None], w)[0],
            zeros(3, 2, 3, 3, dtype=torch.cfloat),
        ),
        (2, 5, 5),
        3 * 2 * 3 * 2 * 9 * 9,
    ),
    # difference, square and sum for each coordinate of each pair
    "few distances": (Computes(lambda x, w: torch.cdist(x, w), zeros(3, 4)), (2, 4), 3 * 2 * 3 * 4),
    # |x|^2 - 2 x y + |y|^2 as one product of six columns
    "distances": (Computes(lambda x, w: torch.cdist(x, w), zeros(30, 4)), (40, 4), 2 * 1200 * 6),
    "bag": (
        Computes(lambda x, w: functional.embedding_bag(x[None].long(), w, mode="sum"), zeros(5, 4)),
        (3,),
        3 * 4,
    ),
    "weighted bag": (
        Computes(
            lambda x, w, by: functional.embedding_bag(
                x[None].long(), w, mode="sum", per_sample_weights=by
            ),
            zeros(5, 4),
            zeros(1, 3),
        ),
        (3,),
        2 * 3 * 4,
    ),
    "outer": (Computes(lambda x, w: torch.outer(x, w), zeros(5)), (6,), 2 * 6 * 5),
    "ger": (Computes(lambda x, w: torch.ger(x[0], w), zeros(5)), (1, 6), 2 * 6 * 5),
    "outer by einsum": (
        Computes(lambda x, w: torch.einsum("bi,bj->bij", x[None], w), zeros(1, 5)),
        (6,),
        2 * 6 * 5,
    ),
    "kron": (Computes(lambda x, w: torch.kron(x, w), zeros(4, 5)), (2, 3), 2 * 6 * 20),
    "complex outer": (
        Computes(lambda x, w: x.to(torch.cfloat)[:, None] * w, zeros(1, 5, dtype=torch.cfloat)),
        (6,),
        8 * 6 * 5,
    ),
    "matrix product, written out": (
        Computes(lambda x, w: (x[:, :, None] * w).sum(1), zeros(1, 4, 5)),
        (3, 4),
        2 * 3 * 4 * 5,
    ),
    # element by element, and each channel by its own factor: that is scaling
    "scaling": (Computes(lambda x, w: (x * w).sum() + (x * x).sum(), zeros(3, 1, 1)), (3, 4, 4), 0),
    "convolution over time": (
        Computes(lambda x, w, b: torch.conv_tbc(x[:, None], w, b, 0), zeros(3, 4, 5), zeros(5)),
        (9, 4),
        2 * 7 * 5 * 3 * 4,
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_all_sorts_by_hand(name):
    model, shape, flops = PRODUCTS[name]
    found = count_flops(model, shape)
    assert (found.flops, found.notes) == (flops, ())


def test_a_backward_pass_says_that_it_lacks_that_of_outer_products():
    model, shape, _ = PRODUCTS["outer"]
    found = count_flops(model, shape, backward=True)
    assert found.notes == ("not counted: the backward pass of outer products",)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_of_a_sparse_factor_the_values_that_it_holds_count(layout):
    held = MASKED.to_sparse() if layout == "coo" else MASKED.to_sparse_csr()
    found = count_flops(Computes(lambda x, w: w @ x, held), (5, 6))
    assert found.flops == 2 * 12 * 6
    (note,) = found.notes
    assert note.startswith("counted on zeros on the CPU") and len(note) < 250


def test_complex_parameters_have_a_backward_pass():
    model, shape, flops = PRODUCTS["complex"]
    assert count_flops(model, shape, backward=True).flops == flops  # of the weight alone


def test_a_depthwise_layer_costs_twice_as_much_backward():
    """torch 2.13's own formula counts its weight's gradient as if it had no groups: 32 times."""
    model = nn.Sequential(nn.Conv2d(3, 32, 1), nn.Conv2d(32, 32, 3, groups=32))
    first, second = 32 * 3 * 36, 32 * 9 * 16
    assert count_flops(model, (3, 6, 6)).multiply_adds == first + second
    assert count_flops(model, (3, 6, 6), backward=True).multiply_adds == first + 2 * second


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: torch.fft.fft2(x).real, "aten._fft_c2c.default"),
        (lambda x: torch.linalg.solve(x, x), "aten._linalg_solve_ex.default"),
        (lambda x: torch.linalg.matrix_exp(x), "aten.linalg_matrix_exp.default"),
    ],
    ids=["fft", "solve", "exp"],
)
def test_what_the_counter_cannot_see_is_named(function, named):
    *_, note = count_flops(Computes(function), (16, 16)).notes
    assert note == f"not counted: {named}"


def test_an_operator_that_nobody_knows_is_named():
    @torch.library.custom_op("flops_test::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x @ x

    twice.register_fake(torch.empty_like)
    (note,) = count_flops(Computes(lambda x: twice(x)), (4, 4)).notes
    assert note == "not counted: flops_test.twice.default"


def test_a_model_that_makes_tensors_on_the_cpu():
    """It does not run on the meta device, whatever kind of error it raises there."""

    class Shifts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.device.type != "cpu":
                raise ValueError("only CPUs here")
            return x @ torch.eye(4, device="cpu")

    found = count_flops(Shifts(), (3, 4))
    assert found.flops == 2 * 3 * 4 * 4
    (note,) = found.notes
    assert note.endswith("does not run on the meta device (ValueError: only CPUs here)")


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

"""The bytes that operators move, against counts by hand."""

import pytest
import torch
from torch import nn

from harness.errors import NotApplicable
from harness.measure.traffic import count_traffic


def forward(model, *inputs):
    return lambda: model(*inputs)


def moved(model: nn.Module, *inputs: torch.Tensor, prepare=forward) -> int:
    with torch.no_grad():
        return count_traffic(model, inputs, prepare)


def test_a_linear_layer_reads_inputs_weight_and_bias_and_writes_outputs():
    b, i, o = 3, 7, 5
    assert moved(nn.Linear(i, o), torch.zeros(b, i)) == 4 * (b * i + i * o + o + b * o)
    model = nn.Linear(i, o).double()
    assert moved(model, torch.zeros(b, i, dtype=torch.float64)) == 8 * (b * i + i * o + o + b * o)


def test_a_convolution_and_a_pass_of_several_operators():
    batch = torch.zeros(2, 3, 9, 9)
    convolution = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    alone = 4 * (2 * 3 * 81 + 8 * 3 * 9 + 2 * 8 * 81)
    assert moved(convolution, batch) == alone
    relu = 2 * 4 * (2 * 8 * 81)
    assert moved(nn.Sequential(convolution, nn.ReLU(), nn.Flatten()), batch) == alone + relu


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (torch.relu, 2 * 4 * 60),
        (torch.relu_, 2 * 4 * 60),
        (lambda x: x.view(3, 20), 0),
        (lambda x: x.t().unsqueeze(0)[..., 1:].detach(), 0),
        (lambda x: torch.empty_like(x), 0),
        (lambda x: torch.zeros_like(x), 4 * 60),
        (lambda x: x.zero_(), 4 * 60),
        (lambda x: x.copy_(torch.empty(60)), 2 * 4 * 60),
        (lambda x: x.add_(1), 2 * 4 * 60),
        (lambda x: x * x, 2 * 4 * 60),  # given twice, read once
        (lambda x: x[:1].expand(60) + x, (1 + 60 + 60) * 4),
        (lambda x: torch.cat([x, x[:20]]), (60 + 20 + 80) * 4),
        (lambda x: x.sum(), (60 + 1) * 4),
        (lambda x: x.double(), 60 * (4 + 8)),
        (lambda x: (x.shape, x.dtype, x.numel()), 0),
        (lambda x: torch.add(x, 1, out=torch.empty(60)), 2 * 4 * 60),
        (lambda x: x[torch.zeros(7, dtype=torch.long)], 7 * 8 + 7 * 8 + 2 * 7 * 4),
    ],
)
def test_single_operators(operator, expected):
    assert (
        moved(nn.Identity(), torch.zeros(60), prepare=lambda _, x: lambda: operator(x)) == expected
    )


def test_an_embedding_reads_only_the_rows_that_it_looks_up():
    ids = torch.zeros(3, dtype=torch.long)
    assert moved(nn.Embedding(10_000, 8), ids) == 3 * 8 + 2 * (3 * 8 * 4)


def test_traffic_grows_with_the_batch_and_the_weights_are_read_once():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    one, two, three = (moved(model, torch.zeros(n, 8)) for n in (1, 2, 3))
    assert two - one == three - two == 4 * (8 + 16 + 2 * 16 + 16 + 4)


def test_autocast_casts_are_counted():
    def cast(model, inputs):
        def call():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return model(inputs)

        return call

    b, i, o = 3, 7, 5
    cast_once = (4 + 2) * (b * i + i * o + o)
    assert moved(nn.Linear(i, o), torch.zeros(b, i), prepare=cast) == cast_once + 2 * (
        b * i + i * o + o + b * o
    )


def test_a_backward_pass_and_an_optimizers_step():
    """SGD with momentum, foreach off: the state decays and takes the gradient, the weight takes it."""
    b, i, o = 3, 7, 5
    model = nn.Linear(i, o, bias=False)

    def backward(fake, inputs, gradient):
        def step():
            fake(inputs).backward(gradient)

        return step

    def train(fake, inputs, gradient):
        optimizer = torch.optim.SGD(fake.parameters(), lr=0.0, momentum=0.9, foreach=False)

        def step():
            fake(inputs).backward(gradient)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        step()
        return step

    tensors = torch.zeros(b, i), torch.zeros(b, o)
    once = 4 * (b * i + i * o + b * o)  # a product reads two of the three and writes one
    assert count_traffic(model, tensors, backward) == 2 * once  # the inputs need no gradient
    step = 4 * i * o * (2 + 3 + 3)  # momentum.mul_; momentum.add_(grad); weight.add_(momentum)
    assert count_traffic(model, tensors, train) == 2 * once + step
    assert model.weight.grad is None


def test_the_model_and_the_tensors_are_left_alone():
    model, batch = nn.BatchNorm1d(4), torch.ones(3, 4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    moved(model, batch)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and batch.sum() == 12


def test_a_model_that_asks_for_values_cannot_be_followed():
    class Peeks(nn.Module):
        def forward(self, inputs):
            return inputs * 2 if inputs.sum().item() > 0 else inputs

    with pytest.raises(NotApplicable, match="cannot be counted on shapes alone: DataDependent"):
        moved(Peeks(), torch.zeros(3))

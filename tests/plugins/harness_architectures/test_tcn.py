"""`tcn`: its count of parameters, its convolutions, and how far back it sees."""

import pytest
import torch
from pydantic import ValidationError

from harness.api import Task
from harness_architectures.sequence_options import TcnOptions
from harness_architectures.tcn import CausalConvolution, Tcn, build, choose_levels


def task(problem: str = "classification") -> Task:
    tokens = problem == "next_token"
    return Task(
        modality="tokens" if tokens else "sequence", problem=problem, input_shape=(40,) if tokens else (40, 3),
        outputs=4, low=0, high=3,
    )  # fmt: skip


def small(problem: str = "classification", **options) -> Tcn:
    torch.manual_seed(0)
    return build(task(problem), (40, 3), 4, TcnOptions(**{"width": 6} | options)).eval()


def test_its_parameters_are_those_of_the_paper():
    with torch.device("meta"):  # tables 1 and 2 of the paper, the adding problem over 600 steps
        net = Tcn(2, 1, TcnOptions(kernel=8, width=24), 8, each_step=False)
    assert sum(p.numel() for p in net.parameters()) == 70_369  # "70K"


def test_a_convolution_is_the_sum_of_its_definition():
    layer, inputs = CausalConvolution(3, 5, kernel=4, dilation=2).double(), torch.randn(2, 3, 9)
    weight, inputs = layer.convolution.weight, inputs.double()
    found = layer(inputs)
    for step in range(9):
        expected = layer.convolution.bias.expand(2, 5)
        for tap in range(4):
            source = step - 2 * (3 - tap)
            if source >= 0:
                expected = expected + inputs[..., source] @ weight[..., tap].T
        torch.testing.assert_close(found[..., step], expected)


@pytest.mark.parametrize(("kernel", "levels", "field"), [(2, 3, 15), (3, 2, 13), (3, 3, 29)])
def test_a_step_sees_so_many_before_it_and_none_after(kernel, levels, field):
    net = small("sequence_labelling", kernel=kernel, levels=levels)
    inputs = torch.randn(4, 40, 3, requires_grad=True)
    net(inputs)[:, 30].square().sum().backward()
    seen = inputs.grad.abs().amax((0, 2)).nonzero().flatten()
    assert (int(seen.min()), int(seen.max())) == (31 - field, 30)


def test_by_default_the_last_step_sees_the_first():
    assert [choose_levels(TcnOptions(), steps) for steps in (5, 6, 13, 14)] == [1, 2, 2, 3]
    assert choose_levels(TcnOptions(levels=7), 5) == 7
    assert TcnOptions(levels="auto").levels == "auto"
    with pytest.raises(ValidationError):
        TcnOptions(levels=0)
    net, inputs = small(), torch.randn(4, 40, 3, requires_grad=True)
    net(inputs).square().sum().backward()
    assert inputs.grad[:, 0].abs().max() > 0


def test_what_is_read_of_a_whole_example():
    inputs = torch.randn(4, 40, 3)
    last, mean = small()(inputs), small(pool="mean")(inputs)
    each = small("sequence_labelling")(inputs)
    torch.testing.assert_close(last, each[:, -1])
    torch.testing.assert_close(mean, each.mean(1))
    assert small("next_token")(inputs).shape == (4, 40, 4)


def test_dropout_drops_whole_channels_in_training():
    net = small(dropout=0.5)
    inputs = torch.randn(4, 40, 3)
    assert torch.equal(net(inputs), net(inputs))
    net.train()
    assert not torch.equal(net(inputs), net(inputs))

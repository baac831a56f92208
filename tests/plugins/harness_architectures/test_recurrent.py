"""`rnn`, `lstm` and `gru`: their parameters, their equations, and what their answers depend on."""

import pytest
import torch
from torch import Tensor

from harness.api import NotApplicable, Task
from harness_architectures.recurrent import Recurrent, build_gru, build_lstm, build_rnn
from harness_architectures.sequence_options import GruOptions, LstmOptions, RnnOptions

KINDS = {
    "rnn": (build_rnn, RnnOptions),
    "lstm": (build_lstm, LstmOptions),
    "gru": (build_gru, GruOptions),
}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def build(name: str, problem: str = "classification", outputs: int = 4, **options) -> Recurrent:
    modality = "tokens" if problem == "next_token" else "sequence"
    shape = (7,) if problem == "next_token" else (7, 3)
    task = Task(
        modality=modality, problem=problem, input_shape=shape, outputs=outputs, low=0, high=3
    )
    make, kind = KINDS[name]
    torch.manual_seed(0)
    return make(task, (7, 3), outputs, kind(**{"hidden": 5} | options)).eval()


def cell(name: str, step: Tensor, state: tuple[Tensor, ...], weights: dict) -> tuple[Tensor, ...]:
    """Return the state after a step, by the equations of the papers as torch writes them."""
    given = step @ weights["weight_ih_l0"].T + weights["bias_ih_l0"]
    kept = state[0] @ weights["weight_hh_l0"].T + weights["bias_hh_l0"]
    if name == "rnn":
        return ((given + kept).tanh(),)
    if name == "lstm":
        enter, forget, new, leave = (given + kept).chunk(4, 1)
        cells = forget.sigmoid() * state[1] + enter.sigmoid() * new.tanh()
        return leave.sigmoid() * cells.tanh(), cells
    reset, update, new = zip(given.chunk(3, 1), kept.chunk(3, 1), strict=True)
    share = sum(update).sigmoid()
    return ((1 - share) * (new[0] + sum(reset).sigmoid() * new[1]).tanh() + share * state[0],)


@pytest.mark.parametrize("name", KINDS)
def test_parameters(name):
    direction = GATES[name] * (5 * (3 + 5) + 2 * 5)
    second = GATES[name] * (5 * (2 * 5 + 5) + 2 * 5)
    one, both = build(name, bidirectional=False), build(name, layers=2, bidirectional=True)
    assert sum(p.numel() for p in one.parameters()) == direction + (5 + 1) * 4
    assert sum(p.numel() for p in both.parameters()) == 2 * (direction + second) + (10 + 1) * 4


@pytest.mark.parametrize("name", KINDS)
def test_the_last_state_is_that_of_the_equations(name):
    net = build(name, pool="last", bidirectional=False).double()
    weights, inputs = dict(net.recurrent.named_parameters()), torch.randn(2, 7, 3).double()
    state = (torch.zeros(2, 5).double(),) * 2
    for step in inputs.unbind(1):
        state = cell(name, step, state, weights)
    torch.testing.assert_close(net(inputs), net.head(state[0]))


@pytest.mark.parametrize("name", KINDS)
def test_the_last_state_of_each_direction_is_read(name):
    net, inputs = build(name, layers=2, pool="last"), torch.randn(4, 7, 3)
    states, _ = net.recurrent(inputs)
    ends = torch.cat([states[:, -1, :5], states[:, 0, 5:]], 1)  # backwards it ends at the first
    torch.testing.assert_close(net(inputs), net.head(ends))


@pytest.mark.parametrize("name", KINDS)
def test_labels_of_steps_are_read_from_both_ends_and_what_comes_next_from_one(name):
    for problem, first_moved in (("sequence_labelling", 0), ("next_token", 5)):
        net, inputs = build(name, problem), torch.randn(2, 7, 3)
        others = inputs.clone()
        others[:, 5] += 1
        before, after = net(inputs), net(others)
        assert before.shape == (2, 7, 4)
        moved = (before - after).abs().amax((0, 2)) > 0
        assert moved.tolist() == [step >= first_moved for step in range(7)]
    with pytest.raises(NotApplicable, match=f"{name} with bidirectional=true reads what comes"):
        build(name, "next_token", bidirectional=True)


def test_orthogonal_weights_are_so_gate_by_gate():
    for name, gates in GATES.items():
        for block in build(name, start="orthogonal").recurrent.weight_hh_l0.chunk(gates):
            torch.testing.assert_close(block @ block.T, torch.eye(5))


def test_the_network_of_le_et_al_adds_up_what_it_is_given():
    net = build("rnn", start="identity", activation="relu", bidirectional=False)
    with torch.no_grad():
        net.recurrent.weight_ih_l0.abs_()
    inputs = torch.rand(2, 7, 3)
    expected = (inputs @ net.recurrent.weight_ih_l0.T).cumsum(1)
    torch.testing.assert_close(net.recurrent(inputs)[0], expected)


def test_a_bias_of_forget_gates_keeps_cells():
    for bias, kept in ((0.0, 0.5), (1.0, 0.7310586)):  # the sigmoid of it
        net = build("lstm", forget_bias=bias, bidirectional=False).recurrent
        with torch.no_grad():
            net.weight_ih_l0[5:10].zero_()
            net.weight_hh_l0[5:10].zero_()
            found = net.bias_ih_l0[5:10] + net.bias_hh_l0[5:10]
        torch.testing.assert_close(found.sigmoid(), torch.full((5,), kept))

"""What an edit adds to first order is what it adds, where the margin is a sum over places."""

import pytest
import torch
from edit_cases import LETTERS, budget, model, rows
from torch import nn

from harness.api import NotApplicable
from harness_attacks.edits import gradients
from harness_attacks.edits.gradients import gains, margins, worth_of_tokens
from harness_attacks.edits.moves import (
    DELETE,
    INSERT,
    KINDS,
    SUBSTITUTE,
    SWAP,
    Alphabet,
    allowed,
    apply,
)


def test_margins_are_above_zero_where_another_answer_is_given() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert margins(logits, torch.tensor([1, 2])).tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("kind", ["linear", "placed", "bag", "shares"])
@pytest.mark.parametrize("edit", [SUBSTITUTE, INSERT, DELETE, SWAP])
def test_gains_of_a_linear_model_are_exact(kind: str, edit: int) -> None:
    net, own = model(kind, classes=2), rows()
    targets = torch.arange(len(own)) % 2
    alphabet = Alphabet.of(budget(1), torch.device("cpu"))
    worth = worth_of_tokens(net, own, targets, LETTERS.size)
    gain = gains(worth, own, alphabet)[edit]
    gain = gain if gain.dim() == 3 else gain[..., None]
    row, place = torch.nonzero(
        allowed(own, alphabet, frozenset(KINDS.values()))[edit], as_tuple=True
    )
    before = margins(net(own), targets)
    for letter in range(gain.shape[2]):
        token = alphabet.tokens[letter].expand(len(row))
        made = apply(own[row], torch.full_like(row, edit), place, token, 0)
        change = margins(net(made), targets[row]) - before[row]
        torch.testing.assert_close(gain[row, place, letter], change.detach(), atol=1e-5, rtol=1e-4)


def test_parameters_and_hooks_are_left_as_they_were() -> None:
    net, own = model("deep"), rows()
    worth_of_tokens(net, own, torch.zeros(len(own), dtype=torch.int64), LETTERS.size)
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())


def test_a_model_without_such_a_layer_is_told_so() -> None:
    class OneHot(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(inputs, 10).float().sum(1)[:, :3]

    with pytest.raises(
        NotApplicable, match="no layer of its own that makes real numbers of tokens"
    ):
        worth_of_tokens(OneHot(), rows(), torch.zeros(40, dtype=torch.int64), LETTERS.size)


def test_what_a_bag_makes_of_all_tokens_must_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = torch.zeros(40, dtype=torch.int64)
    monkeypatch.setattr(gradients, "MOST_MADE", LETTERS.size**2)
    worth_of_tokens(model("bag"), rows(), targets, LETTERS.size)
    monkeypatch.setattr(gradients, "MOST_MADE", LETTERS.size**2 - 1)
    with pytest.raises(NotApplicable, match="each of 10 tokens, 10 numbers of each, which is too"):
        worth_of_tokens(model("bag"), rows(), targets, LETTERS.size)
    worth_of_tokens(model("linear"), rows(), targets, LETTERS.size)  # it has a table


@pytest.mark.slow
def test_a_compiled_model_is_refused_as_it_may_take_no_hooks() -> None:
    compiled = nn.Sequential(torch.compile(model("deep"), backend="eager"))
    with pytest.raises(
        NotApplicable, match="under torch.compile does not show .* leave out compile"
    ):
        worth_of_tokens(compiled, rows(), torch.zeros(40, dtype=torch.int64), LETTERS.size)

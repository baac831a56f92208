"""Attacks by edits (`harness_attacks.edits.proposals`, ranked by `search`) against all that one edit can do, and two; and
that they keep to their budget.
"""

import pytest
import torch
from edit_cases import LENGTH, LETTERS, WINDOWS, budget, draws, model, rows
from torch import nn

from harness.api import NotApplicable, TextCode, UsageError
from harness_attacks.deepwordbug import perturb as deepwordbug
from harness_attacks.edits.moves import KINDS, Alphabet, all_single_edits
from harness_attacks.edits.search import EditProblem, search
from harness_attacks.edits.words import as_written, read_groups, read_words
from harness_attacks.hotflip import perturb as hotflip
from harness_attacks.options import EditOptions, WordSubstitutionOptions
from harness_attacks.word_substitution import perturb as substitute

ALL = frozenset(KINDS.values())


def answers(net: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return net(inputs).argmax(1)


def can_be_fooled(
    net: nn.Module, own: torch.Tensor, edits: int, code: TextCode = LETTERS
) -> list[bool]:
    """Whether any of all rows so many edits away is answered otherwise."""
    alphabet = Alphabet.of(budget(edits, code), own.device)
    found = []
    for row, right in zip(own, answers(net, own), strict=True):
        reached = row[None]
        for _ in range(edits):
            reached = torch.cat([all_single_edits(one, alphabet, ALL) for one in reached]).unique(
                dim=0
            )
        found.append(bool((answers(net, reached) != right).any()))
    return found


def run(attack, net, own, edits, code=LETTERS, **options) -> list[bool]:
    right = answers(net, own)
    ball = budget(edits, code)
    found = attack(net, own, right, ball, draws(len(own)), EditOptions(**options), 16)
    assert found.shape == own.shape and found.dtype == own.dtype
    assert ball.distance(own, found).max() <= edits
    return (answers(net, found) != right).tolist()


@pytest.mark.parametrize("code", [LETTERS, WINDOWS], ids=["texts", "windows"])
@pytest.mark.parametrize("kind", ["linear", "bag", "shares"])
def test_one_edit_fools_whom_any_edit_fools_where_the_gradient_is_exact(
    kind: str, code: TextCode
) -> None:
    # of three classes the best edit may aim at the one that is not the nearest, so more than one is asked
    net, own = model(kind, code=code), rows(code=code)
    expected = can_be_fooled(net, own, 1, code)
    assert 4 < sum(expected) < 40
    assert run(hotflip, model(kind, code=code), own, 1, code, asked=60) == expected
    two = model(kind, classes=2, code=code)
    assert run(hotflip, two, own, 1, code, asked=1) == can_be_fooled(two, own, 1, code)


def test_asked_of_all_edits_it_is_brute_force_and_of_few_nearly() -> None:
    net, own = model("deep"), rows()
    expected = can_be_fooled(net, own, 1)
    assert run(hotflip, net, own, 1, asked=10_000) == expected
    few = run(hotflip, net, own, 1, asked=4)
    assert all(could for could, did in zip(expected, few, strict=True) if did)
    assert sum(few) >= 0.8 * sum(expected)
    blind = run(deepwordbug, net, own, 1, asked=8)
    assert all(could for could, did in zip(expected, blind, strict=True) if did)
    assert 0 < sum(blind) <= sum(expected)


@pytest.mark.slow
def test_a_beam_finds_no_fewer_than_greedy_search_of_two_edits_and_no_more_than_there_are() -> None:
    net, own = model("deep", seed=5), rows(24)
    expected = can_be_fooled(net, own, 2)
    greedy = run(hotflip, net, own, 2, asked=4)
    beam = run(hotflip, net, own, 2, asked=4, beam=8)
    assert sum(greedy) <= sum(beam) <= sum(expected)
    assert all(could for could, did in zip(expected, beam, strict=True) if did)
    assert sum(run(hotflip, net, own, 2, asked=200, beam=40)) >= 0.95 * sum(expected)


@pytest.mark.parametrize("kind", ["substitute", "insert", "delete", "swap"])
def test_kinds_are_kept_to(kind: str) -> None:
    net, own = model("deep"), rows()
    right = answers(net, own)
    for attack in (hotflip, deepwordbug):
        found = attack(net, own, right, budget(2), draws(40), EditOptions(kinds=(kind,)), 16)
        changed = (found != own).any(1)
        more = (found != 0).sum(1) - (own != 0).sum(1)
        assert changed.any()
        assert {"insert": (more >= 0), "delete": (more <= 0)}.get(kind, more == 0).all()
        if kind == "swap":
            assert torch.equal(found.sort(1).values, own.sort(1).values)


class Told(nn.Module):
    """Is sure of the answer 0 but of rows with a 9; it keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[torch.Tensor] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert len(inputs), "a batch of none"
        self.asked.append(inputs)
        fooled = (inputs == 9).any(1).float()
        return torch.stack([1 - fooled, fooled], 1)


def searched(net: nn.Module, own: torch.Tensor, edits: int, beam: int, made, there) -> torch.Tensor:
    """Search from one row through what `made` says, of which there is what `there` says."""
    problem = EditProblem(net, own, torch.zeros(1).long(), budget(edits), draws(1), 16)

    def propose(rows, targets, inputs, own_draws):
        found = torch.stack([made(row) for row in rows])
        return found, torch.tensor([there]).expand(len(rows), -1)

    return search(problem, propose, beam)


def test_rows_that_differ_are_all_asked_about() -> None:
    own = torch.full((1, 40), 3)
    changed = own.repeat(40, 1)
    for place in range(20):  # of as many steps at a place and at one twice as far
        changed[place, place] += 2
        changed[20 + place, 2 * place + 1] += 1
    searched(net := Told(), own, 1, 1, lambda row: torch.cat([changed, changed]), [True] * 80)
    assert sum(map(len, net.asked)) == 1 + 40


def test_what_may_not_be_is_neither_asked_about_nor_gone_on_with() -> None:
    own = torch.tensor([[2, 3, 4, 5, 6, 0, 0]])

    def made(row: torch.Tensor) -> torch.Tensor:
        seen.append(row)
        more = row.repeat(3, 1)
        more[0] = 9
        more[2, len(net.asked) - 1] += 1
        return more

    seen: list[torch.Tensor] = []
    searched(net := Told(), own, 3, 4, made, [False, False, True])
    assert not (torch.stack(seen) == 9).any() and len(net.asked) == 4
    assert [len(rows) for rows in net.asked] == [1] * 4


def test_a_row_that_may_not_be_hides_none_that_may() -> None:
    own = torch.tensor([[2, 3, 4, 5, 6, 0, 0]])
    fooled = torch.tensor([[9, 3, 4, 5, 6, 0, 0]])
    made = fooled.expand(2, -1)
    assert torch.equal(searched(Told(), own, 1, 1, lambda row: made, [False, True]), fooled)


def test_a_model_is_not_asked_about_a_batch_of_none(tmp_path) -> None:
    own, right = torch.zeros(2, LENGTH, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)
    only = EditOptions(kinds=("substitute",))  # of texts without a token
    assert torch.equal(deepwordbug(Told(), own, right, budget(1), draws(2), only, 16), own)
    own = torch.from_numpy(SAID.rows(["the film"], 6)).long()
    (path := tmp_path / "words.txt").write_text("dull, boring")
    ball, options = budget(1, SAID), WordSubstitutionOptions(words=str(path))
    assert torch.equal(substitute(Told(), own, right[:1], ball, draws(1), options), own)


WORDS = ("", "\ufffd", "good", "fine", "dull", "the", "film", "was")
SAID = TextCode(by="words", things=WORDS, padding=0, unknown=1)


def film_model() -> nn.Module:
    """Answers by one word alone: good."""
    net = nn.Sequential(nn.Embedding(8, 1), nn.Flatten(), nn.Linear(6, 2, bias=False)).eval()
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].weight[2] = 1.0
        net[2].weight[0], net[2].weight[1] = -1.0, 1.0
    return net


def test_a_word_is_replaced_by_one_of_its_group(tmp_path) -> None:
    own = torch.from_numpy(SAID.rows(["the film was good", "the film was dull"], 6)).long()
    net, targets = film_model(), torch.tensor([1, 0])
    path = tmp_path / "words.txt"
    path.write_text("good, fine, splendid\nfilm, movie\n")
    options = WordSubstitutionOptions(words=str(path))
    ball = budget(1, SAID)
    found = substitute(net, own, targets, ball, draws(2), options)
    assert SAID.text(found[0].tolist()) == "the film was fine"
    assert ball.distance(own, found).max() <= 1
    path.write_text("dull, boring")
    assert torch.equal(substitute(net, own, targets, ball, draws(2), options)[0], own[0])
    path.write_text("film, fine good")  # two edits
    assert torch.equal(substitute(told := Told(), own, targets * 0, ball, draws(2), options), own)
    assert (
        sum(map(len, told.asked)) == 2
    )  # not about what it is without a word that nothing can stand for


def test_lists_of_words_are_read_and_refused(tmp_path) -> None:
    groups = read_groups(["Good, fine", "fine, thin", "alone", ""])
    assert groups == {"good": ("fine",), "fine": ("Good", "thin"), "thin": ("fine",)}
    assert (as_written("GOOD", "fine"), as_written("Good", "fine"), as_written("I", "we")) == (
        "FINE", "Fine", "We",
    )  # fmt: skip
    assert len(read_words("")) > 150
    (tmp_path / "a.txt").write_text("alone")
    with pytest.raises(UsageError, match="has no line of two words"):
        read_words(str(tmp_path / "a.txt"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_words(str(tmp_path / "none.txt"))
    with pytest.raises(NotApplicable, match="are no text"):
        substitute(
            film_model(),
            rows(2),
            torch.zeros(2).long(),
            budget(1, None),
            draws(2),
            WordSubstitutionOptions(),
        )

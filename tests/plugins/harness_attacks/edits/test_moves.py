"""Single edits: what each makes of a row, where it may be, and that each is one edit."""

import pytest
import torch
from edit_cases import LENGTH, LETTERS, WINDOWS, budget, rows

from harness.api import TextCode
from harness_attacks.edits.moves import (
    DELETE,
    INSERT,
    KINDS,
    SUBSTITUTE,
    SWAP,
    Alphabet,
    all_single_edits,
    allowed,
    apply,
)

ALL = frozenset(KINDS.values())
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("kind", "place", "made"),
    [
        (SUBSTITUTE, 1, [2, 9, 4, 5, 0, 0, 0]),
        (INSERT, 1, [2, 9, 3, 4, 5, 0, 0]),
        (INSERT, 4, [2, 3, 4, 5, 9, 0, 0]),
        (DELETE, 1, [2, 4, 5, 0, 0, 0, 0]),
        (SWAP, 1, [2, 4, 3, 5, 0, 0, 0]),
    ],
)
def test_an_edit_makes_what_it_says(kind: int, place: int, made: list[int]) -> None:
    row = torch.tensor([[2, 3, 4, 5, 0, 0, 0]])
    one = torch.ones(1, dtype=torch.int64)
    assert apply(row, kind * one, place * one, 9 * one, 0).tolist() == [made]


def test_all_single_edits_of_a_row_are_one_edit_away_and_as_many_as_there_can_be() -> None:
    alphabet = Alphabet.of(budget(1), CPU)
    row = torch.tensor([2, 3, 3, 5, 0, 0, 0])
    found = all_single_edits(row, alphabet, ALL)
    assert budget(1).distance(row.expand_as(found), found).tolist() == [1.0] * len(found)
    letters = 8
    assert len(found) == 4 * (letters - 1) + 5 * letters + 4 + 2  # the two 3 are alike
    whole = {tuple(one) for one in found.tolist()}
    substituted = {(a, 3, 3, 5, 0, 0, 0) for a in range(3, 10)}
    assert substituted | {(3, 3, 5, 0, 0, 0, 0), (3, 2, 3, 5, 0, 0, 0)} <= whole
    assert not any(one[5] for one in whole) and not any(1 in one for one in whole)


def test_of_windows_nothing_is_put_in_or_taken_out() -> None:
    alphabet = Alphabet.of(budget(1, WINDOWS), CPU)
    where = allowed(rows(5, code=WINDOWS), alphabet, ALL)
    assert not where[INSERT].any() and not where[DELETE].any()
    assert where[SUBSTITUTE].all() and not where[SWAP][:, -1].any()
    full = torch.full((1, LENGTH), 3)
    full[0, ::2] = 2
    assert not allowed(full, Alphabet.of(budget(1), CPU), ALL)[INSERT].any()
    alone = torch.tensor([[2, 0, 0, 0, 0, 0, 0]])
    assert not allowed(alone, Alphabet.of(budget(1), CPU), ALL)[DELETE].any()


def test_of_bytes_what_is_written_is_printed_and_parts_of_characters_stay() -> None:
    code = TextCode(by="bytes", padding=0)
    alphabet = Alphabet.of(budget(1, code), CPU)
    assert bytes(alphabet.tokens.tolist()).decode().isprintable() and len(alphabet.tokens) == 95
    row = torch.tensor([[*"né!".encode(), 0, 0, 0]])
    assert allowed(row, alphabet, ALL)[SUBSTITUTE].tolist() == [
        [True, False, False, True, *[False] * 3]
    ]
    assert Alphabet.of(budget(1), CPU).tokens.tolist() == list(range(2, LETTERS.size))
    pairs = TextCode(by="bpe", things=("", "a", "\ufffd", "bc", "\ufffd\ufffd"), padding=0)
    some = Alphabet.of(budget(1, pairs), CPU)
    assert some.tokens.tolist() == [1, 3] and some.touched.tolist() == [
        False,
        True,
        False,
        True,
        False,
    ]

"""What happens to texts: as much as the severity says, of each by its own draws, and nothing else."""

import random

import numpy as np
import pytest
import torch

from harness.api import Draws, NotApplicable, Task, TextCode
from harness_shifts import texts

WORDS = [
    "the",
    "quick",
    "brown",
    "foxes",
    "jumped",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "then",
    "went",
    "on",
    "to",
    "sleep",
    "for",
    "hours",
]
BYTES = TextCode(by="bytes", padding=0)
LENGTH, COUNT = 256, 200
SEVERITIES = (1, 3, 5)


def task(code: TextCode | None = BYTES, length: int = LENGTH, modality: str = "tokens") -> Task:
    return Task(
        modality=modality, problem="classification", input_shape=(length,), outputs=2, low=0.0,
        high=255.0, text=code,
    )  # fmt: skip


def written() -> list[str]:
    generator = random.Random(0)
    return [" ".join(generator.choices(WORDS, k=generator.randint(10, 30))) for _ in range(COUNT)]


def run(shift, severity: int, code: TextCode = BYTES, given: list[str] | None = None) -> list[str]:
    own = given or written()
    inputs = torch.from_numpy(code.rows(own, LENGTH)).long()
    found = shift(inputs, severity, Draws(5, torch.arange(len(own))), task(code))
    assert found.shape == inputs.shape and found.dtype == inputs.dtype
    return [code.text(row) for row in found.numpy()]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_typing_errors_are_as_many_as_the_severity_says_and_beside_the_key(severity: int) -> None:
    share, before = texts.TYPED[severity - 1], written()
    after = run(texts.typos, severity)
    letters = [sum(c != " " for c in text) for text in before]
    changed = [
        [(a, b) for a, b in zip(one, other, strict=True) if a != b]
        for one, other in zip(before, after, strict=True)
    ]
    assert all(b in texts.NEIGHBOURS[a] for pairs in changed for a, b in pairs)
    for count, pairs in zip(letters, changed, strict=True):
        assert abs(len(pairs) - share * count) < 1
    assert sum(map(len, changed)) / sum(letters) == pytest.approx(share, rel=0.06)


def test_neighbours_are_those_of_the_keyboard() -> None:
    assert {key: set(texts.NEIGHBOURS[key]) for key in "qgp"} == {
        "q": set("wa"), "g": set("tyfhvb"), "p": set("ol"),
    }  # fmt: skip
    assert run(texts.typos, 5, given=["QQQQQQQQQQ"] * 50)[0].isupper()
    assert run(texts.typos, 5, given=["12, 34!"] * 3) == ["12, 34!"] * 3


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_swapped_word_has_the_same_characters(severity: int) -> None:
    words = swapped = 0
    for one, other in zip(written(), run(texts.swaps, severity), strict=True):
        for a, b in zip(one.split(), other.split(), strict=True):
            words += len(a) > 1
            if a != b:
                swapped += 1
                assert (
                    sorted(a) == sorted(b) and sum(x != y for x, y in zip(a, b, strict=True)) == 2
                )
    assert swapped / words == pytest.approx(texts.SWAPPED[severity - 1], rel=0.06)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_words_that_stay_keep_their_order(severity: int) -> None:
    before, after = written(), run(texts.dropped, severity)
    for one, other in zip(before, after, strict=True):
        rest = iter(one.split())
        assert all(word in rest for word in other.split())
    gone = 1 - sum(len(t.split()) for t in after) / sum(len(t.split()) for t in before)
    assert gone == pytest.approx(texts.DROPPED[severity - 1], rel=0.06)
    assert run(texts.dropped, 5, given=["alone"] * 20) == ["alone"] * 20


@pytest.mark.parametrize("severity", SEVERITIES)
def test_case_and_whitespace_keep_the_words(severity: int) -> None:
    before, upper = written(), run(texts.case, severity)
    assert [text.lower() for text in upper] == before
    switched = sum(w.isupper() for t in upper for w in t.split()) / sum(
        len(t.split()) for t in before
    )
    assert switched == pytest.approx(texts.SWITCHED[severity - 1], rel=0.06)
    spaced = run(texts.whitespace, severity, given=[text[:100] for text in before])
    assert [text.split() for text in spaced] == [text[:100].split() for text in before]
    gaps = [len(text) for one in spaced for text in one.replace("\n", " ").split()]
    assert gaps
    assert run(texts.case, 5, given=["YES no"] * 3) == ["yes NO"] * 3


def test_a_text_that_does_not_change_keeps_its_bytes_and_windows_are_filled_with_blanks() -> None:
    inputs = torch.tensor([[0xA9, 97, 32, 98, 99, 0xC3]])  # halves of characters at both ends
    window = task(TextCode(by="bytes"), 6)
    draws = Draws(1, torch.arange(1))
    same = texts.whitespace(inputs[:, [0, 1, 3, 4, 5, 5]], 5, draws, window)
    assert same.tolist() == [[0xA9, 97, 98, 99, 0xC3, 0xC3]]
    upper = texts.case(inputs, 5, draws, window)
    assert upper.tolist() == [[0xA9, 65, 32, 66, 67, 0xC3]]
    dropped = texts.dropped(
        torch.tensor([list(b"ab cd ef gh ")]), 5, draws, task(TextCode(by="bytes"), 12)
    )
    assert len(bytes(dropped[0].tolist()).split()) == 2 and dropped[0, -6:].tolist() == [32] * 6


def test_draws_belong_to_the_example() -> None:
    inputs = torch.from_numpy(BYTES.rows(written()[:20], LENGTH)).long()
    whole = texts.typos(inputs, 5, Draws(5, torch.arange(20)), task())
    part = texts.typos(inputs[7:9], 5, Draws(5, torch.arange(7, 9)), task())
    assert torch.equal(part, whole[7:9])


def test_words_become_unknown_and_blanks_between_them_are_nothing() -> None:
    code = TextCode.learn("words", written(), 300)
    after = run(texts.typos, 5, code)
    assert 0.2 < np.mean([text.count("\ufffd") / len(text.split()) for text in after]) < 0.7
    with pytest.raises(NotApplicable, match="blanks between words are no tokens"):
        run(texts.whitespace, 5, code)


def test_what_is_no_text_is_left_out() -> None:
    numbers, draws = torch.ones(2, 8, dtype=torch.int64), Draws(1, torch.arange(2))
    for shift in (texts.typos, texts.swaps, texts.dropped, texts.case, texts.whitespace):
        with pytest.raises(NotApplicable, match="are no text"):
            shift(numbers, 1, draws, task(None, 8))
    with pytest.raises(NotApplicable, match="no token means that one is over"):
        texts.shortened(numbers, 1, task(TextCode(by="bytes"), 8))


def test_what_is_shortened_ends_earlier() -> None:
    inputs = torch.tensor([[*range(1, 11), 0, 0], [*range(1, 6), *[0] * 7]])
    found = texts.shortened(inputs, 3, task(length=12))
    assert found.tolist() == [[1, 2, 3, 4, 5, *[0] * 7], [1, 2, 3, *[0] * 9]]
    steps = torch.arange(10.0).view(1, 10, 1)
    held = texts.shortened(steps, 5, task(None, 10, "sequence"))
    assert held.flatten().tolist() == [0.0, 1.0, *[1.0] * 8]

"""Texts as numbers of things, and back: what each way keeps, what it learns, and what it cannot write."""

import numpy as np
import pytest

from harness.data.task import Task
from harness.data.text_code import UNKNOWN, TextCode

TEXTS = ["the café is open, the bar is not", "the bar — it is open  again"] * 2
WAYS = ("bytes", "characters", "words", "bpe")


@pytest.mark.parametrize("by", WAYS)
def test_numbers_of_a_text_give_the_text_again(by: str) -> None:
    pytest.importorskip("tokenizers") if by == "bpe" else None
    code = TextCode.learn(by, TEXTS, 300)
    for text in TEXTS:
        numbers = code.numbers(text)
        assert 0 < min(numbers) <= max(numbers) < code.size
        again = code.text([*numbers, 0, 0])
        assert again == (
            text.replace(",", " ,").replace("  ", " ") if by == "words" else text
        )  # padding is none
        assert code.numbers(again) == numbers


def test_what_is_rare_in_training_is_unknown() -> None:
    code = TextCode.learn("words", ["a b b", "b c c a"], 100)
    assert code.things == ("", UNKNOWN, "b", "a", "c")  # by how often, then by letter
    assert TextCode.learn("words", ["a b b c"], 100).numbers("a b c") == [1, 2, 1]
    assert TextCode.learn("characters", ["abba", "bc"], 4).things == ("", UNKNOWN, "b", "a")
    assert code.text([2, 1, 4]) == f"b {UNKNOWN} c"


def test_rows_are_cut_and_filled_up() -> None:
    code = TextCode.learn("bytes", [], 300)
    rows = code.rows(["abc", "", "é"], 2)
    assert rows.dtype == np.uint8
    assert rows.tolist() == [[97, 98], [0, 0], [0xC3, 0xA9]]


def test_bytes_that_are_no_text_and_halves_of_characters_pass() -> None:
    code = TextCode.learn("bytes", [], 300)
    assert code.text([97, 0xC3]) == f"a{UNKNOWN}"
    assert code.numbers("a\ud800") == [97, 63]


def test_a_task_keeps_its_text() -> None:
    code = TextCode.learn("words", TEXTS, 300)
    task = Task(
        modality="tokens", problem="classification", input_shape=(4,), outputs=2, low=0, high=5,
        text=code,
    )  # fmt: skip
    assert Task.from_json(task.to_json()).text == code

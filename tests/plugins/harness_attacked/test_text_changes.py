"""What edits did to a text, in one line."""

from harness.api import TextCode
from harness_attacked.text_changes import changed_text

BYTES = TextCode(by="bytes", padding=0)
WORDS = TextCode(by="words", things=("", "\ufffd", "good", "bad", "film"), padding=0, unknown=1)


def numbers(text: str) -> list[int]:
    return [*text.encode(), 0, 0]


def test_changes_stand_in_brackets() -> None:
    assert changed_text(numbers("a cat"), numbers("a cut"), BYTES) == "a c[a > u]t"
    assert changed_text(numbers("a cat"), numbers("a caat"), BYTES) == "a ca[ > a]t"
    assert changed_text([4, 2, 0], [4, 3, 0], WORDS) == "film [good > bad]"
    assert changed_text([4, 2, 7], [4, 3, 7], None) == "4 [2 > 3] 7"


def test_what_stays_is_shown_around_the_changes_alone() -> None:
    shown = changed_text(
        numbers("x" * 100 + "a" + "y" * 100), numbers("x" * 100 + "b" + "y" * 100), BYTES
    )
    assert shown == "…" + "x" * 30 + "[a > b]" + "y" * 30 + "…"

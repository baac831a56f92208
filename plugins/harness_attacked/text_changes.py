"""What edits did to a text, in one line: what stays, and in brackets what was and what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from harness.api import TextCode

AROUND = 30  # characters that are shown before and behind a change


def changed_text(before: Sequence[int], after: Sequence[int], code: TextCode | None) -> str:
    """Return a text with its changes, "it was [good > bad] and ...", of long parts that stay only the ends.

    before, after: numbers of things; they stand for themselves where they are no text.
    """
    texts = [_write(numbers, code) for numbers in (before, after)]
    matcher = SequenceMatcher(a=texts[0], b=texts[1], autojunk=False)
    found = []
    steps = matcher.get_opcodes()
    for place, (what, a, b, c, d) in enumerate(steps):
        if what == "equal":
            found.append(_ends(texts[0][a:b], first=place == 0, last=place == len(steps) - 1))
        else:
            found.append([f"[{_join(texts[0][a:b], code)} > {_join(texts[1][c:d], code)}]"])
    return _join([one for part in found for one in part], code)


def _write(numbers: Iterable[int], code: TextCode | None) -> list[str]:
    """Return what is compared: characters of a text, words where these are tokens, else numbers."""
    if code is None:
        return [str(number) for number in numbers]
    text = code.text(numbers)
    return text.split(" ") if code.by == "words" else [*text]


def _join(parts: Sequence[str], code: TextCode | None) -> str:
    return ("" if code is not None and code.by != "words" else " ").join(parts)


def _ends(parts: list[str], *, first: bool, last: bool) -> list[str]:
    """Return a part that stays, without its middle where that is long."""
    if len(parts) <= 2 * AROUND:
        return parts
    if first:
        return ["…", *parts[-AROUND:]]
    return [*parts[:AROUND], "…"] if last else [*parts[:AROUND], "…", *parts[-AROUND:]]

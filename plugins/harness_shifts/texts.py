"""What happens to a text between who wrote it and who reads it: changed as a text, and made tokens anew.

The severities are chosen here, as there is no published table; each is a share of what could change, and of an example as
many are changed as that share of its own is, the fraction left over by chance. After Belinkov & Bisk 2018, arXiv:1711.02173
(typing errors of neighbouring keys, characters that change places).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch

from harness.api import Draws, NotApplicable, Task
from harness_shifts.severity import at_severity

TYPED = (0.01, 0.02, 0.05, 0.1, 0.2)  # of the letters
SWAPPED = (0.05, 0.1, 0.2, 0.35, 0.5)  # of the words that have two neighbours which differ
DROPPED = (0.05, 0.1, 0.2, 0.3, 0.5)  # of the words
SWITCHED = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the words with letters
SPACED = (0.1, 0.25, 0.5, 0.75, 1.0)  # of the blanks between words
SHORTENED = (0.1, 0.25, 0.5, 0.65, 0.8)  # of the steps

BLANK = 32  # the byte
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD = re.compile(r"\S+")
_GAP = re.compile(r"(?<=\S)\s+(?=\S)")

Draw = Sequence[float]  # numbers from 0 to 1 of an example


def _neighbours() -> dict[str, str]:
    """Return {letter: the keys beside it}, of its row and, half a key askew, of those above and below (QWERTY)."""
    places = {
        key: (row, at + row / 2) for row, keys in enumerate(_KEYS) for at, key in enumerate(keys)
    }
    return {
        key: "".join(
            other
            for other, (r, x) in places.items()
            if other != key and abs(r - row) <= 1 and abs(x - at) <= 1
        )
        for key, (row, at) in places.items()
    }


NEIGHBOURS = _neighbours()


def typos(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return texts in which letters have become a key beside them, in the same case.

    inputs: ``(batch, time)``.

    Raises:
        NotApplicable: Tokens are no text.
    """
    share = at_severity(TYPED, severity)

    def change(text: str, chance: Draw, pick: Draw) -> str:
        letters = [at for at, letter in enumerate(text) if letter.lower() in NEIGHBOURS]
        found = list(text)
        for at in chosen(letters, share, chance):
            near = NEIGHBOURS[text[at].lower()]
            key = near[int(pick[at] * len(near))]
            found[at] = key.upper() if text[at].isupper() else key
        return "".join(found)

    return rewrite(inputs, draws, task, "typos", change)


def swaps(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return texts in some of whose words two neighbouring characters that differ have changed places.

    inputs: ``(batch, time)``.

    Raises:
        NotApplicable: Tokens are no text.
    """
    share = at_severity(SWAPPED, severity)

    def change(text: str, chance: Draw, pick: Draw) -> str:
        words = {}
        for match in _WORD.finditer(text):
            pairs = [at for at in range(match.start(), match.end() - 1) if text[at] != text[at + 1]]
            if pairs:
                words[match.start()] = pairs
        found = list(text)
        for start in chosen(list(words), share, chance):
            at = words[start][int(pick[start] * len(words[start]))]
            found[at], found[at + 1] = found[at + 1], found[at]
        return "".join(found)

    return rewrite(inputs, draws, task, "swaps", change)


def dropped(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return texts without some of their words, each with the blanks behind it; one word at least stays.

    inputs: ``(batch, time)``.

    Raises:
        NotApplicable: Tokens are no text.
    """
    share = at_severity(DROPPED, severity)

    def change(text: str, chance: Draw, pick: Draw) -> str:
        words = [match.span() for match in re.finditer(r"\S+\s*", text)]
        gone = set(chosen([start for start, _ in words], share, chance)[: len(words) - 1])
        if not gone:
            return text
        return text[: words[0][0]] + "".join(text[a:b] for a, b in words if a not in gone)

    return rewrite(inputs, draws, task, "dropped", change)


def case(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return texts some of whose words are in capitals; those that are in capitals already, in small letters.

    inputs: ``(batch, time)``.

    Raises:
        NotApplicable: Tokens are no text.
    """
    share = at_severity(SWITCHED, severity)

    def change(text: str, chance: Draw, pick: Draw) -> str:
        words = {m.start(): m[0] for m in _WORD.finditer(text) if m[0].upper() != m[0].lower()}
        found = text
        for start in sorted(chosen(list(words), share, chance), reverse=True):
            word = words[start]
            other = word.lower() if word == word.upper() else word.upper()
            found = found[:start] + other + found[start + len(word) :]
        return found

    return rewrite(inputs, draws, task, "case", change)


def whitespace(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return texts with one to three more blanks, or the end of a line, between some of their words.

    inputs: ``(batch, time)``.

    Raises:
        NotApplicable: Tokens are no text, or blanks are none of them.
    """
    if task.text is not None and task.text.by == "words":
        raise NotApplicable("blanks between words are no tokens of this data, so nothing changes")
    share = at_severity(SPACED, severity)

    def change(text: str, chance: Draw, pick: Draw) -> str:
        gaps = {match.start(): match.end() for match in _GAP.finditer(text)}
        found = text
        for start in sorted(chosen(list(gaps), share, chance), reverse=True):
            more = (" ", "  ", "   ", "\n")[int(pick[start] * 4)]
            found = found[: gaps[start]] + more + found[gaps[start] :]
        return found

    return rewrite(inputs, draws, task, "whitespace", change)


def shortened(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return examples that end earlier: padding follows in a text, the last step held in a sequence.

    inputs: ``(batch, time)`` or ``(batch, steps, features)``.

    Raises:
        NotApplicable: Tokens are windows of one length, or no text: there is nothing to fill them up with.
    """
    steps = inputs.shape[1]
    share = at_severity(SHORTENED, severity)
    found = inputs.clone()
    if inputs.dim() > 2:
        kept = max(1, steps - round(share * steps))
        found[:, kept:] = inputs[:, kept - 1 : kept]
        return found
    padding = None if task.text is None else task.text.padding
    if padding is None:
        raise NotApplicable("all examples are of one length, and no token means that one is over")
    lengths = (inputs != padding).sum(1)
    kept_of_each = (lengths - (share * lengths).round()).clamp_min(1)
    found[torch.arange(steps, device=inputs.device) >= kept_of_each[:, None]] = padding
    return found


def chosen(places: Sequence[int], share: float, chance: Draw) -> list[int]:
    """Return a share of some places: those whose chance is least, as many as the share of their number is.

    The fraction that is left over is one more as often as it is large, by the last number of `chance`.
    """
    count = int(share * len(places) + chance[-1])
    return sorted(places, key=lambda place: chance[place])[:count]


def rewrite(
    inputs: torch.Tensor,
    draws: Draws,
    task: Task,
    stream: str,
    change: Callable[[str, Draw, Draw], str],
) -> torch.Tensor:
    """Return tokens ``(batch, time)`` of texts that were changed: cut where they became longer, filled up where shorter.

    change: from a text, chances and picks (a number for each of its characters; of chances one more) to another text. A
    text that it leaves keeps its tokens. A window of a longer text is filled up with blanks.

    Raises:
        NotApplicable: Tokens are no text.
    """
    code = task.text
    if code is None:
        raise NotApplicable("the tokens of this data are no text")
    rows = inputs.cpu().numpy()
    texts = [code.text(row, lossless=True) for row in rows]
    most = max(map(len, texts), default=0)
    chances = draws.uniform(stream, (most + 1,)).roll(-1, 1).cpu().tolist()
    picks = draws.uniform(f"{stream}/pick", (most,)).cpu().tolist()
    found = inputs.clone()
    for row, text in enumerate(texts):
        changed = change(text, chances[row], picks[row])
        if changed != text:
            numbers = code.numbers(changed)[: len(rows[row])]
            filled = BLANK if code.padding is None else code.padding
            numbers += [filled] * (len(rows[row]) - len(numbers))
            found[row] = torch.tensor(numbers, dtype=inputs.dtype, device=inputs.device)
    return found

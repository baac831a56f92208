"""What sentences are made of: how many of what, the first of a list, signs that show."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things: "1 job", "0 jobs", "3,000 jobs".

    many: what follows other numbers than 1, where that is not `one` and an s ("1 row has", "2 rows have").
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def several(word: str) -> str:
    """Return a word for several of a thing: "images"; "tokens" as it is."""
    return word if word.endswith("s") else word + "s"


def headed(title: str) -> str:
    """Return a title that begins with a capital letter, but for a word that has one of its own, such as mIoU."""
    word = title.partition(" ")[0]
    return title if word[1:] != word[1:].lower() else title[:1].upper() + title[1:]


def list_some(words: Sequence[str], most: int = 5) -> str:
    """Return the first words of a list and how many more there are: "a, b and 3 more"."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def duration(seconds: float) -> str:
    """Return a time: "50 s", "3:20 min", "2:05 h"."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def apart(first: float, second: float, write: Callable[[float, int], str]) -> tuple[str, str]:
    """Return two numbers as text, with as few digits as tell them apart.

    write(number, more) -> the text with so many digits more than usual; of equal numbers it is the usual one.
    """
    for more in range(6):
        texts = write(first, more), write(second, more)
        if texts[0] != texts[1]:
            return texts
    return write(first, 0), write(second, 0)


def printable(text: str, kept: str = "\n") -> str:
    """Return a text in which signs that would steer a terminal, such as escapes in a name, are as they are written.

    kept: signs that stay.
    """
    return "".join(
        sign if sign.isprintable() or sign in kept else repr(sign)[1:-1] for sign in text
    )


def size_words(size: float) -> str:
    """Return a number of bytes in three digits: "512 bytes", "7.5 GB"."""
    for unit, power in (("TB", 4), ("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 0.9995 * 1000**power:
            return f"{size / 1000**power:.3g} {unit}"
    return counted(int(size), "byte")

"""Words that may stand for each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.api import UsageError

ENGLISH = (
    "a, one", "about, around", "all, every", "also, too", "although, though, while", "always, ever",
    "and, plus", "answer, reply, response", "bad, poor, awful", "because, since, as", "before, prior to",
    "begin, start, commence", "best, finest", "big, large, great", "but, yet, however", "buy, purchase",
    "call, invoke", "can, may, might", "change, alter, modify", "child, kid", "choose, select, pick",
    "class, kind, sort, type", "clear, plain, obvious", "create, make, build, produce", "default, standard, usual",
    "delete, remove, erase", "different, other, distinct", "do, perform", "easy, simple", "end, finish, stop",
    "error, fault, mistake", "example, instance, sample", "fast, quick, rapid", "few, some", "film, movie, picture",
    "find, locate, discover", "first, initial", "for, of", "function, routine", "get, obtain, receive, fetch",
    "give, provide, supply", "good, fine, nice, great", "happy, glad, pleased", "help, aid, assist", "hold, keep, contain",
    "idea, thought, notion", "if, when, whenever", "important, vital, key", "in, within, inside", "job, task, work",
    "join, connect, combine", "just, only, merely", "know, understand", "last, final", "like, as", "list, series",
    "little, small, tiny", "look, seem, appear", "many, several, numerous", "method, procedure", "more, further, additional",
    "must, should, shall", "name, title, label", "need, require, want", "never, not once", "new, fresh, recent",
    "not, never", "object, thing, item", "often, frequently", "old, former, previous", "on, upon", "open, begin",
    "or, else", "order, sequence", "part, piece, portion", "place, put, set", "possible, feasible", "problem, issue, trouble",
    "quickly, fast, rapidly", "read, load", "really, truly, very", "return, give, yield", "right, correct, proper",
    "run, execute", "sad, unhappy", "same, identical, equal", "say, state, tell", "see, view, watch", "send, transmit, pass",
    "set, group, collection", "show, display, present", "strong, powerful", "take, accept", "text, string", "the, this, that",
    "then, next, afterwards", "to, towards", "try, attempt", "use, employ, apply", "value, number, amount", "wait, pause",
    "way, manner, mode", "whole, entire, complete", "will, shall", "with, using", "write, save, store", "wrong, incorrect, false",
)  # fmt: skip


def read_groups(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return {word in small letters: those that may stand for it, in the order of the lines}."""
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        group = [word.strip() for word in line.split(",") if word.strip()]
        for word in group:
            others = found.setdefault(word.lower(), {})
            others.update(dict.fromkeys(other for other in group if other.lower() != word.lower()))
    return {word: tuple(others) for word, others in found.items() if others}


def read_words(path: str) -> dict[str, tuple[str, ...]]:
    """Return what may stand for which word, of a file; of a small English list where none is named.

    Raises:
        UsageError: The file is not there, is not in UTF-8, or has no line of two words.
    """
    if not path:
        return read_groups(ENGLISH)
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"words={path!r} cannot be read: {error}") from None
    found = read_groups(lines)
    if not found:
        raise UsageError(f"words={path!r} has no line of two words with a comma between them")
    return found


def as_written(word: str, other: str) -> str:
    """Return another word, in capitals or with a capital where the word is."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other

"""Every error that the harness raises on purpose.

    HarnessError                exit code 1
    |-- UsageError              exit code 2: what a person wrote cannot be done
    |   |-- ProblemsError       several problems at once, each with its place
    |   +-- UnknownNameError    no item of that name
    |-- PluginError             a plugin is broken, clashes or is blocked
    |-- DataError               the contents of a data set are not usable
    |-- CheckpointError         weights that do not fit the model
    |-- OutOfMemory             an allocation failed; the outcome is `oom`
    |-- NotApplicable           a job makes no sense here; the outcome is `skipped`
    +-- StoreError              the store cannot be read or written

    KeyboardInterrupt
    +-- Interrupted             exit code 130: a run was stopped (`harness.execute.interrupts`)

The message is a sentence for a person: what, where, got, allowed, and what to do.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class HarnessError(Exception):
    """Anything that the harness refuses or fails at, in words."""

    exit_code = 1


class UsageError(HarnessError):
    """What a person asked for cannot be done as written."""

    exit_code = 2


class PluginError(UsageError):
    """A plugin is broken, clashes with another one, or is blocked."""


class DataError(HarnessError):
    """The contents of a data set are not usable."""


class CheckpointError(HarnessError):
    """Weights that do not fit the model that should take them."""


class OutOfMemory(HarnessError):
    """An allocation failed; the job ends as `oom`."""


class NotApplicable(HarnessError):
    """A job makes no sense here; it ends as `skipped` with this reason."""


class StoreError(HarnessError):
    """The store cannot be read or written."""

    exit_code = 2


class UnknownNameError(UsageError):
    """No item of a kind bears the name that was given."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Say which `name` of which `kind` is not among `known`, and what is near."""
        self.kind, self.name = kind, name
        super().__init__(f"no {kind} is named {name!r}{nearest(name, known)}")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with what a person wrote, and where it stands."""

    message: str
    where: str = ""  # a file name, or the switch of the command line
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        place = self.where + (f":{self.line}" if self.line else "")
        return ": ".join(part for part in (place, self.key, self.message) if part)


class ProblemsError(UsageError):
    """All the problems of a suite at once."""

    def __init__(self, problems: Sequence[Fault]) -> None:
        """Join the `problems`, one a line."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


_FEW = 15  # names that are all told


def did_you_mean(name: str, known: Iterable[str], written: Callable[[str], str] = str) -> str:
    """Return the end of an error, '; did you mean ...?', where names are like the one that was given; else "".

    Where it is several names with commas between them, that says how to give these.

    written: a name as it is to be given, such as with its folder.
    """
    names = set(known)
    parts = [part.strip() for part in name.split(",")]
    if len(parts) > 1 and all(_is_among(part, names) for part in parts):
        return f"; give {' and '.join(map(repr, parts))} one by one: repeat the switch, or write a list in a suite"
    within = difflib.get_close_matches(name, _within(name, names), n=3, cutoff=0.0)
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.6)
    close = list(dict.fromkeys([*within, *close]))[:3]
    words = " or ".join(repr(written(one)) for one in close)
    return f"; did you mean {words}?" if close else ""


def _within(name: str, known: Iterable[str]) -> list[str]:
    """Return the names of which each word is like one of those of `name`, as that of accuracy is in test_acuracy."""
    words = _words(name)
    return sorted(
        one
        for one in known
        if (parts := _words(one))
        and all(difflib.get_close_matches(part, words, n=1, cutoff=0.8) for part in parts)
    )


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())


def near_path(name: str) -> str:
    """Return "; did you mean './photos'?" where something beside a path that leads nowhere has a name like its own."""
    folder, base = os.path.split(name.rstrip("/"))
    try:
        beside = os.listdir(Path(folder).expanduser())
        return did_you_mean(base, beside, lambda other: os.path.join(folder, other))
    except OSError:  # that folder is not there either
        return ""


def _is_among(name: str, known: Collection[str]) -> bool:
    """Whether a name is known, or its family, as timm/ is of timm/resnet18."""
    return name in known or "".join(name.partition("/")[:2]) in known


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of an error: '; did you mean ...?', the names that have its words, or what is allowed.

    Of many names that are not like it the three least unlike are given, and how many there are.
    """
    names = sorted(set(known))
    if close := did_you_mean(name, names):
        return close
    if not names:
        return ""
    words = name.casefold().split()
    having = [one for one in names if words and all(word in one.casefold() for word in words)]
    if having:
        return f"; with {name!r} in it: {_first(having)}"
    if len(names) <= _FEW:
        return f"; allowed: {', '.join(names)}"
    few = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
    return f"; the nearest of {len(names):,} are {', '.join(map(repr, few))}"


def _first(names: Sequence[str], most: int = 5) -> str:
    """Return the first names, and how many there are where that is not all."""
    shown = ", ".join(names[:most])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > most else shown

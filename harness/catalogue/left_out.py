"""What a measure left out of what it was asked for, and why: a warning that a run keeps and reports tell."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.catalogue.finding import Finding

FILE = "reasons.json"
NOTE = (
    "left_out"  # of an outcome: what a measure that was asked before the first fit will leave out
)
MOST_LETTERS = 1000  # of a reason
ADVICE = "All else was measured. Take it out of the suite, or see to what the reason says."


class LeftOut(UserWarning):
    """A measure could not do a part of what it was asked for; its words say which and why."""


@contextlib.contextmanager
def hearing_left_out() -> Iterator[list[str]]:
    """Give a list of what is left out in the meantime; it is shown as all warnings are, too."""
    kept: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", LeftOut)
        show = warnings.showwarning

        def keep(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, LeftOut) and (words := str(message)[:MOST_LETTERS]) not in kept:
                kept.append(words)
            show(message, category, *where, **more)

        warnings.showwarning = keep
        yield kept


@contextlib.contextmanager
def keeping_left_out(folder: Path) -> Iterator[None]:
    """Write what is left out in the meantime into a job's folder."""
    with hearing_left_out() as kept:
        yield
    if kept:
        (folder / FILE).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def read_left_out(folder: Path | None) -> tuple[Finding, ...]:
    """Return what a job left out, as findings that are good to know.

    Raises:
        OSError, ValueError, TypeError: It cannot be read, or is something else.
    """
    path = None if folder is None else folder / FILE
    if path is None or not path.exists():
        return ()
    said = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(said, list) or not all(isinstance(one, str) and one for one in said):
        raise TypeError(f"{path.name} is no list of reasons")
    return tuple(
        Finding(
            code="left-out",
            sentence=f"{one[0].upper()}{one[1:]}{'' if one.endswith('.') else '.'}",
            advice=ADVICE,
        )
        for one in said
    )

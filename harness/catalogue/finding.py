"""What a measure noticed about a model or its own figures, in words, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "findings.json"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a reader of a measure's figures should know.

    code: names the sort ("zero-gradients"). sentence: what was found, its numbers included.
    advice: what to do, a sentence too. numbers: those of the sentence, by name.
    flag: a few words that make the figures doubtful, for a footnote; the same for every model that has it.
        "" where the figures are right as they are, and this is good to know only.
    where: the figures that it concerns: those whose own `where` holds all of it, of a list one of its
        values; {}: all of the measure.
    """

    code: str
    sentence: str
    advice: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    flag: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)


def write_findings(folder: Path, findings: Iterable[Finding]) -> None:
    """Write findings into a job's folder; none at all say that somebody looked."""
    text = json.dumps([asdict(finding) for finding in findings], indent=1, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_findings(folder: Path | None) -> tuple[Finding, ...] | None:
    """Return the findings in a job's folder; None where nobody looked for any.

    Raises:
        OSError, ValueError, TypeError: They cannot be read, or are something else.
    """
    path = None if folder is None else folder / FILE
    if path is None or not path.exists():
        return None
    found = [Finding(**values) for values in json.loads(path.read_text(encoding="utf-8"))]
    for one in found:
        words = (one.code, one.sentence, one.advice, one.flag)
        if not all(isinstance(word, str) for word in words) or not isinstance(one.where, dict):
            raise TypeError(f"{words[0]!r} is no finding: its words are text, its where a table")
    return tuple(found)

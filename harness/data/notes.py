"""What a reader of files took its data for: tables of words that are kept beside a prepared data set."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.catalogue.counts import counted

FILE = "notes.json"


@dataclass(frozen=True, kw_only=True)
class DataNote:
    """A table for a person: what was read, left out or changed, and what would do otherwise.

    title: of the table ("Columns of data.csv"). header: the names of its columns.
    rows: texts, one for each column of the header. told: positions of the rows that the terminal shows
        too, where a table may be long: what was left out or changed. None: all.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    told: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a row of another length."""
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"{self.title}: {counted(len(self.header), 'column')}, but the row {row!r}"
                )

    def shown(self, *, whole: bool) -> tuple[tuple[str, ...], ...]:
        """Return all rows, or those that are told in short."""
        if whole or self.told is None:
            return self.rows
        return tuple(self.rows[place] for place in self.told)


def write_notes(folder: Path, notes: Iterable[DataNote]) -> None:
    """Write notes into the folder of a prepared data set."""
    text = json.dumps([asdict(note) for note in notes], indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_notes(folder: Path | None) -> tuple[DataNote, ...]:
    """Return the notes in a folder; none where nobody took any.

    Raises:
        OSError, ValueError, TypeError, KeyError: They cannot be read, or are something else.
    """
    path = None if folder is None else folder / FILE
    if path is None or not path.exists():
        return ()
    return tuple(
        DataNote(
            title=str(values["title"]),
            header=tuple(map(str, values["header"])),
            rows=tuple(tuple(map(str, row)) for row in values["rows"]),
            told=None if values["told"] is None else tuple(map(int, values["told"])),
        )
        for values in json.loads(path.read_text(encoding="utf-8"))
    )


def say_notes(notes: Iterable[DataNote]) -> list[str]:
    """Return notes as lines of plain text, for a log: the columns below one another."""
    lines: list[str] = []
    for note in notes:
        table = [note.header, *note.rows]
        widths = [max(len(row[place]) for row in table) for place in range(len(note.header))]
        lines.append(note.title)
        for row in table:
            cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
            lines.append("  " + "  ".join(cells).rstrip())
    return lines

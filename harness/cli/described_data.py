"""`harness show data`: a data set in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.catalogue.counts import list_some, printable

if TYPE_CHECKING:
    from harness.data.description import DataDescription
    from harness.data.notes import DataNote

MOST_CLASSES = 10  # named; more are counted
MOST_FEATURES = 40


def print_description(found: DataDescription) -> None:
    """Print what a data set was taken for, and what was found in it; no text is read as markup."""
    console = Console(highlight=False)
    task = found.task
    console.print(_text(found.label, style="bold"))
    for word, value in _facts(found):
        console.print(_text(f"{word:12}{value}"), soft_wrap=True)
    for note in found.notes:
        console.print()
        console.print(_text(note.title, style="bold"))
        console.print(_table(note))
    if not found.findings:
        console.print("\nNothing was found that makes figures doubtful.", markup=False)
    for finding in found.findings:
        console.print()
        console.print(
            _text(finding.flag or "good to know", style="yellow" if finding.flag else "bold")
        )
        console.print(Padding(_text(finding.sentence), (0, 0, 0, 2)))
        console.print(Padding(_text(finding.advice, style="dim"), (0, 0, 0, 2)))
    if task.feature_names:
        console.print()
        some = list_some(task.feature_names, MOST_FEATURES)  # all of them are in the JSON
        console.print(_text(f"features     {some}"), soft_wrap=True)


def description_json(found: DataDescription) -> dict[str, Any]:
    """Return the description for another program."""
    return asdict(found)


def _text(words: str, style: str = "") -> Text:
    return Text(printable(words), style)


def _facts(found: DataDescription) -> list[tuple[str, str]]:
    task = found.task
    counts = ", ".join(f"{count:,} {name}" for name, count in task.counts.items())
    shape = " x ".join(map(str, task.input_shape))
    facts = [
        ("examples", counts),
        ("input", f"{task.modality}, {shape}, {task.low:.6g} to {task.high:.6g}"),
        ("problem", task.problem),
    ]
    if task.class_names:
        facts.append(("classes", list_some([*map(repr, task.class_names)], MOST_CLASSES)))
    return facts


def _table(note: DataNote) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in note.header:
        table.add_column(_text(name), header_style="dim", overflow="fold")
    for row in note.rows:
        table.add_row(*(_text(text) for text in row))
    return table

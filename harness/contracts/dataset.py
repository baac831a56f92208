"""What a data set must satisfy."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from harness.catalogue.in_use import names_of, problem_named
from harness.catalogue.kinds import Dataset
from harness.catalogue.references import call
from harness.contracts.subject import Subject, require
from harness.data.prepare import prepare
from harness.data.task import LoadedData, Task
from harness.plan.files import settle_by_files


def _prepare(subject: Subject) -> tuple[Task, str]:
    """Return the task and a digest of all that was written."""
    chosen = subject.choose()
    found = hashlib.sha256()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loaded = call(
            chosen.item.load,  # type: ignore[attr-defined]
            options=chosen.model(),
            preprocessing=None,
        )
        require(
            isinstance(loaded, LoadedData),
            f"it returned a {type(loaded).__name__}, not harness.api.LoadedData",
        )
        task = prepare(chosen, 0, folder)
        for file in ("inputs.npy", "targets.npy", "split.npy", "task.json"):
            found.update((folder / file).read_bytes())
    return task, found.hexdigest()


def check_prepares(subject: Subject) -> None:
    """It loads, and its contents pass the checks that every run makes."""
    task, _ = subject.keep("prepared", lambda: _prepare(subject))
    require(task.counts["train"] > 0, "it has no training examples")
    require(task.counts["test"] > 0, "it has no test examples")


def check_declared(subject: Subject) -> None:
    """Its examples are of the modality and the problem that it declares."""
    item = subject.item
    assert isinstance(item, Dataset)
    for kind in ("modality", "problem"):
        known, said = names_of(kind), getattr(item, kind)
        require(said in known, f"{kind} is {said!r}; one of {known}")
    options = settle_by_files(subject.choose()).options
    task, _ = subject.keep("prepared", lambda: _prepare(subject))
    for name, found in (("modality", task.modality), ("problem", task.problem)):
        declared = options.get(name) or getattr(item, name)
        require(declared == found, f"it declares the {name} {declared!r} and loads {found!r}")
    fits = problem_named(task.problem).modalities
    require(
        not fits or task.modality in fits,
        f"it asks {task.problem} of {task.modality} examples, which is for {', '.join(fits)}",
    )


def check_same_twice(subject: Subject) -> None:
    """Loaded twice, it is the same bit for bit."""
    _, first = subject.keep("prepared", lambda: _prepare(subject))
    _, again = _prepare(subject)
    require(first == again, "it loads other examples the second time; fix its seed and its order")


CONTRACTS = (check_prepares, check_declared, check_same_twice)

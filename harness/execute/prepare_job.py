"""What a job of sort "prepare" does: a data set, or a corrupted copy of one, made ready once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.catalogue.finding import read_findings
from harness.data.corrupt import corrupt
from harness.data.notes import read_notes, say_notes
from harness.data.other import prepare_other
from harness.data.prepare import prepare
from harness.data.preprocessing import Preprocessing
from harness.data.refusal import write_refusal
from harness.data.task import Task
from harness.errors import NotApplicable
from harness.execute.request import Items, Request
from harness.measure.metric import Metric
from harness.plan.content import check_unchanged, files_digest

_BY_FEATURE = ("mean", "std", "offset", "feature_names", "text")  # long; they are in task.json


def run(
    request: Request, items: Items, metric: Callable[[Metric], None], notes: dict[str, Any]
) -> None:
    """Make a data set ready, or a corrupted copy of one."""
    spec, folder = request.job.spec, Path(request.folder)
    if "shift" in spec:
        together([request])(request, items, metric, notes)
        return
    asked = spec.get("preprocessing")
    preprocessing = None if asked is None else Preprocessing.from_json(asked)
    dataset = items("dataset", spec["dataset"])
    with _whole(folder):
        if "other" in spec:
            clean, same_classes = Path(request.needs[spec["data"]]), spec["other"] == "classes"
            task = prepare_other(clean, dataset, preprocessing, same_classes, folder)
        else:
            task = prepare(dataset, spec["seed"], folder, preprocessing)
        check_unchanged(f"the files of {dataset.label!r}", spec["files"], files_digest(dataset))
    say(folder)
    _tell(task, metric, notes)


@contextmanager
def _whole(folder: Path) -> Iterator[None]:
    """Leave no array in a folder, which may be gigabytes, where making them ends with an error."""
    try:
        yield
    except BaseException:
        for path in folder.glob("*.npy"):
            path.unlink()
        raise


def together(
    requests: Sequence[Request],
) -> Callable[[Request, Items, Callable[[Metric], None], dict[str, Any]], None]:
    """Return what `run` is for corrupted copies that are made in one pass: of one data set, under one shift.

    The first call makes all of them. One that cannot be made fails alone; where the shift does not apply to the data, that is
    what is written.
    """
    first = requests[0]
    spec = first.job.spec
    folders = {int(one.job.spec["severity"]): Path(one.folder) for one in requests}
    streamed = frozenset(int(one.job.spec["severity"]) for one in requests if one.streamed)
    made: dict[int, Task | Exception] = {}

    def run_one(
        request: Request, items: Items, metric: Callable[[Metric], None], notes: dict[str, Any]
    ) -> None:
        if not made:
            clean, shift = Path(first.needs[spec["data"]]), items("shift", spec["shift"])
            made.update(corrupt(clean, shift, folders, spec["seed"], streamed))
        task = made[request.job.spec["severity"]]
        if isinstance(task, NotApplicable):  # those that measure leave it out, and measure the rest
            write_refusal(Path(request.folder), task)
            print(f"nothing is made: {task}", flush=True)
            metric(Metric(name="examples", value=0, unit="count", exact=True))
            return
        if isinstance(task, Exception):
            with _whole(Path(request.folder)):
                raise task
        if request.streamed:
            print("there is no room for it on the disk: it is made where it is read", flush=True)
        say(Path(request.folder))
        _tell(task, metric, notes)

    return run_one


def _tell(task: Task, metric: Callable[[Metric], None], notes: dict[str, Any]) -> None:
    notes["task"] = {
        name: value for name, value in task.to_json().items() if name not in _BY_FEATURE
    }
    metric(Metric(name="examples", value=sum(task.counts.values()), unit="count", exact=True))


def say(folder: Path) -> None:
    """Write what a prepared data set was taken for, and what was found in it, into the job's log."""
    lines = say_notes(read_notes(folder))
    lines += [f"{one.sentence} {one.advice}" for one in read_findings(folder) or ()]
    if lines:
        print("\n".join(lines), flush=True)

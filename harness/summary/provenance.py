"""Where a run's figures come from: its command, commit, suite, and how each model was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.catalogue.counts import counted, duration
from harness.plan.grammar import format_value
from harness.plan.search import with_settings
from harness.plan.toml_text import toml_text
from harness.store.run_data import JobRow, RunData
from harness.summary.metric_rows import RowKey
from harness.summary.report_data import Provenance, TrainingInfo


def read_provenance(run: RunData, series: Mapping[RowKey, str]) -> Provenance:
    """Return the provenance of a run. series: the name of each row of the table."""
    fits: dict[RowKey, list[JobRow]] = {}
    datasets = {
        job.axes["dataset"]: job.spec["dataset"]
        for job in run.jobs
        if job.sort == "prepare" and "dataset" in job.spec
    }
    for job in run.jobs:
        key = RowKey.of(job.axes)
        if job.sort == "fit" and job.status == "ok" and "seed" in job.axes and key in series:
            fits.setdefault(key, []).append(job)
    return Provenance(
        command=run.invocation.get("command", ""),
        commit=run.invocation.get("commit", ""),
        suite_text=toml_text(run.written) if run.written else "",
        trainings=tuple(
            TrainingInfo(
                dataset=key.dataset,
                series=series[key],
                facts=tuple(
                    fact
                    for fact in (
                        (
                            "architecture",
                            _behind(key.architecture, jobs[0].spec.get("architecture")),
                        ),
                        ("data set", _behind(key.dataset, datasets.get(key.dataset))),
                        *_facts(jobs),
                    )
                    if fact[1]
                ),
            )
            for key, jobs in fits.items()
        ),
    )


def train_share(training: Mapping[str, Any]) -> float:
    """Return the share of the training examples that a fit was trained on; of runs from before there were shares, 1."""
    return float(training.get("train_share", 1.0))


def _behind(label: str, spec: Mapping[str, Any] | None) -> str:
    """Return the item that a suite gives a label of its own; "" where the label is the item's name, with or without options."""
    if spec is None or label == spec["name"] or label.startswith(f"{spec['name']}:"):
        return ""
    return _item(spec)


def _facts(fits: Sequence[JobRow]) -> Iterator[tuple[str, str]]:
    """Yield (what, text) of the fits of one row, one a seed."""
    searched = fits[0].notes.get("searched") or {}
    training = with_settings(fits[0].spec["training"], searched.get("settings", {}))
    epochs = [int(fit.notes.get("epochs", training["epochs"] or 0)) for fit in fits]
    planned = max(int(fit.notes.get("planned_epochs", training["epochs"] or 0)) for fit in fits)
    started = fits[0].label.partition(", taught by ")[0].partition(", from ")[2]
    yield "weights", f"of {started}" if started else str(training["weights"])
    if any(epochs) or planned:
        rates = [_rate(fit.notes.get("learning_rate"), training) for fit in fits]
        stopped = f" of {planned}" if min(epochs) < planned else ""
        by_default = " (the default length)" if training["epochs"] is None else ""
        yield "epochs", _range(epochs) + stopped + by_default
        yield "optimizer", _item(training["optimizer"])
        yield "learning rate", _range(rates)
        if searched:
            best = ", ".join(
                f"{key}={_short(value)}" for key, value in searched["settings"].items()
            )
            failed, cores = searched.get("failed", 0), duration(searched["core_seconds"])
            trials = f"{searched['candidates'] + failed} trials on validation"
            lost = f", {failed} of which failed" if failed else ""
            cost = f"{trials}{lost}, {cores} of a core"
            yield "searched", f"{best} ({cost})"
        yield "schedule", _item(training["schedule"])
        yield "batch size", str(training["batch_size"])
        share = train_share(training)
        yield "training examples", "" if share == 1.0 else f"{share:g} of them, drawn for each seed"
        yield "objective", _item(training["objective"])
        yield "teacher", fits[0].label.partition(", taught by ")[2]
        for kind in ("augmentations", "techniques"):
            yield kind, ", ".join(map(_item, training.get(kind, ())))
        yield (
            "patience",
            "" if training["patience"] is None else counted(training["patience"], "epoch"),
        )
        yield "freeze", str(training["freeze"] or "")
    yield "pictures", str(fits[0].notes.get("preprocessing") or "")
    adapted = fits[0].notes.get("adaptations") or ()
    yield "first layers", "; ".join(adapted if not isinstance(adapted, str) else (adapted,))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else format_value(value)


def _rate(used: Any, training: Mapping[str, Any]) -> float:
    """Return the learning rate of a fit: the one that was given or found, else the optimizer's own."""
    return float(training["optimizer"]["options"]["learning_rate"] if used is None else used)


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):g}", f"{max(values):g}"
    return low if low == high else f"{low} to {high}"


def _item(spec: Mapping[str, Any]) -> str:
    """Return an item as a suite names it, all its options written out."""
    options = ",".join(
        f"{name}={format_value(value)}"
        for name, value in spec["options"].items()
        if value is not None and name != "learning_rate"
    )
    return f"{spec['name']}:{options}" if options else str(spec["name"])

"""Models that turned out to be one: trained to the same weights, bit for bit, though their options differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from harness.plan.jobs import ALSO
from harness.store.run_data import JobRow
from harness.summary.report_data import ModelFinding


def find_same_models(
    jobs: Iterable[JobRow], series: Callable[[JobRow], str | None]
) -> Iterator[ModelFinding]:
    """Yield a finding for each model that is another one of its base name, at every seed.

    Fits that load weights and do not train them tell nothing: an option may act in training alone.

    series: the name of a job's model; None where it has no place in the report.
    """
    groups: dict[tuple[Any, ...], dict[str, list[JobRow]]] = {}
    for job in jobs:
        name = series(job)
        trained = job.sort == "fit" and job.notes.get("epochs") and "weights_digest" in job.notes
        if trained and name is not None:
            alike = {k: v for k, v in job.axes.items() if k not in ("architecture", "seed", ALSO)}
            key = (job.spec["architecture"]["name"], *sorted(map(str, alike.items())))
            groups.setdefault(key, {}).setdefault(name, []).append(job)
    for models in groups.values():
        known: dict[tuple[Any, ...], str] = {}
        for name, fits in models.items():
            weights = tuple(sorted((job.axes["seed"], job.notes["weights_digest"]) for job in fits))
            first = known.setdefault(weights, name)
            if first != name:
                yield ModelFinding(
                    dataset=str(fits[0].axes["dataset"]),
                    series=name,
                    code="same-model",
                    flag="",
                    sentence=f"It is {first}, bit for bit after training: their options make no difference.",
                    advice="See whether the model uses the option in which they differ.",
                    seeds=tuple(seed for seed, _ in weights),
                    looked=len(weights),
                )

"""How models that bear one name in two runs were trained with other settings: a recipe is known by its name alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.plan.axes import ROW_AXES
from harness.plan.grammar import format_value
from harness.store.run_data import JobRow, RunData

Key = tuple[str | None, ...]  # the values of ROW_AXES; None where the runs differ in one as a whole


@dataclass(frozen=True, kw_only=True)
class TrainingDifference:
    """Settings that differ, {setting: (in A, in B)} in words, and the models of which they do."""

    models: tuple[str, ...]
    settings: Mapping[str, tuple[str, str]]


def training_differences(
    a: RunData, b: RunData, swapped: frozenset[str] = frozenset()
) -> tuple[TrainingDifference, ...]:
    """Return where fits of both runs differ in their settings, those of the same differences together.

    swapped: the axes in which the runs differ as a whole, by which fits are not matched.
    """
    first, second = _fits(a, swapped), _fits(b, swapped)
    keys = [key for key in first if key in second]
    shown = [place for place in range(len(ROW_AXES)) if len({key[place] for key in keys}) > 1]
    together: dict[tuple[tuple[str, tuple[str, str]], ...], list[str]] = {}
    for key in keys:
        settings = tuple(_differing(first[key], second[key]))
        if settings:
            words = " ".join(key[place] or "" for place in shown) or key[0] or "all models"
            together.setdefault(settings, []).append(words)
    return tuple(
        TrainingDifference(models=tuple(models), settings=dict(settings))
        for settings, models in together.items()
    )


def _fits(run: RunData, swapped: frozenset[str]) -> dict[Key, JobRow]:
    """Return a fit of each model: seeds differ in nothing that a recipe says."""
    found: dict[Key, JobRow] = {}
    for job in run.jobs:
        if job.sort == "fit" and "training" in job.spec:
            key = tuple(None if axis in swapped else job.axes.get(axis) for axis in ROW_AXES)
            if key not in found or job.status == "ok":
                found[key] = job
    return found


def _differing(a: JobRow, b: JobRow) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the settings that both fits have and that differ; the length of training first."""
    sides = _settings(a), _settings(b)
    for name in sides[0]:
        if name in sides[1] and sides[0][name] != sides[1][name]:
            yield name.replace("_", " "), (_say(name, sides[0][name]), _say(name, sides[1][name]))


def _settings(fit: JobRow) -> dict[str, Any]:
    given = fit.spec["training"]
    epochs = given.get("epochs") or fit.notes.get("planned_epochs")
    return {"epochs": epochs, **{name: value for name, value in given.items() if name != "epochs"}}


def _say(name: str, value: Any) -> str:
    if value is None:
        return {"epochs": "the default length", "learning_rate": "the optimizer's own"}.get(
            name, "none"
        )
    if isinstance(value, Mapping):
        options = ",".join(
            f"{option}={format_value(given)}"
            for option, given in value.get("options", {}).items()
            if given is not None
        )
        return f"{value.get('name')}:{options}" if options else str(value.get("name"))
    if isinstance(value, list):
        return ", ".join(_say(name, one) for one in value) or "none"
    return value[:12] if name.endswith("_digest") else format_value(value)

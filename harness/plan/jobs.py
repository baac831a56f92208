"""A job: what runs, is isolated, cached and resumed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.catalogue.kinds import KINDS, PLURALS
from harness.plan.extents import Extents
from harness.plan.search import SEARCH, SEARCHED

DEVICES = "devices"
"""Key of a spec: how many devices a job takes; left out where it is one."""
ASKED_SECONDS = "asked_seconds"
"""Key of a spec: how long a measure takes by its options at least."""
TEACHER = "teacher"
"""Key of a fit's spec: the fit that it learns from; left out where it learns from none."""
START = "start"
"""Key of a fit's spec: the fit from whose weights it starts; left out where that is none of the suite's."""
TRAINED = "trained"
"""Key of a measure's spec: that of the fit which it does again; left out where it does none."""
CHECKED = "checked"
"""Key of a spec: whether a measure is asked, before the first fit, if it can measure such a model."""
SHARES = "shares_process"
"""Key of a measure's spec: its process may take others of the same model after it (`Measure.shares_process`)."""
SHARE = "training_share"
"""Key of a measure's spec: on which training examples its model was fitted; left out where it is all."""
ALSO = "also_recipes"
"""Key of a fit's axes: the other recipes that come to the same fit, as JSON; left out where none does."""
FEWEST_MODELS = 2
"""Of a measure that ranges over several."""

_SINGULARS = {plural: kind for kind, plural in PLURALS.items()}


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a plan, in JSON values, so that it can cross to another process.

    fingerprint: SHA-256 over all that can change its outcome. sort: "prepare", "fit" or "measure".
    label: for a person. needs: the fingerprints of jobs that must be ok before.
    axes: where its metrics hold: architecture, dataset, recipe, seed, precision, device, measure.
    device: "cpu" or "cuda". exclusive: it runs alone on its device.
    skip: why it makes no sense here; empty where it does.
    """

    fingerprint: str
    sort: str
    label: str
    spec: Mapping[str, Any]
    needs: tuple[str, ...]
    axes: Mapping[str, Any]
    device: str = "cpu"
    exclusive: bool = False
    threads: int = 1
    skip: str = ""

    def also(self, recipe: str) -> Job:
        """Return the same fit, to which another recipe comes, too."""
        known = also_recipes(self.axes)
        if recipe in (self.axes["recipe"], *known):
            return self
        return replace(self, axes={**self.axes, ALSO: json.dumps([*known, recipe])})

    @property
    def takes_machine(self) -> bool:
        """Whether it has all CPU slots of its machine to itself."""
        return self.exclusive and self.device == "cpu"

    @property
    def devices(self) -> int:
        """How many places of its device it takes at once, CPU slots or GPUs: a process on each, of `threads` threads."""
        return int(self.spec.get(DEVICES, 1))

    def can_do_without(self, lost: Collection[str]) -> bool:
        """Whether it can run without some of its needs.

        These are trials of a search, of which a fit wants one and the next trial none; or of models that a measure ranges over,
        `FEWEST_MODELS` of which lack nothing.
        """
        if self.trials:
            return self.trials.issuperset(lost) and (SEARCH in self.spec or self.trials > set(lost))
        of_models = frozenset[str]().union(*self.models)
        left = sum(one.isdisjoint(lost) for one in self.models)
        return not lost or (of_models.issuperset(lost) and left >= FEWEST_MODELS)

    @property
    def trials(self) -> frozenset[str]:
        """The trials of a search, of which its fit takes the best, or that it proposes the next after.

        Where one of these has not ended ok, it has failed, and the search goes on.
        """
        return frozenset(self.spec.get(TRAINED, self.spec).get(SEARCHED, ()))

    @property
    def models(self) -> tuple[frozenset[str], ...]:
        """What each model that a measure ranges over needs: its fit, and what another measure has kept of it.

        Where one of these has not ended ok, the others are measured.
        """
        return tuple(
            frozenset(one[key] for key in ("fit", "kept") if one[key])
            for one in self.spec.get("fits", ())
        )


@dataclass(frozen=True)
class Plan:
    """The jobs of a suite, each once, needs before what needs them.

    labels: the names behind what the suite calls items, by label. timed_on: by device, the hardware of the kind of machine that its exclusive jobs are planned for
    (`harness.machine.machines`). extents: how large a data set is, by its label.
    """

    suite: str
    jobs: tuple[Job, ...]
    trials: int
    hardware: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    timed_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extents: Extents = field(default_factory=Extents, compare=False)


def also_recipes(axes: Mapping[str, Any]) -> list[str]:
    """Return the recipes that come to the fit of some axes beside the one that it is of."""
    return list(json.loads(axes.get(ALSO, "[]")))


def named_items(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (kind, {"name": ..., "options": ...}) of each item that a job's spec names, in it or deeper.

    A spec is what JSON can say: to ask of each value whether it is a mapping of any sort takes a fork a millisecond.
    """
    for key, inner in spec.items():
        for one in inner if isinstance(inner, list | tuple) else [inner]:
            if isinstance(one, dict):
                kind = key if key in KINDS else _SINGULARS.get(key, "")
                if kind in KINDS and "name" in one:
                    yield kind, one
                else:
                    yield from named_items(one)

"""What a suite is once its file has been read and everything in it looked up."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.catalogue.chosen import Chosen
from harness.errors import UsageError, did_you_mean, near_path, nearest
from harness.plan.lines import Path as KeyPath
from harness.plan.search import SearchSpace
from harness.plan.source import Source

if TYPE_CHECKING:
    from harness.plan.tables import HardwareTable


@dataclass(frozen=True)
class Teacher:
    """A trial of the suite that another one learns from: its architecture, and the name of its recipe."""

    architecture: Chosen
    recipe: str


@dataclass(frozen=True)
class Start:
    """A trial of the suite whose weights another one starts from: the name of its recipe, and its data set ("": the same)."""

    recipe: str
    dataset: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """A recipe settled for one architecture: how its fit is done. See `tables.RecipeTable`."""

    optimizer: Chosen
    learning_rate: float | str | None
    search: SearchSpace | None
    schedule: Chosen
    augmentations: tuple[Chosen, ...]
    techniques: tuple[Chosen, ...]
    objective: Chosen | None
    teacher: Teacher | None
    start: Start | None
    epochs: int | None
    batch_size: int
    devices: int
    sync_batch_norm: bool
    accumulate: int
    patience: int | None
    train_share: float
    weights: str
    freeze: str
    check_gradients: bool


@dataclass(frozen=True)
class Recipe:
    """A named way of training, with overrides for architectures that match a glob; the last wins.

    table: its NAME in [recipes.NAME]; name: with the point of its axes, where it has any. whole: the name without the share of
        the training examples, alike for all recipes of a learning curve.
    """

    table: str
    name: str
    training: TrainingSettings
    overrides: tuple[tuple[str, TrainingSettings], ...] = ()
    whole: str = ""

    def settle(self, architecture: Chosen) -> TrainingSettings:
        """Return the training of one architecture."""
        pattern = self._pattern(architecture)
        return self.training if pattern is None else dict(self.overrides)[pattern]

    def searches_model(self, architecture: Chosen) -> bool:
        """Whether options of an architecture itself are searched."""
        search = self.settle(architecture).search
        return search is not None and search.of_model

    def path(self, architecture: Chosen, key: str) -> KeyPath:
        """Return where a key of one architecture's training stands in the suite."""
        pattern = self._pattern(architecture)
        over = () if pattern is None else ("for", pattern)
        return ("recipes", self.table, *over, key)

    def _pattern(self, architecture: Chosen) -> str | None:
        for pattern, _ in reversed(self.overrides):
            if matches(architecture, pattern):
                return pattern
        return None


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What is compared, measured, and on what; everything is looked up and checked.

    left_out: architectures that --only has left out.
    """

    name: str
    description: str
    data_seed: int
    architectures: tuple[Chosen, ...]
    datasets: tuple[Chosen, ...]
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    precisions: tuple[str, ...]
    devices: tuple[str, ...]
    measures: tuple[Chosen, ...]
    hardware: HardwareTable
    source: Source
    left_out: tuple[Chosen, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The names behind the labels of the suite's own, by label."""
        items = (*self.architectures, *self.datasets)
        return {one.label: one.behind for one in items if one.behind}

    @property
    def written(self) -> Mapping[str, Any]:
        """The suite as it was read, after what switches have changed."""
        return self.source.tables

    def only(self, patterns: Sequence[str]) -> Suite:
        """Return the suite with those architectures that match one of the globs.

        Raises:
            UsageError: None is left.
        """
        if not patterns:
            return self
        kept = tuple(
            chosen
            for chosen in self.architectures
            if any(matches(chosen, pattern) for pattern in patterns)
        )
        if not kept:
            names = [chosen.label for chosen in self.architectures]
            raise UsageError(
                f"--only {' '.join(patterns)}: no architecture of the suite matches"
                + nearest(patterns[0], names)
            )
        left_out = tuple(chosen for chosen in self.architectures if chosen not in kept)
        return replace(self, architectures=kept, left_out=left_out)


def matches(chosen: Chosen, pattern: str) -> bool:
    """Whether a glob means an item: by its name, with options or without, its label, or the path that it was given by."""
    names = (chosen.name, chosen.label, chosen.spelled, str(chosen.options.get("path", "")))
    return any(fnmatchcase(name, pattern) or name == pattern for name in names)


def suite_folder() -> Path:
    """Return the folder of the suites that ship: in a wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_suites"
    return installed if installed.is_dir() else package.parent / "suites"


def find_suite(name: str) -> Path:
    """Return the file of a suite that is given by path or by the name of one that ships.

    Raises:
        UsageError: There is none.
    """
    path = Path(name).expanduser()
    if path.suffix == ".toml" or "/" in name:
        if os.path.isdir(path):
            raise UsageError(f"{name!r} is a folder; give a .toml file")
        if not os.path.isfile(path):
            close = near_path(name) or (
                "; give a .toml file, or the name of one that ships: " + ", ".join(_shipped())
            )
            raise UsageError(f"there is no suite file {name!r}{close}")
        return path
    shipped = suite_folder() / f"{name}.toml"
    if not os.path.isfile(shipped):
        beside = Path(f"{name}.toml")
        if os.path.isfile(beside):
            raise UsageError(f"no suite that ships is named {name!r}; for the file write {beside}")
        files = sorted(map(str, Path().glob("*.toml")))
        close = did_you_mean(name, [*_shipped(), *files])
        every = f"; those that ship: {', '.join(_shipped())}; a file of yours ends in .toml"
        raise UsageError(f"no suite is named {name!r}{close or every}")
    return shipped


def _shipped() -> list[str]:
    return sorted(path.stem for path in suite_folder().glob("*.toml"))

"""Reading [recipes.NAME]: axes spread out, names looked up, overrides for single architectures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.errors import nearest
from harness.plan.checker import Checker
from harness.plan.files import check_weights
from harness.plan.grammar import format_value
from harness.plan.labels import collect
from harness.plan.lines import Path as KeyPath
from harness.plan.names import choose, choose_one, default_item
from harness.plan.search import ARCHITECTURE, SearchSpace, rate_search
from harness.plan.sentences import show
from harness.plan.source import Source
from harness.plan.suite import Recipe, Start, Teacher, TrainingSettings
from harness.plan.tables import MatrixTable, RangeTable, RecipeTable, TeacherTable

_LISTS = ("augmentations", "techniques")  # of items
_NO_AXES = (*_LISTS, "for")
_SHARE = "train_share"


def _ends(values: RangeTable | list[Any]) -> list[Any]:
    """Return the values of a list, or both ends of a range."""
    return values if isinstance(values, list) else list(values.ends)


def _budget(training: TrainingSettings | None) -> int:
    """Return how many points a recipe has proposed to it."""
    return 0 if training is None or training.search is None else training.search.trials


class RecipeReader(Checker):
    """Turns the recipe tables of a suite into recipes."""

    def __init__(
        self, catalogue: Catalogue, source: Source, called: Mapping[str, str] | None = None
    ) -> None:
        """Take what a checker takes, and the names behind the suite's own labels of architectures."""
        super().__init__(catalogue, source)
        self.called = called or {}

    def read(self, matrix: MatrixTable | None) -> tuple[Recipe, ...]:
        """Return the recipes that [matrix] names, or all; one for each point of their axes."""
        tables = self.source.tables.get("recipes", {})
        if not isinstance(tables, dict):
            self.problem(("recipes",), f"write [recipes.NAME], a table; got {show(tables)}")
            return ()
        for name in tables:
            if not name.strip() or not name.isprintable() or name != name.strip():
                self.problem(
                    ("recipes", name),
                    f"the recipe name {name!r} is empty, or has signs that cannot be printed or "
                    "spaces around it",
                )
        names = list(tables)
        if matrix is not None and matrix.recipes is not None:
            names = list(dict.fromkeys(matrix.recipes))
            for position, name in enumerate(matrix.recipes):
                if name not in tables:
                    self.problem(
                        ("matrix", "recipes", position),
                        f"no recipe {name!r}{nearest(name, tables)}",
                    )
            for name in tables:
                if name not in names and self.source.is_switched(("recipes", name)):
                    self.problem(
                        ("recipes", name), f"no recipe {name!r} is used{nearest(name, names)}"
                    )
        optimizers = matrix.optimizers if matrix is not None else None
        used = {name: tables[name] for name in names if name in tables}
        found = list[Recipe]()
        tables_of: dict[str, str] = {}
        for name, table in (used or {"plain": {}}).items():
            if not isinstance(table, dict):
                self.problem(
                    ("recipes", name), f"write [recipes.{name}], a table; got {show(table)}"
                )
                continue
            for words, variant, axes in self.variants(name, table, optimizers):
                recipe = self.recipe(name, words, variant, axes)
                if recipe is not None:
                    found.append(recipe)
                    if (other := tables_of.setdefault(recipe.name, name)) != name:
                        self.problem(
                            ("recipes", name),
                            f"a point of [recipes.{other}] is called {recipe.name!r}, too; give one of them another name",
                        )
        return tuple(found)

    def variants(
        self, name: str, table: dict[str, Any], optimizers: Sequence[Any] | None
    ) -> Iterator[tuple[dict[str, str], dict[str, Any], set[str]]]:
        """Yield ({key: its point in words}, table, keys that are axes) for each point: a list for one value is an axis."""
        axes: dict[str, list[tuple[str, Any]]] = {}  # {key: [(as shown, value)]}
        for key, value in table.items():
            if isinstance(value, list) and key not in _NO_AXES and key != "optimizer":
                axes[key] = [(_point(key, one), one) for one in value]
                if not value:
                    self.problem(("recipes", name, key), "the axis has no value; got []")
        path: KeyPath = ("recipes", name, "optimizer")
        written = table.get("optimizer", [])
        if optimizers is not None:
            path, written = ("matrix", "optimizers"), optimizers
        elif isinstance(written, list) and "optimizer" in table and not written:
            self.problem(path, "the axis has no value; got []")
        rest = {key: value for key, value in table.items() if key != "optimizer"}
        listed = isinstance(written, list)
        spread: dict[str, Chosen] = {}
        for position, one in enumerate(written if listed else [written]):
            here = (*path, position) if listed else path
            found = self.attempt(here, partial(choose, self.catalogue, "optimizer", one))
            for item in found or ():
                spread = self.attempt(here, partial(collect, spread, item)) or spread
        if spread:
            axes["optimizer"] = [
                (
                    one.label if len(spread) > 1 or one.behind else "",
                    {"name": one.name, **one.options},
                )
                for one in spread.values()
            ]
        several = {key for key, points in axes.items() if len(points) > 1}
        if optimizers is not None:
            several.add("optimizer")
        for points in itertools.product(*axes.values()):
            words = {key: text for key, (text, _) in zip(axes, points, strict=True) if text}
            values = {key: value for key, (_, value) in zip(axes, points, strict=True)}
            yield words, {**rest, **values}, several

    def recipe(
        self, name: str, words: dict[str, str], table: dict[str, Any], axes: set[str]
    ) -> Recipe | None:
        """Return one recipe with its overrides."""
        path: KeyPath = ("recipes", name)
        base = {key: value for key, value in table.items() if key != "for"}
        training = self.training(base, path)
        overrides = []
        special = table.get("for", {})
        if not isinstance(special, dict):
            self.problem(
                (*path, "for"),
                f'write [recipes.NAME.for."glob"], a table for each glob; got {show(special)}',
            )
            special = {}
        budget = _budget(training)
        for pattern, changes in special.items():
            here = (*path, "for", pattern)
            if not isinstance(changes, dict):
                self.problem(here, f"a table of a recipe's keys is allowed; got {show(changes)}")
                continue
            for key in changes:
                if key in axes:
                    self.problem(
                        (*here, key), f"{key} is an axis, so it cannot be overridden; leave one out"
                    )
            changed = self.training({**base, **changes}, here)
            if changed is not None and _budget(changed) != budget:
                self.problem(
                    (*here, "search"),
                    f"it searches {_budget(changed)} points, and the recipe {budget}: the best of more is better by chance; give "
                    "every architecture the same number",
                )
            if changed is not None:
                overrides.append((pattern, changed))
        if training is None:
            return None
        whole = [text for key, text in words.items() if key != _SHARE]
        return Recipe(
            name,
            " ".join([name, *words.values()]),
            training,
            tuple(overrides),
            " ".join([name, *whole]),
        )

    def training(self, table: dict[str, Any], path: KeyPath) -> TrainingSettings | None:
        """Check one table of settings and look up its names."""
        checked = self.validate(RecipeTable, table, path)
        if checked is None:
            return None

        def one(kind: str, written: Any, *keys: str | int) -> Chosen | None:
            return self.attempt((*path, *keys), partial(choose_one, self.catalogue, kind, written))

        def one_or_default(kind: str, written: Any) -> Chosen | None:
            if written is not None:
                return one(kind, written, kind)
            return self.attempt(path, partial(default_item, self.catalogue, kind))

        optimizer = one_or_default("optimizer", checked.optimizer)
        schedule = one_or_default("schedule", checked.schedule)
        lists = {
            key: [
                one(key.removesuffix("s"), written, key, position)
                for position, written in enumerate(getattr(checked, key))
            ]
            for key in _LISTS
        }
        written = checked.objective
        objective = one("objective", written, "objective") if written else None
        if checked.weights not in ("random", "pretrained"):
            self.attempt((*path, "weights"), partial(check_weights, checked.weights))
        elif checked.weights == "random" and checked.epochs == 0:
            self.problem(
                (*path, "epochs"),
                "0 epochs on random weights measure nothing; write epochs = 1 or more, or weights = "
                '"pretrained" or a path',
            )
        for key in ("devices", "accumulate"):
            if (count := getattr(checked, key)) > checked.batch_size:
                self.problem(
                    (*path, key),
                    f"{key} = {count} is more than batch_size = {checked.batch_size}: each takes its share of a batch",
                )
            if count > 1 and objective and getattr(objective.item, "joins", False):
                self.problem(
                    (*path, "objective"),
                    f"objective {objective.label!r} joins examples of a batch, and {key} = {count} cuts each batch; write "
                    f"{key} = 1, or take another objective",
                )
        items = {"optimizer": optimizer, "schedule": schedule, "objective": objective}
        search = self.search(checked, items | self.named_in(lists), path)
        teacher = self.teacher(checked.teacher, bool(written), objective, path)
        if optimizer is None or schedule is None or any(None in items for items in lists.values()):
            return None
        devices = checked.devices if checked.epochs != 0 else 1  # loading weights takes one
        return TrainingSettings(
            optimizer=optimizer,
            learning_rate=checked.learning_rate,
            search=search
            or (rate_search(optimizer) if checked.learning_rate == "search" else None),
            schedule=schedule,
            **{key: tuple(filter(None, items)) for key, items in lists.items()},
            objective=objective,
            teacher=teacher,
            start=self.start(checked, path),
            epochs=checked.epochs,
            batch_size=checked.batch_size,
            devices=devices,
            sync_batch_norm=checked.sync_batch_norm and devices > 1,
            accumulate=checked.accumulate,
            patience=checked.patience,
            train_share=checked.train_share,
            weights=checked.weights,
            freeze=checked.freeze,
            check_gradients=checked.check_gradients,
        )

    def named_in(self, lists: Mapping[str, Sequence[Chosen | None]]) -> dict[str, Chosen]:
        """Return the augmentations and techniques by name; of two with one name nobody could say which is meant."""
        every = [one for several in lists.values() for one in several if one is not None]
        names = [one.name for one in every]
        return {one.name: one for one in every if names.count(one.name) == 1}

    def search(
        self, recipe: RecipeTable, items: Mapping[str, Chosen | None], path: KeyPath
    ) -> SearchSpace | None:
        """Check what a recipe searches, at both ends of each range. items: whose options may be searched."""
        table, here = recipe.search, (*path, "search")
        if table is None:
            return None
        if find_spec("optuna") is None:
            self.problem(
                here, "a search needs the library optuna: pip install 'model-harness[search]'"
            )
        if recipe.epochs == 0:
            self.problem(here, "0 epochs leave nothing to search; write epochs = 1 or more")
        for key, values in table.over.items():
            name, _, option = key.rpartition(".")
            item, at = items.get(name), (*here, "over", key)
            if key in ("learning_rate", "batch_size"):
                if getattr(recipe, key) != RecipeTable.model_fields[key].default:
                    self.problem(
                        at,
                        f"{key} = {show(getattr(recipe, key))} is given, and searched; leave one out",
                    )
                for end in _ends(values):
                    self.validate(RecipeTable, {key: end}, (*here, "over"))
                    if end == "search" or (
                        key == "batch_size"
                        and end in range(1, max(recipe.devices, recipe.accumulate))
                    ):
                        self.problem(at, f"{show(end)} is no value that can be tried")
            elif name == ARCHITECTURE and option:
                continue  # which architectures there are, and what they take, is not known here
            elif item is None or not option or key == "optimizer.learning_rate":
                known = [one for one, chosen in items.items() if chosen is not None]
                allowed = [f"{one}.OPTION" for one in (*known, ARCHITECTURE)]
                self.problem(
                    at,
                    f"{key!r} cannot be searched; allowed: learning_rate, batch_size, {', '.join(allowed)}",
                )
            else:
                self.try_values(at, item, option, _ends(values))
        return SearchSpace(over=table.model_dump(mode="json")["over"], trials=table.trials)

    def teacher(
        self, table: TeacherTable | None, named: bool, objective: Chosen | None, path: KeyPath
    ) -> Teacher | None:
        """Return the trial that is learnt from; objective: what a recipe says, which must go with it.

        named: whether it says one.
        """
        taught = objective is not None and getattr(objective.item, "taught", False)
        if table is None:
            if taught:
                self.problem(
                    (*path, "objective"),
                    "it learns from a teacher; write teacher = { architecture = ..., recipe = ... }, a trial of the suite",
                )
            return None
        if not taught and (objective or not named):
            self.problem(
                (*path, "teacher"),
                "the objective learns from none; write one that does (harness list objectives), or leave teacher out",
            )
        here = (*path, "teacher", "architecture")
        name = table.architecture
        if isinstance(name, str):
            name = self.called.get(name, name)
        chosen = self.attempt(here, partial(choose_one, self.catalogue, "architecture", name))
        return None if chosen is None else Teacher(chosen, table.recipe)

    def start(self, checked: RecipeTable, path: KeyPath) -> Start | None:
        """Return the trial whose weights it starts from."""
        table = checked.start
        if table is None:
            return None
        if checked.weights != "random":
            self.problem(
                (*path, "start"),
                f"it starts from another trial's weights and from weights = {show(checked.weights)}; leave one of them out",
            )
        return Start(table.recipe, table.dataset)


def _point(key: str, value: Any) -> str:
    """Return a point of an axis in words; "" where it is what recipes do that say nothing: all training examples."""
    return "" if key == _SHARE and value == 1 else f"{key}={format_value(value)}"

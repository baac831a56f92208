"""Reading a suite: from TOML to names that are looked up and options that are checked.

All problems of a file are found before one is reported, each with its line.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Chosen
from harness.errors import Problem, ProblemsError, UsageError, nearest
from harness.plan.files import check_files, check_weights, open_path
from harness.plan.lines import Path as KeyPath
from harness.plan.lines import key_lines, line_of
from harness.plan.names import choose, choose_one, format_value, references
from harness.plan.suite import Recipe, Suite, Training, find_suite

if TYPE_CHECKING:
    from harness.plan.tables import Table

Answer = TypeVar("Answer")
SomeTable = TypeVar("SomeTable", bound="Table")


def load_suite(
    name: str,
    catalogue: Catalogue,
    *,
    settings: Sequence[str] = (),
    matrix: Mapping[str, Sequence[Any]] | None = None,
) -> Suite:
    """Read, override and check a suite.

    settings: texts such as "recipes.plain.epochs=3" (--set). matrix: lists that take the place of
    those in [matrix], such as {"architectures": ["mlp"]} (-a, -d).

    Raises:
        ProblemsError: All that is wrong with the file.
        UsageError: There is no such file.
    """
    path = find_suite(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: this is no TOML: {error}") from None
    reader = _Reader(catalogue, raw, str(path), key_lines(text))
    for setting in settings:
        reader.override(setting)
    for key, values in (matrix or {}).items():
        if values:
            reader.replace_axis(key, values)
    return reader.read()


def load_suite_table(table: Mapping[str, Any], catalogue: Catalogue) -> Suite:
    """Check a suite that is given as the dictionary that a TOML file would hold."""
    return _Reader(catalogue, json.loads(json.dumps(table)), "suite", {}).read()


class _Reader:
    """Collects problems while it turns tables into a Suite."""

    def __init__(
        self, catalogue: Catalogue, raw: dict[str, Any], where: str, lines: dict[KeyPath, int]
    ) -> None:
        self.catalogue, self.raw, self.where, self.lines = catalogue, raw, where, lines
        self.problems: list[Problem] = []
        self.origins: dict[KeyPath, str] = {}  # keys that a switch has set

    def problem(self, path: KeyPath, message: str) -> None:
        key = ".".join(_quote(part) for part in path)
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                self.problems.append(Problem(message, self.origins[path[:length]], key=key))
                return
        self.problems.append(Problem(message, self.where, line_of(self.lines, path), key))

    def override(self, setting: str) -> None:
        """Apply a text such as ``recipes.plain.epochs=3``."""
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {setting}: write key=value, such as recipes.plain.epochs=3")
        try:
            new = tomllib.loads(f"{key} = {value}")
        except tomllib.TOMLDecodeError:
            try:
                new = tomllib.loads(f"{key} = {json.dumps(value)}")
            except tomllib.TOMLDecodeError:
                raise UsageError(f"--set {setting}: {key!r} is no dotted key") from None
        self._merge(self.raw, new, (), f"--set {setting}")

    def _merge(self, target: Any, new: dict[str, Any], path: KeyPath, origin: str) -> None:
        for name, value in new.items():
            if isinstance(target, list):
                position = _position(target, name)
                if position is None:
                    raise UsageError(f"{origin}: {'.'.join(map(str, path))} has no {name!r}")
                inner, here = target[position], (*path, position)
            else:
                inner, here = target.get(name), (*path, name)
            if isinstance(value, dict) and isinstance(inner, dict | list):
                self._merge(inner, value, here, origin)
            elif isinstance(target, list):
                raise UsageError(f"{origin}: name a key of {name!r}")
            else:
                target[name] = value
                self.origins[here] = origin

    def replace_axis(self, key: str, values: Sequence[Any]) -> None:
        matrix = self.raw.setdefault("matrix", {})
        if isinstance(matrix, dict):
            matrix[key] = list(values)
            switch = {"architectures": "-a", "datasets": "-d", "seeds": "--seeds"}.get(key, key)
            self.origins["matrix", key] = switch

    def read(self) -> Suite:
        from harness.plan import tables

        known = [*tables.SECTIONS, "recipes", "measure"]
        for name in self.raw:
            if name not in known:
                self.problem((name,), f"unknown table {name!r}{nearest(name, known)}")
        suite = self.table(tables.SuiteTable, ("suite",))
        matrix = self.table(tables.MatrixTable, ("matrix",))
        hardware = self.table(tables.HardwareTable, ("hardware",))
        recipes = self.recipes(matrix)
        architectures: tuple[Chosen, ...] = ()
        datasets: tuple[Chosen, ...] = ()
        if matrix is not None:
            architectures = self.items("architecture", matrix.architectures, "architectures")
            datasets = self.items("dataset", matrix.datasets, "datasets")
        measures = self.measures()
        if self.problems:
            raise ProblemsError(sorted(self.problems, key=lambda p: (p.line or 0, p.key)))
        assert suite is not None and matrix is not None and hardware is not None
        return Suite(
            name=suite.name,
            description=suite.description,
            data_seed=suite.data_seed,
            architectures=architectures,
            datasets=datasets,
            recipes=recipes,
            seeds=_unique(matrix.seeds),
            precisions=_unique(_listed(matrix.precision)),
            devices=_unique(_listed(matrix.device)),
            measures=measures,
            hardware=hardware,
            written=self.raw,
        )

    def table(self, model: type[SomeTable], path: KeyPath) -> SomeTable | None:
        """Validate one table; its problems are kept."""
        inside: Any = self.raw
        for part in path:
            inside = inside.get(part, {}) if isinstance(inside, dict) else inside
        return self.validate(model, inside, path)

    def validate(self, model: type[SomeTable], values: Any, path: KeyPath) -> SomeTable | None:
        import pydantic

        try:
            return model.model_validate(values)
        except pydantic.ValidationError as error:
            for detail in error.errors():
                place = tuple(
                    part for part in detail["loc"] if _is_key(part, values, detail["loc"])
                )
                self.problem((*path, *place), _sentence(model, detail))
            return None

    def attempt(self, path: KeyPath, action: Callable[[], Answer]) -> Answer | None:
        """Return what an action gives; a UsageError becomes a problem at the path."""
        try:
            return action()
        except UsageError as error:
            self.problem(path, str(error))
            return None

    def items(self, kind: str, written: Sequence[Any], key: str) -> tuple[Chosen, ...]:
        """Look up the names of an axis: in order, without doubles, less the !excluded ones."""
        path = ("matrix", key)
        excluded = [w[1:] for w in written if isinstance(w, str) and w.startswith("!")]
        found: dict[str, Chosen] = {}
        failed = False
        for entry in written:
            if isinstance(entry, str) and entry.startswith("!"):
                continue
            if kind == "dataset" and isinstance(entry, str):
                entry = self.attempt(path, partial(open_path, self.catalogue, entry))
            chosen = entry and self.attempt(path, partial(choose, self.catalogue, kind, entry))
            failed = failed or chosen is None
            for one in chosen or ():
                if not any(fnmatchcase(n, e) for e in excluded for n in (one.name, one.label)):
                    found.setdefault(one.label, one)
        if not found and not failed:
            self.problem(path, f"the axis is empty: every {kind} is excluded")
        if kind == "dataset":
            for one in found.values():
                self.attempt(path, partial(check_files, one))
        return tuple(found.values())

    def measures(self) -> tuple[Chosen, ...]:
        tables = self.raw.get("measure", [])
        if not isinstance(tables, list):
            self.problem(("measure",), "write [[measure]], once for each measure")
            return ()
        if not tables:
            self.problem(("measure",), "no [[measure]] table: there is nothing to measure")
        found: dict[str, Chosen] = {}
        for position, table in enumerate(tables):
            path: KeyPath = ("measure", position)
            for chosen in (
                self.attempt(path, partial(choose, self.catalogue, "measure", table)) or ()
            ):
                found.setdefault(chosen.label, chosen)
                for key, kind, name in references(chosen):
                    self.attempt((*path, key), partial(choose_one, self.catalogue, kind, name))
        return tuple(found.values())

    def recipes(self, matrix: Any) -> tuple[Recipe, ...]:
        tables = self.raw.get("recipes", {})
        if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
            self.problem(("recipes",), "write [recipes.NAME], a table for each recipe")
            return ()
        if matrix is None:
            names, optimizers = list(tables), None
        else:
            names = matrix.recipes if matrix.recipes is not None else list(tables)
            optimizers = matrix.optimizers
        for name in names:
            if name not in tables:
                self.problem(("matrix", "recipes"), f"no recipe {name!r}{nearest(name, tables)}")
        written = {name: tables[name] for name in names if name in tables} or {"plain": {}}
        found = []
        for name, table in written.items():
            for label, variant in self.variants(name, table, optimizers):
                recipe = self.recipe(label, variant, ("recipes", name))
                if recipe is not None:
                    found.append(recipe)
        return tuple(found)

    def variants(
        self, name: str, table: dict[str, Any], optimizers: Sequence[Any] | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the recipes that a table means: a list where one value belongs is an axis."""
        axes = {
            key: value
            for key, value in table.items()
            if isinstance(value, list) and key != "augmentations"
        }
        path: KeyPath = ("recipes", name)
        if optimizers is not None:
            axes["optimizer"], path = list(optimizers), ("matrix",)
        elif "optimizer" not in axes:
            axes["optimizer"] = [table["optimizer"]] if "optimizer" in table else []
        several = len(axes.get("optimizer", [])) > 1
        expanded = []
        for written in axes.get("optimizer", []):
            key = "optimizers" if optimizers is not None else "optimizer"
            chosen = self.attempt(
                (*path, key), partial(choose, self.catalogue, "optimizer", written)
            )
            several = several or (chosen is not None and len(chosen) > 1)
            expanded += chosen or []
        axes["optimizer"] = [{"name": one.name, **one.options} for one in expanded] or [None]
        labels = {json.dumps({"name": o.name, **o.options}): o.label for o in expanded}
        for values in itertools.product(*axes.values()):
            variant = dict(zip(axes, values, strict=True))
            shown = [
                labels[json.dumps(value)] if key == "optimizer" else f"{key}={format_value(value)}"
                for key, value in variant.items()
                if (several if key == "optimizer" else True)
            ]
            if variant["optimizer"] is None:
                del variant["optimizer"]
            yield " ".join([name, *shown]), {**table, **variant}

    def recipe(self, name: str, table: dict[str, Any], path: KeyPath) -> Recipe | None:
        base = {key: value for key, value in table.items() if key != "for"}
        training = self.training(base, path)
        overrides = []
        special = table.get("for", {})
        if not isinstance(special, dict):
            self.problem((*path, "for"), 'write [recipes.NAME.for."glob"], a table for each glob')
            special = {}
        for pattern, changes in special.items():
            here = (*path, "for", pattern)
            if not isinstance(changes, dict):
                self.problem(here, f"a table is allowed; got {changes!r}")
                continue
            changed = self.training({**base, **changes}, here)
            if changed is not None:
                overrides.append((pattern, changed))
        return None if training is None else Recipe(name, training, tuple(overrides))

    def training(self, table: dict[str, Any], path: KeyPath) -> Training | None:
        from harness.plan.tables import RecipeTable

        checked = self.validate(RecipeTable, table, path)
        if not isinstance(checked, RecipeTable):
            return None

        def one(kind: str, written: Any, key: str) -> Chosen | None:
            def look_up() -> Chosen:
                chosen = choose_one(self.catalogue, kind, written)
                for _, kind_meant, name in references(chosen):
                    choose_one(self.catalogue, kind_meant, name)
                return chosen

            return self.attempt((*path, key), look_up)

        optimizer = one("optimizer", checked.optimizer, "optimizer")
        schedule = one("schedule", checked.schedule, "schedule")
        augmentations = [one("augmentation", a, "augmentations") for a in checked.augmentations]
        objective = checked.objective and one("objective", checked.objective, "objective")
        if checked.weights not in ("random", "pretrained"):
            self.attempt((*path, "weights"), partial(check_weights, checked.weights))
        elif checked.weights == "random" and checked.epochs == 0:
            self.problem(
                (*path, "epochs"), "0 epochs on random weights measure nothing; set weights"
            )
        if optimizer is None or schedule is None or None in augmentations:
            return None
        rate = checked.learning_rate
        if isinstance(rate, float | int) and rate <= 0:
            self.problem((*path, "learning_rate"), f"a learning rate is above 0; got {rate}")
        return Training(
            optimizer=optimizer,
            learning_rate=rate,
            schedule=schedule,
            augmentations=tuple(a for a in augmentations if a is not None),
            objective=objective or None,
            epochs=checked.epochs,
            batch_size=checked.batch_size,
            patience=checked.patience,
            weights=checked.weights,
            freeze=checked.freeze,
        )


def _position(tables: list[Any], name: str) -> int | None:
    """Return the index of a table in an array: by number, or by its `name`."""
    if name.isdigit() and int(name) < len(tables):
        return int(name)
    for position, table in enumerate(tables):
        if isinstance(table, dict) and table.get("name") == name:
            return position
    return None


def _quote(part: str | int) -> str:
    text = str(part)
    return text if text.replace("_", "").replace("-", "").isalnum() else f'"{text}"'


def _is_key(part: Any, values: Any, loc: Sequence[Any]) -> bool:
    """Whether a part of pydantic's location is a key of the file, not a branch of a union."""
    return isinstance(part, str) and isinstance(values, dict) and part == loc[0]


def _sentence(model: type[Table], detail: Any) -> str:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        return f"unknown key {key!r}{nearest(key, model.model_fields)}"
    if detail["type"] == "missing":
        meaning = model.model_fields[key].description or ""
        return "a value is needed" + (f": {meaning}" if meaning else "")
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{message[0].lower() + message[1:]}; got {detail['input']!r}"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unique(values: Sequence[Answer]) -> tuple[Answer, ...]:
    return tuple(dict.fromkeys(values))

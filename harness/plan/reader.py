"""Reading a suite: from TOML to names that are looked up and options that are checked.

All problems of a file are found before one is reported, each with its line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import HEADLINE
from harness.errors import ProblemsError, UsageError, nearest
from harness.plan.checker import Checker
from harness.plan.files import check_files, open_path
from harness.plan.grammar import parse_name
from harness.plan.labels import collect
from harness.plan.lines import Path as KeyPath
from harness.plan.names import choose, choose_one, settle
from harness.plan.references import references
from harness.plan.search import ARCHITECTURE
from harness.plan.sentences import show
from harness.plan.source import Source
from harness.plan.suite import Recipe, Suite, find_suite, matches

Answer = TypeVar("Answer")


def load_suite(
    suite: str | Mapping[str, Any],
    catalogue: Catalogue,
    *,
    settings: Sequence[str] = (),
    matrix: Mapping[str, Sequence[Any]] | None = None,
    measures: Sequence[str] = (),
) -> Suite:
    """Read, override and check a suite.

    suite: the name of one that ships, a path, or the dictionary that a TOML file would hold.
    settings: texts such as "recipes.plain.epochs=3" (--set). matrix: lists that take the place of
    those in [matrix], such as {"architectures": ["mlp"]} (-a, -d). measures: names that take the place of
    the [[measure]] tables (--measure).

    Raises:
        ProblemsError: All that is wrong with it.
        UsageError: There is no such file.
    """
    if isinstance(suite, Mapping):
        source = Source.from_table(suite)
    else:
        source = Source.read(_find(suite, catalogue))
    for setting in settings:
        source.override(setting)
    for key, values in (matrix or {}).items():
        if values:
            source.replace_axis(key, values)
    if measures:
        source.replace_measures(measures)
    return _SuiteReader(catalogue, source).read()


def _find(name: str, catalogue: Catalogue) -> Path:
    """Return the file of a suite; where there is none, but an architecture of the name, say how one is run."""
    try:
        return find_suite(name)
    except UsageError as error:
        try:
            catalogue.find("architecture", name.partition(":")[0])  # -a judges its options
        except UsageError:
            raise error from None
        raise UsageError(
            f"{name!r} is an architecture, and to run one give -a {name} -d DATA; {error}"
        ) from None


class _SuiteReader(Checker):
    def read(self) -> Suite:
        from harness.plan import tables
        from harness.plan.recipes import RecipeReader

        raw = self.source.tables
        known = [*tables.SECTIONS, "recipes", "measure", "claim"]
        for name in raw:
            if name not in known:
                self.problem((name,), f"unknown table {name!r}{nearest(name, known)}")
        suite = self.validate(tables.SuiteTable, raw.get("suite", {}), ("suite",))
        matrix = self.validate(tables.MatrixTable, raw.get("matrix", {}), ("matrix",))
        hardware = self.validate(tables.HardwareTable, raw.get("hardware", {}), ("hardware",))
        written = raw.get("matrix")
        axes = [
            self.items(kind, written.get(key) if isinstance(written, dict) else None, key)
            for kind, key in (("architecture", "architectures"), ("dataset", "datasets"))
        ]
        called = {one.label: one.behind for one in axes[0] if one.behind}
        reader = RecipeReader(self.catalogue, self.source, called)
        recipes = reader.read(matrix)
        self.problems |= reader.problems
        measures = self.measures(called)
        if matrix is not None and matrix.floors:
            measures = (*measures, *self.floors(measures, recipes))
        self.claims(axes, recipes, measures)
        if not self.problems:
            self.searched_models(recipes, axes[0])
        if not self.problems and not self.source.is_switched(("matrix", "architectures")):
            self.check_overrides(recipes, axes[0])
        if self.problems:
            raise ProblemsError(sorted(self.problems, key=lambda p: (p.where, p.line or 0)))
        assert suite is not None and matrix is not None and hardware is not None
        return Suite(
            name=suite.name,
            description=suite.description,
            data_seed=suite.data_seed,
            architectures=axes[0],
            datasets=axes[1],
            recipes=recipes,
            seeds=_unique(matrix.seeds),
            precisions=_unique(_listed(matrix.precision)),
            devices=_unique(_listed(matrix.device)),
            measures=measures,
            hardware=hardware,
            source=self.source,
        )

    def items(self, kind: str, written: Any, key: str) -> tuple[Chosen, ...]:
        """Look up the names of an axis: in order, without doubles, less the !excluded ones."""
        if not isinstance(written, list) or not written:
            return ()  # the table's own check has said so
        found: dict[str, Chosen] = {}
        excluded: dict[str, int] = {}
        failed = False
        for position, entry in enumerate(written):
            path: KeyPath = ("matrix", key, position)
            if isinstance(entry, str) and entry.startswith("!"):
                excluded[entry[1:].strip()] = position
                continue
            if not isinstance(entry, str | dict):
                failed = True
                continue
            if kind == "dataset" and isinstance(entry, str):
                entry = self.attempt(path, partial(open_path, self.catalogue, entry))
            chosen = entry and self.attempt(path, partial(choose, self.catalogue, kind, entry))
            failed = failed or not chosen
            for one in chosen or ():
                self.attempt(path, partial(check_files, one))
                if one.behind and kind == "architecture" and one.label in self.floor_names():
                    self.problem(
                        path, f"as = {show(one.label)}: a floor has that row; take another word"
                    )
                found = self.attempt(path, partial(collect, found, one)) or found
        return self.exclude(kind, key, found, excluded, failed)

    def exclude(
        self, kind: str, key: str, found: dict[str, Chosen], excluded: dict[str, int], failed: bool
    ) -> tuple[Chosen, ...]:
        kept = dict(found)
        for pattern, position in excluded.items():
            out = [spelled for spelled, one in found.items() if matches(one, pattern)]
            if not out and not failed:
                self.problem(
                    ("matrix", key, position),
                    f"{'!' + pattern!r} leaves nothing out"
                    + (
                        nearest(pattern, [one.label for one in found.values()])
                        if found
                        else f": name the {key} to take, or '*'"
                    ),
                )
            for spelled in out:
                kept.pop(spelled, None)
        if found and not kept and not failed:
            self.problem(("matrix", key), f"the axis is empty: every {kind} is excluded")
        return tuple(kept.values())

    def check_overrides(self, recipes: Sequence[Recipe], found: Sequence[Chosen]) -> None:
        """Find the overrides of recipes that no architecture takes: most likely a slip."""
        for recipe in recipes:
            for pattern, _ in recipe.overrides:
                if not any(matches(one, pattern) for one in found):
                    self.problem(
                        ("recipes", recipe.table, "for", pattern),
                        f"no architecture of the suite matches {pattern!r}"
                        + nearest(pattern, [one.label for one in found]),
                    )

    def searched_models(self, recipes: Sequence[Recipe], found: Sequence[Chosen]) -> None:
        """Check the options of architectures that recipes search, of each architecture that trains by them."""
        for recipe, chosen in product(recipes, found):
            search = recipe.settle(chosen).search
            for key, values in (search.over or {}).items() if search else ():
                name, _, option = key.rpartition(".")
                if name != ARCHITECTURE:
                    continue
                path = (*recipe.path(chosen, "search"), "over", key)
                if option in parse_name(chosen.spelled).options:  # not those that are as by default
                    self.problem(
                        path,
                        f"{chosen.label!r} gives {option} = {show(chosen.options[option])}, and it is searched; leave one out",
                    )
                tried = values if isinstance(values, list) else [values["low"], values["high"]]
                self.try_values(path, chosen, option, tried)

    def measures(self, called: Mapping[str, str]) -> tuple[Chosen, ...]:
        """Look up the measures; called: the names behind the suite's own labels of architectures."""
        tables = self.source.tables.get("measure", [])
        if not isinstance(tables, list):
            self.problem(
                ("measure",),
                f"write [[measure]], with two brackets, once for each measure; got {show(tables)}",
            )
            return ()
        if not tables:
            self.problem(("measure",), "no [[measure]] table: there is nothing to measure")
        found: dict[str, Chosen] = {}
        for position, table in enumerate(tables):
            path: KeyPath = ("measure", position)
            for chosen in (
                self.attempt(path, partial(choose, self.catalogue, "measure", table, called)) or ()
            ):
                found.setdefault(chosen.label, chosen)
                for _, kind, name in references(chosen):
                    if kind == "dataset":
                        one = choose_one(self.catalogue, kind, name)
                        self.attempt(path, partial(check_files, one))
        return tuple(found.values())

    def claims(
        self,
        axes: Sequence[Sequence[Chosen]],
        recipes: Sequence[Recipe],
        measures: Sequence[Chosen],
    ) -> None:
        """Check the [[claim]] tables, and that what they name is in the suite, where that was read whole and no switch has changed it."""
        from harness.plan.claims import misnamed, read_claim, unknown_metrics
        from harness.plan.conditions import misplaced
        from harness.plan.tables import ClaimTable

        tables = self.source.tables.get("claim", [])
        if not isinstance(tables, list):
            words = "write [[claim]], with two brackets, once for each claim"
            self.problem(("claim",), f"{words}; got {show(tables)}")
            return
        named = {
            "architecture": [*(one.label for one in axes[0]), *self.floor_names()],
            "dataset": [one.label for one in axes[1]],
            "recipe": [recipe.name for recipe in recipes],
        }
        known = {
            axis: names
            for axis, names in named.items()
            if names
            and not self.source.is_switched(("matrix", axis + "s"))
            and not self.faulty(axis)
        }
        metrics, elsewhere = self.metrics(measures) if tables else (None, {})
        for position, table in enumerate(tables):
            path: KeyPath = ("claim", position)
            if self.validate(ClaimTable, table, path) is None:
                continue
            claim = self.attempt((*path, "expect"), partial(read_claim, table))
            if claim is None:
                continue
            for words in misnamed(claim, known):
                self.problem((*path, "expect"), words)
            for words in () if metrics is None else unknown_metrics(claim, metrics, elsewhere):
                self.problem((*path, "expect"), words)
            if metrics is not None and not self.source.is_switched(("measure",)):
                for words in dict.fromkeys(misplaced(claim, measures, self.catalogue)):
                    self.problem((*path, "expect"), words)

    def metrics(self, measures: Sequence[Chosen]) -> tuple[set[str] | None, dict[str, set[str]]]:
        """Return the metrics of the suite's measures, and those of each other one.

        None for the former where one does not say them, or the suite's measures are not known.
        """
        from harness.catalogue.yielded import FIT_METRICS, metric_names

        every = {
            name: metric_names(self.catalogue, entry.item)
            for name, entry in self.catalogue.entries("measure").items()
            if isinstance(entry.item, Measure)
        }
        # a claim may be about what --measure has left out
        mine = set(every) if self.source.is_switched(("measure",)) else {m.name for m in measures}
        elsewhere = {
            name: set(found) for name, found in every.items() if found and name not in mine
        }
        found = [every.get(name) for name in mine]
        if self.faulty("measure") or None in found:
            return None, elsewhere
        return set(FIT_METRICS).union(*filter(None, found)), elsewhere

    def faulty(self, axis: str) -> bool:
        """Whether something is wrong with what an axis has, so that names that are written there may not be known."""
        table = {"recipe": "recipes", "measure": "measure"}.get(axis, f"matrix.{axis}s")
        return any(
            fault.key.split(".")[: table.count(".") + 1] == table.split(".")
            for fault in self.problems
        )

    def floor_names(self) -> list[str]:
        """Return what the rows of floors are called."""
        items = (entry.item for entry in self.catalogue.entries("measure").values())
        return [one.name for item in items if isinstance(item, Measure) for one in item.floors]

    def floors(self, measures: Sequence[Chosen], recipes: Sequence[Recipe]) -> tuple[Chosen, ...]:
        """Return the measures of floors that are taken as a matter of course.

        They are where something is trained, its headline is measured, and the suite names no floor itself.
        """
        items = [chosen.item for chosen in measures if isinstance(chosen.item, Measure)]
        judged = any(shown.key == HEADLINE for item in items for shown in item.shows)
        if not judged or any(item.floors for item in items) or not any(map(trains, recipes)):
            return ()
        known = (entry.item for entry in self.catalogue.entries("measure").values())
        return tuple(
            settle(item, "", {}) for item in known if isinstance(item, Measure) and item.floors
        )


def trains(recipe: Recipe) -> bool:
    """Whether a recipe trains anything, and does not only load weights."""
    return any(one.epochs != 0 for one in (recipe.training, *(t for _, t in recipe.overrides)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unique(values: Sequence[Answer]) -> tuple[Answer, ...]:
    return tuple(dict.fromkeys(values))

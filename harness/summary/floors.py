"""What models are worth beside the floors of their data: findings about single models, and sentences about all."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.counts import apart
from harness.catalogue.shown import BEAT, HEADLINE, REACH, Floor
from harness.statistics.model_groups import ALPHA, Scores, pair_p_values
from harness.summary.figure import Figure
from harness.summary.metric_rows import RowKey
from harness.summary.report_data import Column, DatasetInfo, ModelFinding
from harness.summary.shown_columns import find_measure
from harness.summary.verdict import name_some


@dataclass(frozen=True)
class Judged:
    """Models and floors of one data set by their names, by the column that models are ranked by.

    on_a_part: the models that were trained on a part of the training examples; floors have seen all.
    """

    dataset: str
    column: Column
    models: Sequence[str]
    floors: Mapping[str, Floor]
    figures: Mapping[str, Figure]
    p_values: Mapping[tuple[str, str], float]
    on_a_part: Container[str] = ()

    def words(self, name: str, beside: str = "") -> str:
        """Return a figure as a sentence has it: "96.1 %" or "0.590"; with as many digits as tell it from another's."""
        value, other = (self.figures[one].value for one in (name, beside or name))
        return apart(value, other, self._text)[0]

    def _text(self, value: float, more: int) -> str:
        if self.column.unit == "fraction":
            return f"{100 * value:.{1 + more}f} %"
        return f"{value:.{3 + more}f}"

    def worth(self, name: str) -> float:
        """Return a figure, turned where less is better."""
        value = self.figures[name].value
        return -value if self.column.better == "lower" else value

    def worse(self) -> str:
        """Return "below", or "above" where less is better."""
        return "above" if self.column.better == "lower" else "below"

    def sign(self, model: str, floor: str) -> int:
        """Return 1 where the model is surely better, -1 where the floor is, 0 where chance could make it."""
        if self.p_values[model, floor] >= ALPHA:
            return 0
        return 1 if self.worth(model) > self.worth(floor) else -1


def declared_floors(catalogue: Catalogue, measures: Iterable[str]) -> dict[str, Floor]:
    """Return what some measures, by their names with options, declare of floors, by their architecture."""
    items = (find_measure(catalogue, measure) for measure in measures)
    return {floor.name: floor for item in items if item is not None for floor in item.floors}


def judge_floors(
    models: Mapping[RowKey, str],
    floors: Mapping[RowKey, str],
    declared: Mapping[str, Floor],
    columns: Sequence[Column],
    figures: Mapping[RowKey, Mapping[str, Figure]],
    scores: Mapping[RowKey, Scores],
    on_a_part: Container[RowKey] = (),
) -> dict[str, Judged]:
    """Return how the models of each data set stand beside its floors, where both have figures.

    Every model is compared with every floor of its data set on the examples of both. Each floor asks a question of
    its own, so p values are corrected for the number of models. models, floors: the names of their rows. declared: by architecture. scores: behind the headline of each row.
    on_a_part: the rows of models that were trained on a part of the training examples.
    """
    found: dict[str, Judged] = {}
    for dataset in dict.fromkeys(place.dataset for place in models):
        names = {place: name for place, name in models.items() if place.dataset == dataset}
        known = {place: name for place, name in floors.items() if place.dataset == dataset}
        rows = names | known
        scored = {name: scores[place] for place, name in rows.items() if place in scores}
        here = {
            name: declared[place.architecture]
            for place, name in known.items()
            if name in scored and place.architecture in declared
        }
        # In the order of rows, where figures are equal: all sentences then name the same one.
        ordered = sorted(names, key=lambda place: place.architecture)
        mine = [names[place] for place in ordered if names[place] in scored]
        column = next(
            (c for c in columns if c.key == HEADLINE and dataset in (c.datasets or (dataset,))),
            None,
        )
        if not mine or not here or column is None:
            continue
        found[dataset] = Judged(
            dataset=dataset,
            column=column,
            models=mine,
            floors=here,
            figures={
                name: figures[place][HEADLINE] for place, name in rows.items() if name in scored
            },
            p_values={
                pair: p
                for floor in here
                for pair, p in pair_p_values(scored, [(model, floor) for model in mine]).items()
            },
            on_a_part={name for place, name in names.items() if place in on_a_part},
        )
    return found


def floor_findings(judged: Mapping[str, Judged]) -> Iterator[ModelFinding]:
    """Yield what is to be said of models that are no better than they should be."""
    for one in judged.values():
        yield from _findings(one)


def floor_sentences(datasets: Sequence[DatasetInfo], judged: Mapping[str, Judged]) -> Iterator[str]:
    """Yield, for each data set, how its models stand beside its floors."""
    for info in datasets:
        if info.name in judged:
            prefix = f"{info.name}: " if len(datasets) > 1 else ""
            yield from (prefix + sentence for sentence in _sentences(judged[info.name]))


def _findings(judged: Judged) -> Iterator[ModelFinding]:
    title = judged.column.title
    for name, floor in judged.floors.items():
        for model in judged.models:
            sign, p = judged.sign(model, name), judged.p_values[model, name]
            chance = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
            if floor.asks == BEAT and sign < 1:
                words = f"is surely {judged.worse()}" if sign else "cannot be told apart from"
                flag = f"no better than {name}"
            elif floor.asks == REACH and sign < 0 and model not in judged.on_a_part:
                words, flag = f"is surely {judged.worse()}", f"{judged.worse()} {name}"
            else:
                continue
            theirs = f"{floor.words or name}, {judged.words(name, model)}"
            yield ModelFinding(
                dataset=judged.dataset,
                series=model,
                code=f"floor-{floor.name}",
                flag=flag,
                of_fit=True,
                sentence=f"The {title}, {judged.words(model, name)}, {words} that of {theirs} ({chance}).",
                advice=floor.advice,
            )


def _sentences(judged: Judged) -> Iterator[str]:
    """Say which floors are better than every model; else, whether no model is surely better than the highest."""
    best = max(judged.models, key=judged.worth)
    falling = sorted(judged.floors, key=lambda floor: -judged.worth(floor))
    nearest = {
        floor: max(judged.sign(model, floor) for model in judged.models) for floor in falling
    }
    against = f"the best of them has {judged.words(best)} ({best})"
    better = [f"{floor} ({judged.words(floor)})" for floor in falling if nearest[floor] < 0]
    if better:
        yield f"Better than every model: {name_some(better)}; {against}."
    elif nearest[falling[0]] < 1:
        yield f"No model is surely better than {falling[0]} ({judged.words(falling[0])}); {against}."

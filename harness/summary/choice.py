"""One sentence: which model to take, as far as the tests between models, and with floors, can say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.catalogue.shown import BEAT, HEADLINE
from harness.statistics.model_groups import ALPHA, ModelComparison, Scores, pair_p_values
from harness.summary.floors import Judged
from harness.summary.report_data import THE_DATA, DatasetInfo, ModelFinding, Row
from harness.summary.verdict import contenders_of, name_some

_OPEN = "Which to take cannot be said"


@dataclass(frozen=True)
class Undecided:
    """What is said where models and floors cannot be told apart from the one that is ranked first.

    same_model: they are one architecture, trained in several ways. seeds: their number, where so few are why: the examples
        alone would tell some apart, were it not for what other seeds may give; else 0.
    """

    same_model: bool = False
    seeds: int = 0

    @property
    def costs(self) -> str:
        """What to choose by."""
        return "what training costs" if self.same_model else "speed, memory, size"

    @property
    def tests(self) -> str:
        """What does not tell them apart."""
        if not self.seeds:
            return "the test examples do"
        return "one seed does" if self.seeds == 1 else f"{self.seeds} seeds do"

    @property
    def remedy(self) -> str:
        """What may tell them apart."""
        return "; more seeds may" if self.seeds else ""


_UNDECIDED = Undecided()


def choices(
    datasets: Sequence[DatasetInfo],
    rows: Sequence[Row],
    comparisons: Mapping[str, ModelComparison],
    judged: Mapping[str, Judged],
    findings: Sequence[ModelFinding],
    scores: Mapping[str, Mapping[str, Scores]],
) -> Iterator[str]:
    """Yield which model to take for each data set where there is a choice.

    rows: the best of a data set first. comparisons: of the models of each by what they are ranked by. judged: how they stand beside floors.
    scores: of models and floors by what they are ranked by, by data set and `Row.series`.
    """
    of_data = [one for one in findings if one.series == THE_DATA and one.flag]
    for info in datasets:
        mine = [
            row
            for row in rows
            if row.dataset == info.name
            and not row.floor
            and HEADLINE in row.figures
            and math.isfinite(row.figures[HEADLINE].value)
        ]
        contenders = contenders_of(mine, comparisons.get(info.name))
        marked = [row.series for row in mine if row.figures[HEADLINE].doubtful]
        beside = judged.get(info.name)
        doubts = list(dict.fromkeys(one.flag for one in of_data if one.dataset == info.name))
        why = (
            explain_tie(_tied(contenders, beside), mine, scores.get(info.name, {}))
            if contenders
            else _UNDECIDED
        )
        said = choose(contenders, len(mine), beside, doubts, marked, why)
        if said:
            yield f"{info.name}: {said}" if len(datasets) > 1 else said


def choose(
    contenders: Sequence[str] | None,
    rivals: int,
    judged: Judged | None,
    doubts: Sequence[str],
    marked: Sequence[str] = (),
    why: Undecided = _UNDECIDED,
) -> str:
    """Return which model to take; "" where there is nothing to choose from.

    contenders: the model that is ranked first, then those that cannot be told apart from it; empty where every
        figure is marked as doubtful, None where models were not compared.
    rivals: the number of models that have a figure. judged: how they stand beside floors.
    doubts: what about the data makes all figures doubtful, in a few words each.
    marked: the models whose figures are marked as doubtful: nothing is claimed of those.
    why: what is said where some cannot be told apart.
    """
    floors = {} if judged is None else judged.floors
    if contenders is None or not rivals or rivals + len(floors) < 2:
        return ""
    if doubts:
        return f"{_OPEN}: all figures are doubtful, by what was found in the data ({name_some(doubts)})."
    if not contenders:
        return f"{_OPEN}: every model's figure is marked as doubtful."
    left_out = f" Left out, as marked: {name_some(marked)}." if marked else ""
    judges = _judges(contenders, judged)
    said = _beside_floors(contenders[0], judges) if judges else ""
    return said or _among_models(contenders, rivals - len(marked), judges, why) + left_out


def _beside_floors(first: str, judged: Judged) -> str:
    """Return what to take where it is a floor, none of the models, or not to be said; else ""."""
    falling = sorted(judged.floors, key=lambda name: -judged.worth(name))
    nearest = {name: max(judged.sign(model, name) for model in judged.models) for name in falling}
    better = [name for name in falling if nearest[name] < 0]
    if better:
        return f"Take {better[0]}, {judged.words(better[0])}: it is surely better than every model."
    unbeaten = [name for name in falling if nearest[name] < 1]
    if any(judged.floors[name].asks == BEAT for name in unbeaten):
        return f"Take none of the models: none is surely better than {_either(unbeaten)}."
    above = [name for name in falling if judged.sign(first, name) < 0]
    if above:
        return f"{_OPEN}: {first} is surely {judged.worse()} {_either(above)}, which not every model is."
    low = [
        name
        for name in falling
        if judged.sign(first, name) < 1 and judged.floors[name].asks == BEAT
    ]
    return f"{_OPEN}: {first} is not surely better than {_either(low)}." if low else ""


def _among_models(
    contenders: Sequence[str], rivals: int, judged: Judged | None, why: Undecided
) -> str:
    """Return the choice between the first, and models and floors that cannot be told apart from it."""
    first, *tied = _tied(contenders, judged)
    if len(tied) == 1:
        return f"Take the cheaper of {first} and {tied[0]} ({why.costs}): {why.tests} not tell them apart{why.remedy}."
    if tied:
        return (
            f"Take the cheapest of {1 + len(tied)} ({why.costs}): {why.tests} not tell {first}, which is ranked "
            f"first, from {name_some(tied)}{why.remedy}."
        )
    beaten = ["every other model"] * (rivals > 1) + ["every floor"] * (judged is not None)
    if not beaten:
        return f"{_OPEN}: {first} has nothing to be compared with."
    return f"Take {first}: it is surely better than {name_some(beaten)}."


def _judges(contenders: Sequence[str], judged: Judged | None) -> Judged | None:
    """Return how models stand beside floors, where the first of some was compared with these."""
    return judged if judged is not None and contenders[0] in judged.models else None


def _tied(contenders: Sequence[str], judged: Judged | None) -> list[str]:
    """Return the models that cannot be told apart from the first, itself among them, and the floors.

    To be like another is not passed on: a model that is like the first may still be surely worse than a floor
    that is. Such a model is left out.
    """
    judges, first = _judges(contenders, judged), contenders[0]
    if judges is None:
        return list(contenders)
    floors = [floor for floor in judges.floors if judges.sign(first, floor) < 1]
    kept = [
        model
        for model in contenders
        if model == first
        or model not in judges.models
        or all(judges.sign(model, floor) > -1 for floor in floors)
    ]
    return kept + floors


def explain_tie(
    names: Sequence[str], models: Sequence[Row], scores: Mapping[str, Scores]
) -> Undecided:
    """Return what to say of models and floors that cannot be told apart from the first of them.

    names: as in `Row.series`. models: the rows of the data set that are no floors. scores: of each name that has some.
    """
    rows = {row.series: row for row in models}
    kinds = {
        (row.architecture, row.precision, row.device) if (row := rows.get(name)) else name
        for name in names
    }
    pairs = [(names[0], other) for other in names[1:]]
    seeds = 0
    if scores.keys() >= set(names):
        alone = {name: _without_seeds(one) for name, one in scores.items()}
        if _told(scores, pairs) < _told(alone, pairs):
            seeds = max(len(scores[name].seeds) for name in names)
    return Undecided(same_model=len(kinds) == 1, seeds=seeds)


def _without_seeds(scores: Scores) -> Scores:
    """Return the means over seeds, as if another seed gave the same."""
    return replace(
        scores, seeds=(), values=scores.values.mean(axis=0, keepdims=True), fits=(), seed_sd=0.0
    )


def _told(scores: Mapping[str, Scores], pairs: Sequence[tuple[str, str]]) -> int:
    return sum(p < ALPHA for p in pair_p_values(scores, pairs).values())


def _either(names: Sequence[str]) -> str:
    return name_some(names).replace(" and ", " or ")

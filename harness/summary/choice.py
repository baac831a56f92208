"""One sentence: which model to take, as far as the tests between models, and with floors, can say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from harness.catalogue.shown import BEAT, HEADLINE
from harness.statistics.model_groups import ModelComparison
from harness.summary.floors import Judged
from harness.summary.report_data import THE_DATA, DatasetInfo, ModelFinding, Row
from harness.summary.verdict import contenders_of, name_some

_OPEN = "Which to take cannot be said"


def choices(
    datasets: Sequence[DatasetInfo],
    rows: Sequence[Row],
    comparisons: Mapping[str, ModelComparison],
    judged: Mapping[str, Judged],
    findings: Sequence[ModelFinding],
) -> Iterator[str]:
    """Yield which model to take for each data set where there is a choice.

    comparisons: of the models of each by what they are ranked by. judged: how they stand beside floors.
    """
    doubtful = {one.dataset for one in findings if one.series == THE_DATA and one.flag}
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
        said = choose(contenders, len(mine), judged.get(info.name), info.name in doubtful)
        if said:
            yield f"{info.name}: {said}" if len(datasets) > 1 else said


def choose(
    contenders: Sequence[str] | None, rivals: int, judged: Judged | None, doubts: bool
) -> str:
    """Return which model to take; "" where there is nothing to choose from.

    contenders: the model that is ranked first, then those that cannot be told apart from it; empty where every
        figure is marked as doubtful, None where models were not compared.
    rivals: the number of models that have a figure. judged: how they stand beside floors.
    doubts: whether something about the data makes all figures doubtful.
    """
    floors = {} if judged is None else judged.floors
    if contenders is None or not rivals or rivals + len(floors) < 2:
        return ""
    if doubts:
        return f"{_OPEN}: something about the data makes all figures doubtful."
    if not contenders:
        return f"{_OPEN}: every model's figure is marked as doubtful."
    if judged is None or contenders[0] not in judged.models:
        return _among_models(contenders, rivals, "")
    falling = sorted(floors, key=lambda name: -judged.figures[name].value)
    sides = {name: [judged.sign(model, name) for model in judged.models] for name in falling}
    better = [name for name in falling if max(sides[name]) < 0]
    if better:
        return f"Take {better[0]}, {judged.words(better[0])}: it is surely better than every model."
    unbeaten = [name for name in falling if max(sides[name]) < 1]
    if any(floors[name].asks == BEAT for name in unbeaten):
        return f"Take none of the models: none is surely better than {name_some(unbeaten)}."
    near = [name for name in falling if judged.sign(contenders[0], name) < 1]
    if near:
        return f"{_OPEN}: {contenders[0]} is not surely better than {name_some([*contenders[1:], *near])}."
    return _among_models(contenders, rivals, " and every floor")


def _among_models(contenders: Sequence[str], rivals: int, beaten: str) -> str:
    best, *ties = contenders
    if ties:
        return f"Take {best}, or by what it costs {_either(ties)}: {best} is not surely better than {'it' if len(ties) == 1 else 'these'}."
    others = "every other model" if rivals > 1 else ""
    return f"Take {best}: it is surely better than {others}{beaten if others else beaten.removeprefix(' and ')}."


def _either(names: Sequence[str]) -> str:
    return name_some(names).replace(" and ", " or ")

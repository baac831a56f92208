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
_COSTS = "speed, memory, size"


def choices(
    datasets: Sequence[DatasetInfo],
    rows: Sequence[Row],
    comparisons: Mapping[str, ModelComparison],
    judged: Mapping[str, Judged],
    findings: Sequence[ModelFinding],
) -> Iterator[str]:
    """Yield which model to take for each data set where there is a choice.

    rows: the best of a data set first. comparisons: of the models of each by what they are ranked by. judged: how they stand beside floors.
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
        marked = [row.series for row in mine if row.figures[HEADLINE].doubtful]
        said = choose(contenders, len(mine), judged.get(info.name), info.name in doubtful, marked)
        if said:
            yield f"{info.name}: {said}" if len(datasets) > 1 else said


def choose(
    contenders: Sequence[str] | None,
    rivals: int,
    judged: Judged | None,
    doubts: bool,
    marked: Sequence[str] = (),
) -> str:
    """Return which model to take; "" where there is nothing to choose from.

    contenders: the model that is ranked first, then those that cannot be told apart from it; empty where every
        figure is marked as doubtful, None where models were not compared.
    rivals: the number of models that have a figure. judged: how they stand beside floors.
    doubts: whether something about the data makes all figures doubtful.
    marked: the models whose figures are marked as doubtful: nothing is claimed of those.
    """
    floors = {} if judged is None else judged.floors
    if contenders is None or not rivals or rivals + len(floors) < 2:
        return ""
    if doubts:
        return f"{_OPEN}: something about the data makes all figures doubtful."
    if not contenders:
        return f"{_OPEN}: every model's figure is marked as doubtful."
    left_out = f" Left out, as marked: {name_some(marked)}." if marked else ""
    judges = judged if judged is not None and contenders[0] in judged.models else None
    said = _beside_floors(contenders[0], judges) if judges else ""
    return said or _among_models(contenders, rivals - len(marked), judges) + left_out


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


def _among_models(contenders: Sequence[str], rivals: int, judged: Judged | None) -> str:
    """Return the choice between the first, and models and floors that cannot be told apart from it."""
    first, *ties = contenders
    tied = [*ties, *([f for f in judged.floors if judged.sign(first, f) < 1] if judged else ())]
    if len(tied) == 1:
        return f"Take the cheaper of {first} and {tied[0]} ({_COSTS}): the test examples do not tell them apart."
    if tied:
        return (
            f"Take the cheapest of {1 + len(tied)} ({_COSTS}): the test examples do not tell {first}, which is ranked "
            f"first, from {name_some(tied)}."
        )
    beaten = ["every other model"] * (rivals > 1) + ["every floor"] * (judged is not None)
    if not beaten:
        return f"{_OPEN}: {first} has nothing to be compared with."
    return f"Take {first}: it is surely better than {name_some(beaten)}."


def _either(names: Sequence[str]) -> str:
    return name_some(names).replace(" and ", " or ")

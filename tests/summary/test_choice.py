"""Which model to take: one sentence that claims no more than the tests allow."""

import numpy as np
import pytest

from harness.catalogue.shown import BEAT, COMPARE, REACH, Floor
from harness.statistics.model_groups import Scores
from harness.summary.choice import Undecided, choose, explain_tie
from harness.summary.figure import Figure
from harness.summary.floors import Judged
from harness.summary.report_data import Column, Row

ACCURACY = Column(key="headline", title="accuracy", unit="fraction", better="higher", meaning="")
SURE, CHANCE = 0.001, 0.4
CHEAPER = "Take the cheaper of mlp and vit (speed, memory, size): the test examples do not tell them apart."


def judged(values: dict[str, float], sure: set[tuple[str, str]], *models: str) -> Judged:
    """Models and floors with those figures; the pairs that are surely different."""
    asks = {"constant": BEAT, "linear": REACH, "trees": COMPARE}
    floors = [name for name in values if name not in models]
    return Judged(
        dataset="d",
        column=ACCURACY,
        models=models,
        floors={name: Floor(name=name, asks=asks[name]) for name in floors},
        figures={name: Figure(value=value) for name, value in values.items()},
        p_values={
            (model, floor): SURE if (model, floor) in sure else CHANCE
            for model in models
            for floor in floors
        },
    )


def beside(values: dict[str, float], sure: set[tuple[str, str]]) -> str:
    return choose(["mlp"], 1, judged(values, sure, "mlp"), ())


def test_one_model_beside_floors() -> None:
    values = {"mlp": 0.8, "constant": 0.5, "linear": 0.7, "trees": 0.75}
    every = {("mlp", name) for name in values if name != "mlp"}
    assert beside(values, every) == "Take mlp: it is surely better than every floor."
    assert beside(values, every - {("mlp", "trees"), ("mlp", "linear")}) == (
        "Take the cheapest of 3 (speed, memory, size): the test examples do not tell mlp, which is ranked first, from "
        "linear and trees."
    )
    assert beside(values | {"trees": 0.9, "linear": 0.85}, every) == (
        "Take trees, 90.0 %: it is surely better than every model."
    )
    assert beside(values | {"trees": 0.9}, every - {("mlp", "trees")}) == (
        "Take the cheaper of mlp and trees (speed, memory, size): the test examples do not tell them apart."
    )
    assert beside(values, set()) == (
        "Take none of the models: none is surely better than trees, linear or constant."
    )


def test_a_floor_is_taken_where_it_is_better_than_every_model_alone() -> None:
    values = {"mlp": 0.8, "vit": 0.6, "trees": 0.9}
    pairs = {("mlp", "trees"), ("vit", "trees")}
    one = judged(values, pairs, "mlp", "vit")
    assert choose(["mlp"], 2, one, ()).startswith("Take trees, 90.0 %:")
    one = judged(values, {("vit", "trees")}, "mlp", "vit")
    assert choose(["mlp"], 2, one, ()).startswith("Take the cheaper of mlp and trees (")
    one = judged(values, {("mlp", "trees")}, "mlp", "vit")
    assert choose(["mlp", "vit"], 2, one, ()) == (
        "Which to take cannot be said: mlp is surely below trees, which not every model is."
    )


def test_the_first_is_not_taken_where_it_alone_cannot_be_told_from_the_constant() -> None:
    one = judged({"mlp": 0.8, "vit": 0.7, "constant": 0.5}, {("vit", "constant")}, "mlp", "vit")
    assert choose(["mlp", "vit"], 2, one, ()) == (
        "Which to take cannot be said: mlp is not surely better than constant."
    )


def test_a_model_that_is_surely_below_a_floor_that_may_be_taken_is_not_among_the_choice() -> None:
    values = {"mlp": 0.88, "deep": 0.85, "linear": 0.87, "trees": 0.9}
    one = judged(values, {("deep", "linear")}, "mlp", "deep")
    assert choose(["mlp", "deep"], 2, one, ()) == (
        "Take the cheapest of 3 (speed, memory, size): the test examples do not tell mlp, which is ranked first, from "
        "linear and trees."
    )
    one = judged(values, {("mlp", "linear")}, "mlp", "deep")  # no floor is surely above deep
    assert "from deep and trees" in choose(["mlp", "deep"], 2, one, ())


@pytest.mark.parametrize(
    ("contenders", "said"),
    [
        (["mlp"], "Take mlp: it is surely better than every other model."),
        (["mlp", "vit"], CHEAPER),
        (
            ["mlp", "vit", "gru"],
            (
                "Take the cheapest of 3 (speed, memory, size): the test examples do not tell mlp, which is ranked first, "
                "from vit and gru."
            ),
        ),
        (
            list("abcdefgh"),
            (
                "Take the cheapest of 8 (speed, memory, size): the test examples do not tell a, which is ranked first, "
                "from b, c, d, e, f and 2 more."
            ),
        ),
        ([], "Which to take cannot be said: every model's figure is marked as doubtful."),
        (None, ""),
    ],
)
def test_models_without_floors(contenders: list[str] | None, said: str) -> None:
    assert choose(contenders, 3, None, ()) == said


def test_nothing_is_claimed_of_a_model_that_is_marked() -> None:
    out = " Left out, as marked: gru."
    assert choose(["mlp"], 3, None, (), ["gru"]) == (
        "Take mlp: it is surely better than every other model." + out
    )
    assert choose(["mlp", "vit"], 3, None, (), ["gru"]) == CHEAPER + out
    assert choose(["mlp"], 2, None, (), ["gru"]) == (
        "Which to take cannot be said: mlp has nothing to be compared with." + out
    )
    one = judged({"mlp": 0.8, "constant": 0.5}, {("mlp", "constant")}, "mlp")
    assert choose(["mlp"], 2, one, (), ["gru"]) == (
        "Take mlp: it is surely better than every floor." + out
    )


def test_models_that_are_all_better_than_the_floors() -> None:
    values = {"mlp": 0.8, "vit": 0.7, "constant": 0.5}
    one = judged(values, {("mlp", "constant"), ("vit", "constant")}, "mlp", "vit")
    assert choose(["mlp"], 2, one, ()) == (
        "Take mlp: it is surely better than every other model and every floor."
    )


def test_nothing_is_taken_on_doubtful_data_nor_where_there_is_no_choice() -> None:
    one = judged({"mlp": 0.8, "linear": 0.5}, {("mlp", "linear")}, "mlp")
    assert choose(["mlp"], 1, one, ["few test windows", "few examples"]) == (
        "Which to take cannot be said: all figures are doubtful, by what was found in the data "
        "(few test windows and few examples)."
    )
    assert choose(["mlp"], 1, None, ()) == ""
    assert choose([], 0, None, ()) == ""


def trained(architecture: str, recipe: str, device: str = "cpu") -> Row:
    return Row(
        architecture=architecture,
        dataset="d",
        recipe=recipe,
        precision="fp32",
        device=device,
        seeds=(0,),
        group="",
        rank="",
        figures={},
        series=f"{architecture} {recipe}",
    )


def right(seeds: int, better: int, of: int = 1000) -> Scores:
    """Models of which the one is right on `better` more examples than one that is right on the last 700."""
    row = np.arange(of) >= of - 700 - better
    return Scores(tuple(range(seeds)), np.arange(of), np.tile(row * 1.0, (seeds, 1)))


def test_recipes_of_one_architecture_are_told_apart_by_what_training_costs() -> None:
    rows = [trained("mlp", "plain"), trained("mlp", "mirrored"), trained("vit", "plain")]
    names = [row.series for row in rows]
    why = explain_tie(names[:2], rows, {})
    assert why == Undecided(same_model=True)
    assert choose(names[:2], 3, None, (), (), why) == (
        "Take the cheaper of mlp plain and mlp mirrored (what training costs): the test examples do not tell them apart."
    )
    assert explain_tie(names, rows, {}) == Undecided()
    assert explain_tie([*names[:2], "linear"], rows, {}) == Undecided()  # a floor
    others = [rows[0], trained("mlp", "on a GPU", "cuda")]
    assert explain_tie([row.series for row in others], others, {}) == Undecided()


def test_seeds_are_named_where_their_spread_hides_what_examples_tell() -> None:
    rows = [trained("mlp", "plain"), trained("vit", "plain")]
    first, other = (row.series for row in rows)

    def seen(seeds: int, better: int) -> Undecided:
        return explain_tie(
            [first, other], rows, {first: right(seeds, better), other: right(seeds, 0)}
        )

    assert seen(1, 30) == Undecided(seeds=1)  # p = 0.53, of examples alone 2e-9
    assert seen(1, 3) == Undecided()  # p of examples alone: 0.25
    assert seen(1, 300) == Undecided()  # told apart all the same
    assert seen(3, 30) == Undecided(seeds=3)  # p = 0.20
    assert seen(3, 3) == Undecided()
    assert choose([first, other], 2, None, (), (), seen(1, 30)) == (
        "Take the cheaper of mlp plain and vit plain (speed, memory, size): one seed does not tell them apart; more seeds may."
    )
    assert choose([first, other], 2, None, (), (), seen(3, 30)).endswith(
        ": 3 seeds do not tell them apart; more seeds may."
    )

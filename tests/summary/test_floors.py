"""Floors beside the models of a run: rows, findings, and what the verdict says."""

from dataclasses import replace

import numpy as np
import pytest
from here_engine import run_here

from harness.catalogue.shown import Floor
from harness.statistics.model_groups import Scores
from harness.summary.figure import Figure
from harness.summary.floors import Judged, floor_findings, floor_sentences, judge_floors
from harness.summary.metric_rows import RowKey
from harness.summary.report_data import Column, DatasetInfo

ACCURACY = Column(key="headline", title="accuracy", unit="fraction", better="higher", meaning="")
DECLARED = {
    "constant": Floor(name="constant", asks="beat", words="one answer", advice="Look."),
    "linear": Floor(name="linear", asks="reach", words="a linear model", advice="Train."),
    "trees": Floor(name="trees"),
}


def judged(
    models: dict[str, float],
    floors: dict[str, float],
    n: int = 400,
    on_a_part: tuple[str, ...] = (),
):
    """Models with those accuracies, all right on the first of the examples."""
    shares = {RowKey(name, "d", "", "", ""): share for name, share in (models | floors).items()}
    scores = {
        place: Scores(
            (0, 1) if place.architecture in models else (),
            np.arange(n),
            np.tile(np.arange(n) < share * n, (2 if place.architecture in models else 1, 1)).astype(
                float
            ),
            seed_sd=0.15 if place.architecture in models else 0.0,
        )
        for place, share in shares.items()
    }
    figures = {place: {"headline": Figure(value=share)} for place, share in shares.items()}
    names = {place: place.architecture for place in shares}
    found = judge_floors(
        {place: name for place, name in names.items() if name in models},
        {place: name for place, name in names.items() if name in floors},
        DECLARED,
        [ACCURACY],
        figures,
        scores,
        {place for place in shares if place.architecture in on_a_part},
    )
    info = DatasetInfo(name="d", headline="accuracy", counts={"test": n})
    return tuple(floor_findings(found)), tuple(floor_sentences([info], found))


def test_figures_that_differ_are_written_so_that_they_do():
    values = {"mlp": 0.99976, "linear": 0.99999, "trees": 0.99976, "constant": 0.5}
    figures = {name: Figure(value=value) for name, value in values.items()}
    column = Column(key="headline", title="r²", unit="", better="higher", meaning="")
    seen = Judged("d", column, ["mlp"], {}, figures, {})
    assert (seen.words("mlp", "linear"), seen.words("linear", "mlp")) == ("0.9998", "1.0000")
    assert (
        seen.words("mlp", "constant") == seen.words("mlp", "trees") == seen.words("mlp") == "1.000"
    )


def test_a_model_that_is_no_better_than_a_constant_is_a_finding():
    findings, sentences = judged({"mlp": 0.921}, {"constant": 0.921, "linear": 0.93})
    (found,) = findings
    assert (found.series, found.code, found.advice) == ("mlp", "floor-constant", "Look.")
    assert (
        "The accuracy, 92.1 %, cannot be told apart from that of one answer, 92.1 % (p = 1)"
        in found.sentence
    )
    assert found.flag == "no better than constant"
    (sentence,) = sentences
    assert (
        sentence
        == "No model is surely better than linear (93.0 %); the best of them has 92.1 % (mlp)."
    )


def test_a_model_that_is_surely_below_a_linear_one_is_a_finding():
    findings, sentences = judged({"mlp": 0.558, "vit": 0.9}, {"constant": 0.3, "linear": 0.698})
    (found,) = findings
    assert (found.series, found.code) == (
        "mlp",
        "floor-linear",
    ) and "surely below" in found.sentence
    assert sentences == ()


def test_a_model_of_few_examples_need_not_reach_a_floor_that_has_seen_all():
    models, floors = {"mlp": 0.558, "vit": 0.558}, {"constant": 0.3, "linear": 0.698}
    findings, _ = judged(models, floors, on_a_part=("mlp",))
    assert [(found.series, found.code) for found in findings] == [("vit", "floor-linear")]
    findings, _ = judged({"mlp": 0.3}, floors, on_a_part=("mlp",))
    assert [found.code for found in findings] == ["floor-constant"]  # to be beaten with any number


def test_a_floor_is_a_question_of_its_own():
    """Corrected for the other floors, too, the finding was not made."""
    alone, _ = judged({"mlp": 0.85}, {"linear": 0.93})
    beside, _ = judged({"mlp": 0.85}, {"linear": 0.93, "constant": 0.3, "trees": 0.85})
    assert [one.sentence for one in beside] == [one.sentence for one in alone]
    assert [one.code for one in alone] == ["floor-linear"]


def test_the_verdict_says_which_floors_are_better_than_every_model():
    findings, sentences = judged(
        {"mlp": 0.7, "vit": 0.6}, {"constant": 0.3, "linear": 0.71, "trees": 0.9}
    )
    assert [found.series for found in findings] == ["vit"]  # trees ask for nothing
    assert sentences == (
        "Better than every model: trees (90.0 %); the best of them has 70.0 % (mlp).",
    )


def test_several_floors_are_a_list_in_words():
    floors = {"constant": 0.8, "linear": 0.85, "trees": 0.9}
    _, (sentence,) = judged({"mlp": 0.5}, floors)
    assert sentence.startswith(
        "Better than every model: trees (90.0 %), linear (85.0 %) and constant (80.0 %); the best"
    )


def test_of_equal_models_the_first_of_the_table_is_named():
    _, (sentence,) = judged({"vit": 0.6, "mlp": 0.6}, {"trees": 0.75})
    assert sentence.startswith("Better than every model: trees")
    assert sentence.endswith("; the best of them has 60.0 % (mlp).")


def test_nothing_is_said_where_nothing_is_known():
    assert judged({}, {"constant": 0.3}) == ((), ())
    assert judged({"mlp": 0.3}, {}) == ((), ())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Nine in ten are of one class, and no column tells which."""
    folder = tmp_path_factory.mktemp("floors")
    draws = np.random.default_rng(0)
    lines = [
        f"{a:.3f},{b:.3f},{'ab'[int(k % 10 == 0)]}"
        for k, (a, b) in enumerate(draws.normal(size=(400, 2)))
    ]
    (folder / "rare.csv").write_text("u,v,kind\n" + "\n".join(lines) + "\n")
    suite = {
        "suite": {"name": "floors"},
        "matrix": {
            "architectures": ["mlp"],
            "datasets": [str(folder / "rare.csv")],
            "seeds": [0, 1],
            "floors": True,
        },
        "recipes": {"plain": {"epochs": 5}},
        "measure": [{"name": "accuracy"}],
    }
    return run_here(suite, store=folder / "store")


def test_floors_are_rows_without_a_place_in_the_ranking(run):
    rows = {row.architecture: row for row in run.summary.rows}
    assert set(rows) == {"mlp", "constant", "linear", "boosted trees"}
    floors = [row for row in rows.values() if row.floor]
    assert len(floors) == 3 and not any(row.rank or row.group or row.seeds for row in floors)
    assert rows["mlp"].rank == "1" and not rows["mlp"].floor
    assert rows["constant"].figures["headline"].value == pytest.approx(0.9, abs=0.02)
    assert run.summary.shared["recipe"] == "plain"  # what has no recipe takes it from nobody
    frame = run.metrics[run.metrics["measure"] == "floors"]
    assert set(frame["architecture"]) == {"constant", "linear", "boosted trees"}
    assert sum(run.outcomes["measure"] == "floors") == 1


def test_a_model_that_bears_the_name_of_a_floor_has_its_own_figures_alone(tmp_path):
    suite = {
        "suite": {"name": "namesake"},
        "matrix": {"architectures": ["linear"], "datasets": ["iris"], "floors": True},
        "recipes": {"plain": {"epochs": 1, "learning_rate": 1e-9}},  # it learns nothing
        "measure": [{"name": "accuracy"}],
        "claim": [{"expect": "accuracy(linear) < 0.8"}, {"expect": "accuracy(constant) < 0.8"}],
    }
    run = run_here(suite, store=tmp_path / "store")
    rows = {row.series: row for row in run.summary.rows}
    assert rows["linear (floor)"].floor and not rows["linear"].floor
    assert rows["linear"].figures["headline"].value < 0.6  # it has learnt nothing
    assert rows["linear (floor)"].figures["headline"].value > 0.9
    assert [one.title for one in run.summary.columns].count("accuracy") == 1
    assert {one.code for one in run.summary.findings} >= {"floor-constant", "floor-linear"}
    assert [claim.outcome for claim in run.summary.claims] == ["confirmed", "confirmed"]


def test_a_run_says_by_itself_that_an_accuracy_is_the_majoritys(run):
    found = [one for one in run.summary.findings if one.code == "floor-constant"]
    assert [one.series for one in found] == ["mlp"]
    assert any("No model is surely better than" in sentence for sentence in run.summary.verdicts)
    for name in ("terminal", "markdown", "html"):
        text = " ".join(
            run.report(name).split()
        )  # lines break where the terminal's width makes them
        assert "boosted trees" in text and "no better than constant" in text
    assert "recipe plain" in " ".join(run.report("terminal").split())


def test_an_undefined_figure_has_no_rank_no_verdict_and_no_floor(tmp_path):
    """R2 of a target that does not vary: "nan cannot be told apart from nan (p = 0.32)" was said once."""
    draws = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},5.0" for a, b in draws.normal(size=(60, 2))]
    (tmp_path / "flat.csv").write_text("u,v,price\n" + "\n".join(lines) + "\n")
    suite = {
        "suite": {"name": "flat"},
        "matrix": {
            "architectures": ["mlp", "mlp:width=8"],
            "datasets": [f"csv:path={tmp_path / 'flat.csv'},problem=regression"],
            "floors": True,
        },
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}],
    }
    summary = run_here(suite, store=tmp_path / "store").summary
    assert all(np.isnan(row.figures["headline"].value) for row in summary.rows)
    assert not any(row.rank or row.group for row in summary.rows)
    assert summary.verdicts == ()
    codes = {one.code for one in summary.findings}
    assert {"constant-targets", "left-out"} <= codes and not any(
        code.startswith("floor") for code in codes
    )


def test_where_less_is_better_a_model_above_a_floor_is_worse():
    less = replace(ACCURACY, better="lower", unit="bits")
    figures = {name: Figure(value=value) for name, value in (("gpt", 2.5), ("unigram", 4.5))}
    floors = {"unigram": Floor(name="unigram", asks="beat", words="one answer", advice="Look.")}
    good = Judged("d", less, ["gpt"], floors, figures, {("gpt", "unigram"): 0.001})
    assert good.sign("gpt", "unigram") == 1 and good.worth("gpt") > good.worth("unigram")
    assert not list(floor_findings({"d": good}))
    swapped = {"gpt": figures["unigram"], "unigram": figures["gpt"]}
    (found,) = floor_findings({"d": replace(good, figures=swapped)})
    assert "4.500, is surely above that of one answer, 2.500" in found.sentence
    info = DatasetInfo(name="d", headline="bits", counts={"test": 9})
    (said,) = floor_sentences([info], {"d": replace(good, figures=swapped)})
    assert said == "Better than every model: unigram (2.500); the best of them has 4.500 (gpt)."

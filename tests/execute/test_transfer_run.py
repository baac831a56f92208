"""Transfer from a suite to the reports: `harness run` on digits with two architectures and two recipes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from harness_process import WorkplaceHere, outcomes, rows

import harness
from harness.statistics.inference import proportion
from harness.store.run_data import ExampleArrays

pytestmark = pytest.mark.slow

SUITE = """
[suite]
name = "transfer"
[matrix]
floors = false
architectures = ["mlp", "lenet"]
datasets = ["digits"]
recipes = ["plain", "robust"]
seeds = [0, 1]
[recipes.plain]
optimizer = "adamw:learning_rate=1e-2"
epochs = 4
[recipes.robust]
optimizer = "adamw:learning_rate=1e-2"
objective = "pgd-at:epsilon=2/16,steps=2"
epochs = 2
[[measure]]
name = "accuracy"
[[measure]]
name = "adversarial"
attacks = ["pgd:steps=5"]
epsilons = ["2/16"]
audit = false
gallery = 0
[[measure]]
name = "transfer"
attack = "pgd:steps=5"
epsilons = ["1/16", "2/16"]
examples = 200
[[measure]]
name = "transfer"
attack = "fgsm"
norm = "l2"
epsilons = [0.5]
examples = 50
"""
TITLE = "Transfer of adversarial examples, "
FIRST = 'transfer:epsilons=[1/16,2/16],examples=200,attack="pgd:steps=5"'
MODELS = ("mlp plain", "mlp robust", "lenet plain", "lenet robust")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> WorkplaceHere:
    """Return a workplace in which the suite has run twice; the second time transfer alone."""
    found = WorkplaceHere(tmp_path_factory.mktemp("transfer"))
    found.write("transfer.toml", SUITE)
    code, out, errors = found.run("transfer.toml", "store")
    assert code == 0, errors
    assert f"{TITLE}pgd:steps=5, linf 2/16" in out and f"{TITLE}fgsm, l2 0.5" in out
    assert "Traceback" not in out + errors
    return found


@pytest.fixture(scope="module")
def run(place: WorkplaceHere) -> harness.Run:
    return harness.load_run(place.folder / "store")


def test_there_is_a_job_for_each_seed_and_suite_table(place: WorkplaceHere) -> None:
    found = outcomes(place.folder / "store")
    labels = [label for label in found if label.startswith("transfer")]
    assert len(labels) == 4
    assert {found[label]["status"] for label in labels} == {"ok"}
    log = Path(
        place.folder / "store" / found[f"{FIRST} digits#0"]["folder"] / "log.txt"
    ).read_text()
    assert "200 examples made on lenet plain" in log and "judged on mlp robust" in log


def test_the_tidy_table_names_both_models(run: harness.Run) -> None:
    mine = run.metrics[run.metrics.name == "transfer_accuracy"]
    assert len(mine) == 2 * (2 * 16 + 16)  # seeds, two epsilons and one
    assert mine.architecture.isna().all()
    assert set(mine.source) == set(mine.target) == {"mlp", "lenet"}
    assert set(mine.source_recipe) == set(mine.target_recipe) == {"plain", "robust"}
    assert ((mine.low <= mine.value) & (mine.value <= mine.high)).all()
    assert set(mine[mine.norm == "linf"].n) == {200}
    rates = run.metrics[run.metrics.name == "transfer_rate"]
    assert (rates.n <= 200).all() and rates.value.between(0, 1).all()
    assert rates.value.std() > 0


def test_the_points_are_pooled_over_seeds_and_examples(run: harness.Run) -> None:
    (chart,) = (c for c in run.summary.charts if c.title == f"{TITLE}pgd:steps=5, linf 2/16")
    order = [row.series for row in run.summary.rows]
    assert chart.columns == tuple(order) and set(order) == set(MODELS)
    margins = ("(as they are)", "(any of these)")
    assert chart.rows == (*margins, *order) and len(chart.cells) == 4 + 4 + 16
    jobs = [
        j for j in run.data.jobs if j.axes.get("measure", "").startswith("transfer:epsilons=[1")
    ]
    kept = [ExampleArrays.read(job.folder) for job in jobs]
    names = [f"{fit['label']} {fit['recipe']}" for fit in jobs[0].spec["fits"]]
    for cell in chart.cells:
        t = names.index(cell.column)
        array = dict(zip(margins, (f"correct_{t}", f"stands_1_{t}"), strict=True)).get(cell.row)
        array = array or f"stands_1_{names.index(cell.row)}_{t}"
        expected = proportion(np.stack([one.arrays[array].astype(float) for one in kept]))
        figure = cell.figure
        assert (figure.value, figure.low, figure.high) == (
            expected.value,
            expected.low,
            expected.high,
        )
        assert (cell.beside is None) == (cell.row in (*margins, cell.column))
    accuracy = {(cell.row, cell.column): cell.figure.value for cell in chart.cells}
    for one in MODELS:  # white box is strongest, and no examples are harder than none
        assert accuracy[one, one] == min(accuracy[source, one] for source in MODELS)
        clean, worst = (accuracy[margin, one] for margin in margins)
        assert max(accuracy[source, one] for source in MODELS) <= clean
        assert worst <= accuracy[one, one]


def test_the_diagonal_is_what_the_measure_adversarial_finds(run: harness.Run) -> None:
    kept = {
        (job.axes["architecture"], job.axes["recipe"], job.axes["seed"]): ExampleArrays.read(
            job.folder
        )
        for job in run.data.jobs
        if job.axes.get("measure") == "adversarial"
    }
    alone = run.metrics[(run.metrics.name == "transfer_accuracy") & (run.metrics.norm == "linf")]
    for row in alone[alone.epsilon_text == "2/16"].itertuples():
        if (row.source, row.source_recipe) == (row.target, row.target_recipe):
            stands = kept[row.source, row.source_recipe, row.seed].arrays["robust_0"]
            assert row.value == stands[:200].mean()


def test_every_report_shows_it(run: harness.Run) -> None:
    record = json.loads(run.report("json"))
    cells = [len(one["cells"]) for one in record["charts"] if one["title"].startswith(TITLE)]
    assert cells == [24, 24, 24]
    assert f"{TITLE}fgsm, l2 0.5" in run.report("html")
    assert f"### {TITLE}pgd:steps=5, linf 1/16" in run.report("markdown")
    assert run.report("csv").count("transfer_accuracy") == 96
    assert "most" in " ".join(run.summary.verdicts).lower()


def test_it_is_resumed_and_compared(place: WorkplaceHere) -> None:
    store = place.folder / "store"
    assert place.run("transfer.toml", "store", "--fresh", FIRST)[0] == 0
    again = rows(store, "SELECT COUNT(*) AS jobs FROM outcomes WHERE run = 2")
    assert again == [{"jobs": 2}]
    values = (
        "SELECT value FROM metrics JOIN outcomes ON outcomes.id = metrics.outcome WHERE run = {}"
    )
    first, second = (
        rows(store, values.format(run) + " AND fingerprint IN (SELECT fingerprint FROM outcomes"
             " WHERE run = 2) ORDER BY fingerprint, metrics.rowid")
        for run in (1, 2)
    )  # fmt: skip
    assert first == second and len(first) > 64  # bit for bit
    code, text = place.call(
        "compare", "transfer-0001", "transfer-0002", "--store", "store",
        "--fail-if", "transfer_accuracy < -1pt",
    )  # fmt: skip
    assert code == 0, text
    assert "transfer" in text

"""What reports are given of a real run."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from here_engine import run_here

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.kinds import KINDS, Measure
from harness.catalogue.shown import Shown
from harness.statistics.inference import proportion
from harness.store.run_data import ExampleArrays
from harness.summary.report_data import Row
from harness.summary.summary import summarise


@pytest.fixture(scope="module")
def summary(small_run):
    return small_run.summary


def chart(summary, title: str, dataset: str = "digits"):
    (found,) = (one for one in summary.charts if (one.title, one.dataset) == (title, dataset))
    return found


def attacked(summary, norm: str = "linf"):
    return chart(summary, f"Accuracy under attack, {norm}").points


def find(summary, architecture: str, dataset: str = "digits") -> Row:
    (row,) = (r for r in summary.rows if (r.architecture, r.dataset) == (architecture, dataset))
    return row


def test_a_claim_that_cannot_be_read_keeps_no_report_from_being_made(small_run):
    written = {"claim": [{"expect": "accuracy(mlp) is fine"}]}
    report = summarise(
        dataclasses.replace(small_run.data, written=written), small_run.host.catalogue
    )
    assert report.columns == small_run.summary.columns


def test_one_row_an_architecture_and_data_set(summary):
    found = {(row.architecture, row.dataset) for row in summary.rows}
    assert len(found) == len(summary.rows)
    expected = {(name, "digits") for name in ("mlp", "lenet", "broken")} | {("mlp", "diabetes")}
    assert found == expected  # a table is not for lenet, which is skipped and listed
    assert [row.dataset for row in summary.rows] == ["digits"] * 3 + ["diabetes"]
    assert find(summary, "mlp").seeds == (0, 1) and find(summary, "broken").seeds == ()
    assert {row.series for row in summary.rows} == {"mlp", "lenet", "broken"}
    assert summary.shared == {"recipe": "plain", "precision": "fp32", "device": "cpu"}


def test_what_was_measured_without_weights_is_shown_where_the_fit_was_skipped(small_run):
    """As a time budget does: "nothing was measured" would not be true."""
    skipped = {"status": "skipped", "reason": "it does not fit into the time budget of 2 s"}
    jobs = [
        dataclasses.replace(job, **skipped) if job.axes.get("seed") is not None else job
        for job in small_run.data.jobs
        if job.axes.get("architecture") in (None, "mlp", "lenet")
    ]
    metrics = small_run.metrics[small_run.metrics["seed"].isna()]
    data = dataclasses.replace(small_run.data, jobs=tuple(jobs), metrics=metrics)
    found = summarise(data, small_run.host.require_usable())
    assert {"parameters", "flops"} <= find(found, "mlp").figures.keys()
    assert {(r.architecture, r.dataset) for r in found.rows} == {
        ("mlp", "digits"),
        ("lenet", "digits"),
        ("mlp", "diabetes"),
    }
    assert found.status.endswith("jobs left out by its time budget")
    assert "digits: Not judged, as the time budget was over: mlp and lenet." in found.verdicts


def test_a_recipe_that_was_skipped_beside_one_that_was_not_is_no_row(small_run):
    """As one that starts from a fit on the same data is: it would be a row of dashes, of no seed."""
    (first, *_) = [job for job in small_run.data.jobs if job.label == "fit mlp#0 digits"]
    other = dataclasses.replace(
        first, fingerprint="other", status="skipped", axes={**first.axes, "recipe": "from-it"}
    )
    trained = small_run.metrics[small_run.metrics["seed"].notna()]  # others hold for all recipes
    data = dataclasses.replace(small_run.data, jobs=(*small_run.data.jobs, other), metrics=trained)
    found = summarise(data, small_run.host.require_usable())
    assert {row.recipe for row in found.rows} == {"plain"}
    assert "other" in {one.fingerprint for one in found.unfinished}


def test_rows_are_in_the_order_of_the_headline(summary):
    digits = [row for row in summary.rows if row.dataset == "digits"]
    values = [row.figures["headline"].value for row in digits if "headline" in row.figures]
    assert values == sorted(values, reverse=True) and digits[-1].architecture == "broken"


def test_rows_are_in_the_order_of_a_headline_of_which_less_is_better(small_run):
    entries = [e for kind in KINDS for e in small_run.host.require_usable().entries(kind).values()]
    turned = [
        dataclasses.replace(one, item=dataclasses.replace(one.item, shows=lower(one.item.shows)))
        if isinstance(one.item, Measure)
        else one
        for one in entries
    ]
    rows = summarise(small_run.data, Catalogue(turned)).rows
    values = [
        row.figures["headline"].value
        for row in rows
        if row.dataset == "digits" and "headline" in row.figures
    ]
    assert len(set(values)) > 1 and values == sorted(values)


def lower(shows: tuple[Shown, ...]) -> tuple[Shown, ...]:
    return tuple(dataclasses.replace(one, better="lower") for one in shows)


def test_accuracy_is_what_models_are_ranked_by_wherever_the_suite_names_it(small_run):
    """A plugin's measure, named first in the suite, asks to be the headline too; it gets a column of its own."""
    accuracy = small_run.metrics.query("name == 'accuracy' and dataset == 'digits'")
    score = accuracy.assign(
        measure="mine", name="score", value=1 - accuracy["value"], low=0.0, high=1.0
    )
    metrics = pd.concat([score.assign(examples="[]"), small_run.metrics])
    written = {**small_run.data.written}
    written["measure"] = [{"name": "mine"}, *written["measure"]]
    data = dataclasses.replace(small_run.data, metrics=metrics, written=written)
    known = small_run.host.require_usable()
    shows = (Shown(metric="score", key="headline", title="score", better="higher"),)
    mine = Entry(
        item=Measure(name="mine", run=print, takes=("image",), shows=shows), plugin="a test"
    )
    found = summarise(
        data, Catalogue([*(e for kind in KINDS for e in known.entries(kind).values()), mine])
    )
    before = small_run.summary
    assert [(row.series, row.group, row.rank) for row in found.rows] == [
        (row.series, row.group, row.rank) for row in before.rows
    ]
    assert found.verdicts == before.verdicts
    assert [column.title for column in found.columns[:3]] == ["accuracy", "r²", "score"]


def test_columns_are_those_of_the_measures(summary):
    keys = [column.key for column in summary.columns]
    assert keys == [
        "headline", "headline", "throughput", "latency", "parameters", "flops", "robust",
        "shifted", "shifted", "fit_seconds",
    ]  # fmt: skip
    titles = {column.key: column.title for column in summary.columns}
    assert titles["throughput"] == "throughput, batch 16"
    assert titles["latency"] == "p99 latency, batch 1"
    assert titles["robust"] == "robust, linf 1/16"
    assert [(c.title, c.unit, c.datasets) for c in summary.columns if c.key == "headline"] == [
        ("accuracy", "fraction", ("digits",)),
        ("r²", "", ("diabetes",)),
    ]


def test_intervals_hold_their_values(summary):
    for row in summary.rows:
        for key, figure in row.figures.items():
            if figure.exact:
                assert figure.low is None and key in ("parameters", "flops")
            elif figure.low is not None and not math.isnan(figure.low):
                assert figure.low <= figure.value <= figure.high, (row.architecture, key)


def test_accuracy_is_pooled_over_seeds_and_examples(small_run, summary):
    correct = [
        ExampleArrays.read(job.folder).arrays["correct"]
        for job in small_run.data.jobs
        if job.axes.get("measure") == "accuracy"
        and (job.axes["architecture"], job.axes["dataset"]) == ("lenet", "digits")
    ]
    expected = proportion(np.stack(correct))
    figure = find(summary, "lenet").figures["headline"]
    assert (figure.value, figure.low, figure.high) == (expected.value, expected.low, expected.high)
    assert figure.n == 2 * len(correct[0]) == expected.n


def test_what_needs_no_weights_stands_on_every_row(summary):
    for name in ("mlp", "lenet"):
        row = find(summary, name)
        assert row.figures["parameters"].exact and row.figures["parameters"].value > 1000
        assert row.figures["throughput"].value > 0 and row.figures["throughput"].n > 1
    count = find(summary, "mlp", "diabetes").figures["parameters"].value
    assert count != find(summary, "mlp").figures["parameters"].value  # fewer inputs


def test_the_curve_of_robustness_begins_at_the_clean_accuracy(summary):
    curves: dict[str, list] = {}
    for point in attacked(summary):
        curves.setdefault(point.series, []).append(point)
    assert set(curves) == {"mlp", "lenet"}
    for name, points in curves.items():
        assert [point.x_text for point in points] == ["0", "1/16", "2/16"]
        assert [point.x for point in points] == [0, 1 / 16, 2 / 16]
        values = [point.y.value for point in points]
        assert values == sorted(values, reverse=True)
        row = find(summary, name)
        assert points[0].y == row.figures["headline"]
        assert points[1].y == row.figures["robust"]


def test_a_curve_of_two_measures_is_the_lower_one_at_each_radius(tmp_path):
    """Each names its own arrays, whatever the order of its radii."""
    suite = {
        "suite": {"name": "two"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"], "seeds": [0, 1]},
        "recipes": {"plain": {"epochs": 3, "optimizer": "adamw:learning_rate=1e-2"}},
        "measure": [
            {"name": "adversarial", "attacks": ["fgsm"], "epsilons": ["1/16", "2/16"]},
            {"name": "adversarial", "attacks": ["pgd"], "epsilons": ["2/16", "1/16", "3/16"]},
        ],
    }
    run = run_here(suite, store=tmp_path)
    points = {point.x_text: point.y.value for point in attacked(run.summary)}
    worst = run.metrics[run.metrics["attack"] == "worst case"]
    means = worst.groupby(["epsilon_text", "measure"])["value"].mean()
    assert list(points) == ["0", "1/16", "2/16", "3/16"]
    for radius in ("1/16", "2/16", "3/16"):
        assert points[radius] == pytest.approx(means[radius].min())
    assert len(means) == 5 and len(set(means)) == 5
    assert list(points.values()) == sorted(points.values(), reverse=True)


def test_the_order_of_rows_decides_nothing(small_run, summary):
    """Each metric names the arrays behind it."""
    turned = dataclasses.replace(small_run.data, metrics=small_run.metrics[::-1])
    found = summarise(turned, small_run.host.require_usable())
    assert set(map(repr, attacked(found))) == set(map(repr, attacked(summary)))
    maps = [set(map(repr, chart(s, "Accuracy under shift").cells)) for s in (found, summary)]
    assert maps[0] == maps[1]


def test_the_worst_case_is_no_better_than_any_attack(small_run, summary):
    metrics = small_run.metrics
    robust = metrics[(metrics["name"] == "robust_accuracy") & (metrics["architecture"] == "mlp")]
    for epsilon, rows in robust.groupby("epsilon"):
        by_attack = rows.groupby("attack")["value"].mean()
        assert by_attack["worst case"] <= by_attack.min() + 1e-12
        (point,) = (p for p in attacked(summary) if p.series == "mlp" and p.x == epsilon)
        assert point.y.value == pytest.approx(by_attack["worst case"])


def test_shifted_cells_average_to_the_column(summary):
    for name in ("mlp", "lenet"):
        cells = [cell for cell in chart(summary, "Accuracy under shift").cells if cell.row == name]
        assert sorted((cell.facet, cell.column) for cell in cells) == [
            ("contrast", "1"), ("contrast", "5"), ("gaussian_noise", "1"), ("gaussian_noise", "5"),
        ]  # fmt: skip
        mean = np.mean([cell.figure.value for cell in cells])
        assert find(summary, name).figures["shifted"].value == pytest.approx(mean)


def test_a_regression_is_headed_by_r2(small_run, summary):
    infos = {info.name: info for info in summary.datasets}
    assert infos["diabetes"].headline == "r2" and infos["digits"].headline == "accuracy"
    assert infos["digits"].counts["test"] == 359
    figure = find(summary, "mlp", "diabetes").figures["headline"]
    metrics = small_run.metrics
    r2 = metrics[(metrics["name"] == "r2") & (metrics["dataset"] == "diabetes")]["value"]
    assert figure.value == pytest.approx(r2.mean()) and len(r2) == 2
    assert "robust" not in find(summary, "mlp", "diabetes").figures


def test_failures_and_skips_are_listed_with_reasons(summary):
    found = {}
    for one in summary.unfinished:
        found.setdefault(one.status, []).append(one)
    assert set(found) == {"failed", "skipped", "blocked"}
    fits = [one for one in found["failed"] if one.label.startswith("fit")]
    assert len(fits) == 2 and all("this network never works" in one.reason for one in fits)
    assert any("table" in one.reason for one in found["skipped"])
    assert all("which is failed" in one.reason for one in found["blocked"])
    assert summary.counts["failed"] == len(found["failed"])
    assert sum(summary.counts.values()) == len(summary.unfinished) + summary.counts["ok"]


def test_groups_and_ranks_are_there_where_something_was_measured(summary):
    for name in ("mlp", "lenet"):
        row = find(summary, name)
        assert row.group and row.rank in ("1", "2", "1-2")
    assert (find(summary, "broken").group, find(summary, "broken").rank) == ("", "")
    assert summary.verdicts[0].startswith(("digits: Take ", "digits: Which to take "))
    assert summary.verdicts[1].startswith("digits: Most accurate: ")


def test_fit_time_says_that_other_jobs_ran(summary):
    figure = find(summary, "lenet").figures["fit_seconds"]
    assert figure.note == "trained while other jobs ran" and figure.n == 2


def test_a_flag_makes_no_condition_of_its_own(small_run):
    """Two seeds, one of whose figures is flagged: still one cell, with a note."""
    metrics = small_run.metrics.copy()
    place = metrics.index[(metrics["name"] == "accuracy") & (metrics["architecture"] == "mlp")][0]
    metrics.loc[place, "where"] = json.dumps({"flag": "a doubt"})
    robust = metrics.index[
        (metrics["name"] == "robust_accuracy") & (metrics["architecture"] == "mlp")
    ]
    for index in robust:
        where = json.loads(metrics.loc[index, "where"])
        metrics.loc[index, "where"] = json.dumps(where | {"flag": "another"})
    data = dataclasses.replace(small_run.data, metrics=metrics)
    found = summarise(data, small_run.host.require_usable())
    before = small_run.summary
    for key in ("headline", "robust"):
        old, new = (find(s, "mlp").figures[key] for s in (before, found))
        assert dataclasses.replace(new, note="", doubtful=False) == old
    assert find(found, "mlp").figures["headline"].note == "a doubt"
    assert find(found, "mlp").figures["robust"].note == "another"
    assert len(attacked(found)) == len(attacked(before))


def test_a_figure_of_fewer_seeds_than_others_says_of_which(small_run):
    metrics = small_run.metrics
    gone = metrics.query("architecture == 'lenet' and name == 'accuracy' and seed == 0").index
    data = dataclasses.replace(small_run.data, metrics=metrics.drop(gone))
    found = summarise(data, small_run.host.require_usable())
    notes = {(r.architecture, key): f.note for r in found.rows for key, f in r.figures.items()}
    assert notes["lenet", "headline"] == "of seed 1 alone"
    assert [key for key, note in notes.items() if "alone" in note] == [("lenet", "headline")]


def test_two_norms_have_columns_of_their_own_and_two_attacks_in_one(tmp_path):
    run = run_here(
        {
            "suite": {"name": "norms"},
            "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
            "recipes": {"plain": {"epochs": 1}, "longer": {"epochs": 2}},
            "measure": [
                {"name": "adversarial", "attacks": ["fgsm"], "epsilons": ["1/16"]},
                {"name": "adversarial", "attacks": ["fgsm"], "norm": "l2", "epsilons": [0.5]},
                {"name": "adversarial", "attacks": ["pgd:steps=1"], "epsilons": ["1/16"]},
                {"name": "flops"},
            ],
        },
        store=tmp_path,
    )
    titles = [column.title for column in run.summary.columns]
    assert titles[:3] == [
        "robust, linf 1/16, attacks=[fgsm]",
        "robust, l2 0.5",
        'robust, linf 1/16, attacks=["pgd:steps=1"]',
    ]
    assert attacked(run.summary, "linf") and attacked(run.summary, "l2")
    assert {row.series for row in run.summary.rows} == {"mlp plain", "mlp longer"}
    assert all("parameters" in row.figures for row in run.summary.rows)
    assert run.summary.shared == {"precision": "fp32", "device": "cpu"}


def test_a_large_run_is_summarised_quickly(small_run):
    """50 architectures of 3 seeds, each with the metrics and examples of the small run's lenet."""
    import time

    data = small_run.data
    own = [job for job in data.jobs if job.axes.get("architecture") == "lenet"]
    own = [job for job in own if job.axes["dataset"] == "digits" and job.axes.get("seed", 0) == 0]
    jobs = [job for job in data.jobs if job.sort == "prepare"]
    rows = data.metrics[data.metrics["fingerprint"].isin([job.fingerprint for job in own])]
    frames = []
    for number in range(50):
        for seed in range(3):
            name = f"lenet{number}"
            for job in own:
                if "seed" in job.axes or not seed:
                    axes = {**job.axes, "architecture": name}
                    axes |= {"seed": seed} if "seed" in job.axes else {}
                    fingerprint = f"{job.fingerprint} {number} {seed if 'seed' in job.axes else 0}"
                    jobs.append(dataclasses.replace(job, axes=axes, fingerprint=fingerprint))
            mine = rows if not seed else rows[rows["seed"].notna()]
            seeds = mine["seed"].where(mine["seed"].isna(), seed)
            marks = mine["fingerprint"] + " " + str(number) + " " + seeds.fillna(0).astype(str)
            frames.append(mine.assign(architecture=name, seed=seeds, fingerprint=marks))
    large = dataclasses.replace(data, jobs=tuple(jobs), metrics=pd.concat(frames))
    catalogue = small_run.host.require_usable()
    started = time.process_time()
    found = summarise(large, catalogue)
    assert time.process_time() - started < 2.0
    assert len(found.rows) == 50 and all(row.seeds == (0, 1, 2) for row in found.rows)
    assert len({row.figures["headline"].value for row in found.rows}) == 1
    assert {row.rank for row in found.rows} == {"1-50"}


def test_a_value_that_its_unit_cannot_have_is_marked(small_run):
    metrics = small_run.metrics.copy()
    assert metrics.loc[metrics["name"] == "throughput", "unit"].unique().tolist() == ["1/s"]
    metrics.loc[metrics["name"] == "throughput", "value"] = -2.0
    data = dataclasses.replace(small_run.data, metrics=metrics)
    marked = find(summarise(data, small_run.host.catalogue), "mlp").figures["throughput"]
    assert marked.note.endswith("impossible: in the unit 1/s a value is 0 or more")
    assert marked.doubtful
    assert "impossible" not in find(small_run.summary, "mlp").figures["throughput"].note

"""Two real runs side by side."""

import json
from dataclasses import replace

import numpy as np
import pytest
from here_engine import run_here

import harness
from harness.compare.claims import judge_claims
from harness.compare.differences import EXACT
from harness.compare.gate import Gate, judge
from harness.compare.run_comparison import SAME_OUTCOME, compare_runs
from harness.errors import UsageError
from harness.statistics.inference import paired_p_value
from harness.statistics.model_groups import ALPHA
from harness.summary.summary import summarise


def run_of(base, store, name, **changes):
    matrix = base["matrix"] | {"architectures": ["mlp"], "datasets": ["digits"]}
    suite = base | {"suite": {"name": name}, "matrix": matrix | changes.pop("matrix", {})}
    return run_here(suite | changes, store=store).data


@pytest.fixture(scope="module")
def runs(small_suite, small_run, tmp_path_factory):
    """The small run, and one of the same MLP that is trained for less long."""
    less = {"plain": {"epochs": 1, "optimizer": "adamw:learning_rate=1e-3"}}
    return small_run.data, run_of(
        small_suite, tmp_path_factory.mktemp("less"), "less", recipes=less
    )


@pytest.fixture(scope="module")
def catalogue(small_run):
    return small_run.host.catalogue


@pytest.fixture(scope="module")
def comparison(runs, catalogue):
    return compare_runs(*runs, catalogue)


def one(comparison, name, **at):
    (found,) = [
        pair
        for pair in comparison.pairs
        if pair.name == name and all(pair.where.get(k) == v for k, v in at.items())
    ]
    return found


def test_the_figures_of_the_main_table_are_paired(comparison):
    assert {pair.name for pair in comparison.pairs} == {
        "accuracy", "throughput", "latency_p99", "parameters", "flops", "robust_accuracy",
        "mean_shifted_accuracy", "fit_seconds",
    }  # fmt: skip
    assert all(pair.at["architecture"] == "mlp" for pair in comparison.pairs)
    assert one(comparison, "throughput").where["batch_size"] == 16  # as in the table
    lost = {(found.label.split()[0], found.missing_in) for found in comparison.lost}
    assert ("lenet", "B") in lost and not comparison.environment


def test_a_recipe_with_other_settings_under_its_name_is_told(comparison):
    (found,) = comparison.trainings
    assert found.models == ("mlp",)
    assert found.settings["epochs"] == ("4", "1")
    assert found.settings.keys() == {"epochs", "optimizer"}


def test_accuracies_are_compared_per_example(comparison, runs):
    pair = one(comparison, "accuracy")
    assert pair.verdict in ("worse", "not distinguishable") and pair.difference.value < -0.02
    assert pair.a - pair.b == pytest.approx(-pair.difference.value)
    assert pair.difference.method == "moderated t test over seeds and examples, paired"
    frames = [run.metrics.query("name == 'accuracy' and architecture == 'mlp'") for run in runs]
    assert pair.a == pytest.approx(frames[0].query("dataset == 'digits'").value.mean())
    robust = one(comparison, "robust_accuracy")
    assert robust.difference.method.startswith("moderated t test over seeds and examples")
    assert robust.title.startswith("robust, linf")


def test_counts_timings_and_what_was_not_alone(comparison):
    parameters = one(comparison, "parameters")
    assert (parameters.verdict, parameters.difference.method) == ("equal", EXACT)
    assert "assumed" in one(comparison, "throughput").difference.method
    assert one(comparison, "fit_seconds").verdict in ("not claimed", "better")


def test_p_values_are_holms(comparison):
    noisy = [p for p in comparison.pairs if p.p_value is not None and not p.is_exact]
    raw = sorted(p.difference.p_value for p in noisy)
    assert min(p.p_value for p in noisy) == pytest.approx(min(1.0, len(noisy) * raw[0]))
    for pair in noisy:
        assert pair.p_value >= pair.difference.p_value
        assert pair.differs == (pair.p_value < ALPHA)


def test_a_run_against_itself_is_equal(runs, catalogue):
    found = compare_runs(runs[0], runs[0], catalogue, also=lambda name: True)
    assert {pair.verdict for pair in found.pairs} == {"equal"}
    assert {pair.difference.method for pair in found.pairs} == {SAME_OUTCOME}
    assert not found.lost
    named = {pair.name for pair in found.pairs}
    assert {"latency_variation", "clean_accuracy", "steps"} <= named


def test_what_is_asked_for_is_compared_wherever_it_holds(runs, catalogue):
    found = compare_runs(
        *runs, catalogue, also=lambda name: name in ("throughput", "robust_accuracy")
    )
    sizes = [pair.where["batch_size"] for pair in found.pairs if pair.name == "throughput"]
    assert sizes == [1, 16]
    worst = one(found, "robust_accuracy", attack="worst case", epsilon_text="2/16")
    assert worst.difference.method.startswith("moderated t test over seeds and examples")
    by_attack = one(found, "robust_accuracy", attack="fgsm", epsilon_text="2/16")
    assert by_attack.difference.method.startswith("moderated t test over seeds and ex")


def test_one_seed_is_compared_by_example(small_suite, small_run, catalogue, tmp_path):
    a = run_of(small_suite, tmp_path, "first", matrix={"seeds": [0]})
    b = run_of(
        small_suite, tmp_path, "second", matrix={"seeds": [0]}, recipes={"plain": {"epochs": 1}}
    )
    pair = one(compare_runs(a, b, catalogue), "accuracy")
    assert pair.difference.method == "moderated t test over seeds and examples, paired"
    verdicts = []
    for run in (a, b):
        (job,) = (job for job in run.jobs if job.label.startswith("accuracy"))
        verdicts.append(harness.store.run_data.ExampleArrays.read(job.folder).arrays["correct"])
    assert pair.difference.p_value == pytest.approx(paired_p_value(*verdicts))


def test_runs_that_differ_in_an_axis_as_a_whole(runs, catalogue):
    """One architecture each: these are what is compared."""
    a, b = runs
    mlp = a.metrics.query("architecture == 'mlp' and dataset == 'digits'")
    other = b.metrics.assign(architecture="mlp:depth=3", device="cuda:0")
    found = compare_runs(replace(a, metrics=mlp), replace(b, metrics=other), catalogue)
    assert found.axes == {"architecture": ("mlp", "mlp:depth=3"), "device": ("cpu", "cuda:0")}
    pair = one(found, "accuracy")
    assert pair.at["architecture"] == "mlp → mlp:depth=3"


def test_environments_that_differ_are_told(runs, catalogue):
    a, b = runs
    changed = json.loads(json.dumps(b.environment))
    changed["libraries"]["torch"] = "9.9"
    found = compare_runs(a, replace(b, environment=changed), catalogue)
    assert found.environment == {"libraries.torch": (a.environment["libraries"]["torch"], "9.9")}


def test_a_job_that_failed_is_told(runs, catalogue):
    a, b = runs
    jobs = tuple(
        replace(job, status="timeout", reason="it took longer than 5 s")
        if job.label.startswith("throughput")
        else job
        for job in b.jobs
    )
    metrics = b.metrics.query(
        "measure.isna() or not measure.str.startswith('throughput', na=False)"
    )
    found = compare_runs(a, replace(b, jobs=jobs, metrics=metrics), catalogue)
    (lost,) = {
        one.reason for one in found.lost if one.name == "throughput" and "mlp digits" in one.label
    }
    assert lost == "timeout: it took longer than 5 s"


def test_nothing_in_common(runs, catalogue):
    a, b = runs
    with pytest.raises(UsageError, match="no figure in common"):
        compare_runs(a, replace(b, metrics=b.metrics.iloc[:0]), catalogue)


def agrees(pair):
    a, b = pair.difference.a, pair.difference.b
    assert (pair.a, pair.b) == (a, b)
    expected = b / a - 1 if pair.difference.relative else b - a
    return pair.difference.value == pytest.approx(expected, abs=1e-12)


def test_one_seed_is_compared_with_the_same_of_two(runs, catalogue):
    a, b = runs
    alone = a.metrics.query("seed.isna() or seed == 0")
    found = compare_runs(replace(a, metrics=alone), b, catalogue, also=lambda name: True)
    pair = one(found, "accuracy")
    assert pair.difference.subset == "seed 0 (A 0 and B 0, 1)"
    digits = b.metrics.query("name == 'accuracy' and dataset == 'digits' and seed == 0")
    assert pair.b == pytest.approx(digits.value.item())
    assert all(map(agrees, found.pairs))
    assert {p.name for p in found.pairs if p.difference.subset} >= {"steps", "fit_seconds"}


def test_changes_agree_with_what_is_beside_them(runs, catalogue):
    found = compare_runs(*runs, catalogue, also=lambda name: True)
    assert all(map(agrees, found.pairs)) and not any(p.difference.subset for p in found.pairs)


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory, catalogue):
    """A table of 120 rows with two copies of one, in two orders."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(120, 3))
    values[1] = values[0]
    rows = [
        ",".join(map(repr, row.tolist())) + ("," + "ab"[int(row.sum() + noise > 0)])
        for row, noise in zip(values, generator.normal(size=120), strict=True)
    ]
    rows[1] = rows[0]
    found = []
    for name, kept in (("first", rows), ("second", [rows[i] for i in generator.permutation(120)])):
        folder = tmp_path_factory.mktemp(name)
        (folder / "data.csv").write_text("\n".join(["x,y,z,label", *kept]) + "\n")
        suite = {
            "suite": {"name": name},
            "matrix": {
                "architectures": ["mlp"],
                "datasets": [f"csv:path={folder / 'data.csv'},target=label"],
            },
            "recipes": {"plain": {"epochs": 3}},
            "measure": [{"name": "accuracy"}],
        }
        run = run_here(suite, store=folder).data
        found.append(replace(run, metrics=run.metrics.assign(dataset="data")))
    return compare_runs(*found, catalogue)


def test_two_orders_of_one_table_are_paired_by_example(shuffled):
    pair = one(shuffled, "accuracy")
    assert pair.difference.method == "exact McNemar test, per example"  # no verdict differs
    assert (pair.a, pair.difference.value, pair.difference.subset) == (pair.b, 0.0, "")


def test_floors_are_no_models(tmp_path, catalogue):
    """They are in both runs whatever was run: two runs of one architecture each compare these all the same."""
    suite = {
        "suite": {"name": "floored"},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "accuracy"}],
    }
    tables = [
        run_here(
            suite
            | {
                "matrix": {
                    "architectures": names,
                    "datasets": ["breast_cancer"],
                    "seeds": seeds,
                    "floors": True,
                }
            },
            store=tmp_path,
        ).data
        for names, seeds in (
            (["mlp"], [0]),
            (["mlp:depth=1"], [0]),
            (["mlp:depth=1", "mlp:depth=3"], [0, 1]),
        )
    ]
    found = compare_runs(*tables[:2], catalogue)
    (pair,) = [pair for pair in found.pairs if pair.name == "accuracy" and not pair.floor]
    assert pair.at["architecture"] == "mlp → mlp:depth=1"
    floors = [pair.at["architecture"] for pair in found.pairs if pair.floor]
    assert floors and "mlp" not in " ".join(floors)
    none = compare_runs(tables[0], tables[2], catalogue)
    assert none.pairs and all(pair.floor for pair in none.pairs)
    with pytest.raises(UsageError, match="no model has such a figure in both runs"):
        judge([Gate.read("accuracy < -1pt")], none)
    claims = [
        {"expect": f"accuracy(mlp:depth=1) > {right}"} for right in ("accuracy(constant)", "0")
    ]
    several = replace(tables[2], written={**tables[2].written, "claim": claims})
    judged = judge_claims(several, catalogue, summarise(several, catalogue))
    beside, alone = (one.parts[0] for one in judged)
    assert beside.left == pytest.approx(
        alone.left
    )  # the mean of both seeds, of which a floor has none
    assert beside.seeds == alone.seeds == 2

"""A measure that compares runs once on all fits of a seed, and loads each when it wants it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness_process import WorkplaceHere, outcomes, rows, small_suite

pytestmark = pytest.mark.slow

PLUGIN = """
import itertools, torch
from harness.api import Architecture, Measure, Metric, hookimpl

def agreement(context):
    said = {}
    for fit in context.fits:
        model = fit.load()
        assert not model.training and fit.load() is not model
        with torch.inference_mode():
            batches = [(model(x).argmax(1), y) for x, y, _ in context.split("test").batches(100)]
        said[fit.architecture] = torch.cat([found for found, _ in batches])
        right = torch.cat([found == y for found, y in batches])
        yield Metric(
            name="right", value=right.float().mean(), n=len(right), where={"model": fit.architecture}
        )
        context.save_examples(ids=torch.arange(len(right)), right=right)
    for one, other in itertools.combinations(said, 2):
        same = (said[one] == said[other]).float()
        yield Metric(name="agreement", value=same.mean(), where={"pair": f"{one} {other}"})

def of_seeds(context):
    right = []
    for fit in context.fits:
        assert (fit.dataset, fit.recipe) == ("digits", "")
        with torch.inference_mode():
            batches = [fit.load()(x).argmax(1) == y for x, y, _ in context.split("test").batches(100)]
        right.append(torch.cat(batches).float().mean())
        yield Metric(name="of_seed", value=right[-1], where={"seed": fit.seed})
    yield Metric(name="seed_range", value=max(right) - min(right), n=len(right))

def calls_the_model(context):
    yield Metric(name="x", value=context.model(torch.zeros(1, 1, 8, 8)).sum())

def broken(input_shape, num_classes):
    raise ValueError("it cannot be built")

@hookimpl
def harness_register_measures():
    yield Measure(name="of_seeds", takes=("image",), run=of_seeds, over=("seed",))
    yield Measure(name="agreement", takes=("image", "sequence", "table"), run=agreement, over=("architecture", "recipe"))
    yield Measure(name="calls_the_model", takes=("image", "sequence", "table"), run=calls_the_model, over=("architecture", "recipe"))

@hookimpl
def harness_register_architectures():
    yield Architecture(name="broken", build=broken, takes=("image",))
"""
LABEL = "agreement digits#0"
COMPARED = '[[measure]]\nname = "agreement"\n'
OVER_SEEDS = '[[measure]]\nname = "of_seeds"\n'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> WorkplaceHere:
    """Return a workplace in which a suite of two architectures and two seeds has run."""
    found = WorkplaceHere(tmp_path_factory.mktemp("compared"))
    found.plugins.append(found.write("agreeing.py", PLUGIN))
    found.write("two.toml", small_suite(more=COMPARED + OVER_SEEDS))
    code, out, errors = found.run("two.toml", "store")
    assert code == 0, errors
    assert "Traceback" not in out + errors
    return found


def metrics(store: Path, label: str) -> dict[str, float]:
    found = rows(store, "SELECT * FROM metrics WHERE outcome = ?", outcomes(store)[label]["id"])
    return {f"{m['name']} {' '.join(json.loads(m['holds']).values())}": m["value"] for m in found}


def done_by_the_last_run(store: Path) -> dict[str, str]:
    last = rows(store, "SELECT MAX(id) AS run FROM runs")[0]["run"]
    return {label: row["status"] for label, row in outcomes(store).items() if row["run"] == last}


@pytest.mark.parametrize("seed", [0, 1])
def test_it_gets_the_models_that_others_measure(place: WorkplaceHere, seed: int) -> None:
    store = place.folder / "store"
    found = metrics(store, f"agreement digits#{seed}")
    for name in ("lenet", "mlp"):
        own = metrics(store, f"accuracy {name}#{seed} digits")
        assert found[f"right {name}"] == pytest.approx(own["accuracy "])
    assert 0.3 < found["agreement lenet mlp"] < 1.0
    assert list(found) == ["right lenet", "right mlp", "agreement lenet mlp"]


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_a_measure_over_seeds_gets_all_seeds_of_an_architecture(
    place: WorkplaceHere, name: str
) -> None:
    from harness import load_run

    store = place.folder / "store"
    found = metrics_of_seeds(store, f"of_seeds {name} digits")
    own = [metrics(store, f"accuracy {name}#{seed} digits")["accuracy "] for seed in (0, 1)]
    assert found[0] == pytest.approx(own[0]) and found[1] == pytest.approx(own[1])
    table = load_run(store).table.set_index("architecture")
    assert table.loc[name, "of_seeds/seed_range"] == pytest.approx(abs(own[0] - own[1]), abs=1e-6)


def metrics_of_seeds(store: Path, label: str) -> dict[int, float]:
    found = rows(store, "SELECT * FROM metrics WHERE outcome = ?", outcomes(store)[label]["id"])
    return {json.loads(m["holds"])["seed"]: m["value"] for m in found if m["name"] == "of_seed"}


def test_its_rows_name_no_architecture(place: WorkplaceHere) -> None:
    from harness import load_run

    run = load_run(place.folder / "store")
    mine = run.metrics[run.metrics.measure == "agreement"]
    assert len(mine) == 6
    assert mine.architecture.isna().all() and mine.recipe.isna().all()
    assert set(mine.seed) == {0, 1} and set(mine.dataset) == {"digits"}
    assert set(run.table.architecture) == {"mlp", "lenet"}
    for form in ("terminal", "html", "markdown", "csv", "json"):
        assert run.report(form)


def test_it_is_cached_and_done_again_when_told(place: WorkplaceHere) -> None:
    assert place.run("two.toml", "store")[0] == 0
    assert done_by_the_last_run(place.folder / "store") == {}
    assert place.run("two.toml", "store", "--fresh", "agreement")[0] == 0
    assert done_by_the_last_run(place.folder / "store") == {
        "agreement digits#0": "ok",
        "agreement digits#1": "ok",
    }


def test_an_architecture_more_is_compared_anew(place: WorkplaceHere) -> None:
    place.write("three.toml", small_suite(("mlp", "lenet", "gru"), (1,), COMPARED))
    code, text = place.call("plan", "three.toml", "-p", "agreeing.py", "--store", "store", "--jobs")
    assert code == 0 and "agreement" in text
    (line,) = (line for line in text.splitlines() if "agreement digits#1" in line)
    assert line.startswith("to do")
    code, _, errors = place.run("three.toml", "store")
    assert code == 0, errors
    store = place.folder / "store"
    assert len(metrics(store, "agreement digits#1")) == 6
    assert "fit mlp#1 digits" not in done_by_the_last_run(store)


def test_one_architecture_is_compared_with_nothing(place: WorkplaceHere) -> None:
    code, _, errors = place.run("two.toml", "store", "--only", "mlp")
    assert code == 0, errors
    found = outcomes(place.folder / "store")["agreement digits#1"]
    assert (found["status"], found["reason"]) == (
        "skipped",
        (
            "it ranges over architectures and recipes of fitted models, and here is only one, "
            "'fit mlp#1 digits'"
        ),
    )


def test_a_fit_that_fails_is_left_out_and_named(place: WorkplaceHere) -> None:
    store, plugin = place.folder / "store", str(place.plugins[0])
    place.write("bad.toml", small_suite(("mlp", "broken", "lenet"), (0,), COMPARED))
    code, out, _ = place.run("bad.toml", "store")
    words = "The model broken (seed 0) is left out: it needs 'fit broken#0 digits', which is failed: ValueError"
    assert code == 1 and words in " ".join(out.split())
    assert list(metrics(store, LABEL)) == ["right lenet", "right mlp", "agreement lenet mlp"]
    (bad,) = rows(store, "SELECT fingerprint FROM run_jobs WHERE label = ? LIMIT 1", LABEL)
    code, text = place.call("debug", bad["fingerprint"], "--store", "store", "-p", plugin)
    assert code == 0 and "pair=lenet mlp" in text, text
    assert (
        place.run("bad.toml", "store")[0] == 1
    )  # it is tried again; what was compared without it holds as it fails again
    assert set(done_by_the_last_run(store)) & {LABEL, "fit broken#0 digits"} == {
        "fit broken#0 digits"
    }
    place.write("worse.toml", small_suite(("mlp", "broken"), (0,), COMPARED))
    assert place.run("worse.toml", "store")[0] == 1
    found = outcomes(store)[LABEL]
    assert found["status"] == "blocked"
    assert found["reason"].startswith("it needs 'fit broken#0 digits', which is failed")
    code, _, errors = place.run("bad.toml", "store", "--only", "mlp", "--only", "lenet")
    assert code == 0, errors
    assert done_by_the_last_run(place.folder / "store") == {}  # the two were compared before


def test_the_one_model_that_there_is_not(place: WorkplaceHere) -> None:
    place.write("wrong.toml", small_suite(seeds=(0,), more='[[measure]]\nname="calls_the_model"\n'))
    assert place.run("wrong.toml", "store")[0] == 1
    found = outcomes(place.folder / "store")["calls_the_model digits#0"]
    assert found["status"] == "failed"
    assert "context.fits" in found["reason"]


def test_it_can_be_debugged_and_two_runs_compared(place: WorkplaceHere) -> None:
    plugin = str(place.plugins[0])
    store = place.folder / "store"
    (two,) = rows(store, "SELECT fingerprint FROM run_jobs WHERE run = 1 AND label = ?", LABEL)
    code, text = place.call("debug", two["fingerprint"], "--store", "store", "-p", plugin)
    assert code == 0, text
    assert "agreement" in text
    assert place.run("two.toml", "store")[0] == 0
    names = [row["name"] for row in rows(store, "SELECT name FROM runs WHERE suite = 'small'")]
    code, text = place.call("compare", names[0], names[1], "--store", "store", "-p", plugin)
    assert code == 0, text
    gate = ("--fail-if", "agreement < -1pt")
    code, text = place.call("compare", names[0], names[1], "--store", "store", "-p", plugin, *gate)
    assert code == 0, text
    assert "lenet mlp" in text

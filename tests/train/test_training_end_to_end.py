"""Recipes, weights and a person's own data, through the whole pipeline."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from here_engine import run_here
from PIL import Image
from safetensors.torch import load_file, save_file

from harness.catalogue.finding import read_findings
from harness.data.prepared import PreparedData

ACCURACY = [{"name": "accuracy"}]


def suite(architectures, datasets, recipes, seeds=(0,)) -> dict:
    return {
        "suite": {"name": "tiny"},
        "matrix": {
            "architectures": list(architectures),
            "datasets": [str(dataset) for dataset in datasets],
            "seeds": list(seeds),
        },
        "recipes": recipes,
        "measure": ACCURACY,
    }


def folder_of(run, **axes) -> Path:
    """The folder of the one fit (or other job) with these axes."""
    wanted = {"sort": "fit", "measure": None} | axes
    (job,) = (
        job
        for job in run.data.jobs
        if all(getattr(job, k, job.axes.get(k)) == v for k, v in wanted.items() if k != "sort")
        and job.sort == wanted["sort"]
    )
    assert job.folder is not None
    return job.folder


def values(run, name: str, **axes) -> list[float]:
    frame = run.metrics[run.metrics["name"] == name]
    for axis, value in axes.items():
        frame = frame[frame[axis] == value]
    return frame["value"].tolist()


# -- recipes

RECIPES = {
    "plain": {"epochs": 2, "optimizer": "adamw:learning_rate=1e-2", "schedule": "cosine"},
    "mixed": {"epochs": 2, "objective": "mixup:alpha=0.5"},
    "moved": {"epochs": 2, "augmentations": ["crop:pad=1", "noise:std=1/20"]},
    "hardened": {"epochs": 1, "objective": "pgd-at:steps=2,epsilon=1/16"},
    "searched": {"epochs": 3, "learning_rate": "search", "optimizer": "sgd"},
    "from plain": {"epochs": 1, "freeze": "trunk", "start": {"recipe": "plain"}},
    "half": {"epochs": 1, "patience": 5, "techniques": ["ema:decay=0.9", "clip:most=2"]},
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    store = tmp_path_factory.mktemp("recipes")
    return run_here(suite(["mlp", "lenet"], ["digits"], RECIPES, [0, 1]), store=store)


def test_a_recipe_without_epochs_trains_small_data_long_enough(tmp_path):
    """20 epochs of 90 rows were 40 steps, and a net was judged before it had learnt."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(150, 3)), columns=["a", "b", "c"])
    rows["y"] = np.where(rows.a * rows.b > 0, "same", "other")  # no line tells it
    rows.to_csv(tmp_path / "small.csv", index=False)
    recipes = {"left": {}, "short": {"epochs": 20}}
    run = run_here(suite(["mlp"], [tmp_path / "small.csv"], recipes), store=tmp_path / "store")
    left, short = (
        next(j for j in run.data.jobs if j.sort == "fit" and j.axes["recipe"] == recipe)
        for recipe in ("left", "short")
    )
    assert short.notes["epochs"] == short.notes["planned_epochs"] == 20
    assert short.notes["default_epochs"] == left.notes["planned_epochs"] == 250
    assert 125 < left.notes["epochs"] <= 250
    losses = {recipe: values(run, "train_loss", recipe=recipe)[0] for recipe in ("left", "short")}
    assert losses["left"] < losses["short"] / 4, losses  # 30 test examples would tell it by chance
    (found,) = [one for one in run.summary.findings if one.code == "still-falling"]
    assert found.series.endswith("short") and "after 20 epochs" in found.sentence
    facts = [dict(one.facts)["epochs"] for one in run.summary.provenance.trainings]
    assert "20" in facts and sum("250 (the default length)" in fact for fact in facts) == 1
    row = next(j for j in json.loads((left.folder / "curves.json").read_text())[-1:])
    assert row["epoch"] == left.notes["epochs"]


def test_every_recipe_trains(recipes):
    assert set(recipes.outcomes["status"]) == {"ok"}
    for architecture in ("mlp", "lenet"):
        for recipe in RECIPES:
            found = values(recipes, "accuracy", architecture=architecture, recipe=recipe)
            assert len(found) == 2 and min(found) > (0.4 if recipe == "plain" else 0.05)
    table = recipes.table
    assert len(table) == 2 * len(RECIPES)
    assert set(table["recipe"]) == set(RECIPES)


def test_a_recipe_changes_the_weights(recipes):
    heads = {
        recipe: load_file(
            folder_of(recipes, architecture="lenet", recipe=recipe, seed=0) / "model.safetensors"
        )
        for recipe in RECIPES
        if recipe != "searched"
    }
    sums = {recipe: float(state["net.head.weight"].sum()) for recipe, state in heads.items()}
    assert len(set(sums.values())) == len(sums)


def test_a_recipe_starts_from_the_weights_of_another_trial(recipes):
    """Of the same seed; the trunk, which is frozen, stays what it was, and the head learns."""
    for seed in (0, 1):
        before, after = (
            load_file(
                folder_of(recipes, architecture="lenet", recipe=recipe, seed=seed)
                / "model.safetensors"
            )
            for recipe in ("plain", "from plain")
        )
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert moved == {"net.head.weight", "net.head.bias"}
    (facts,) = (
        dict(one.facts)
        for one in recipes.summary.provenance.trainings
        if one.series == "lenet from plain"
    )
    assert facts["weights"] == "of plain"


def test_curves_and_steps_are_kept(recipes):
    curves = json.loads(
        (folder_of(recipes, architecture="mlp", recipe="plain", seed=0) / "curves.json").read_text()
    )
    assert [row["epoch"] for row in curves] == [1, 2]
    assert curves[1]["train_loss"] < curves[0]["train_loss"]
    assert 0 < curves[1]["validation_accuracy"] <= 1
    assert [row["examples"] for row in curves] == [1079, 2158]
    assert 0 < curves[0]["training_seconds"] < curves[0]["seconds"]
    assert 0 < curves[0]["core_seconds"] < curves[1]["core_seconds"]
    (steps,) = values(recipes, "steps", architecture="mlp", recipe="plain", seed=0)
    assert steps == 2 * np.ceil(1078 / 64)


def test_one_search_an_architecture_is_shared_by_its_seeds(recipes):
    for architecture in ("mlp", "lenet"):
        tried = [
            json.loads((job.folder / "search.json").read_text())
            for job in recipes.data.jobs
            if {"measure": "search", "architecture": architecture}.items() <= job.axes.items()
        ]
        losses = {one["settings"]["learning_rate"]: one["validation_loss"] for one in tried}
        assert len(losses) == 5
        finite = {rate: loss for rate, loss in losses.items() if loss is not None}
        best = min(finite, key=finite.__getitem__)
        for seed in (0, 1):
            fit = next(
                other
                for other in recipes.data.jobs
                if other.sort == "fit"
                and other.axes.get("measure") is None
                and other.axes["recipe"] == "searched"
                and other.axes["architecture"] == architecture
                and other.axes["seed"] == seed
            )
            assert fit.notes["learning_rate"] == best
            assert fit.notes["searched"]["settings"] == {"learning_rate": best}
            seconds = sum(one["core_seconds"] for one in tried)
            assert fit.notes["searched"]["candidates"] == 5
            (told,) = values(
                recipes,
                "search_core_seconds",
                architecture=architecture,
                recipe="searched",
                seed=seed,
            )
            assert told == fit.notes["searched"]["core_seconds"] == pytest.approx(seconds)


# -- starting from weights


@pytest.fixture(scope="module")
def few_classes(tmp_path_factory) -> Path:
    """Three digits only, in a file of numpy."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = digits.target < 3
    path = tmp_path_factory.mktemp("data") / "three.npz"
    np.savez(path, inputs=digits.images[chosen] / 16, targets=digits.target[chosen])
    return path


@pytest.fixture(scope="module")
def tuned(recipes, few_classes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    weights = folder_of(recipes, architecture="lenet", recipe="moved", seed=0) / "model.safetensors"
    bare = {k[4:]: v for k, v in load_file(weights).items() if k.startswith("net.")}
    torch.save({"state_dict": bare}, folder / "bare.pt")
    save_file({"odd": torch.zeros(3)}, folder / "odd.safetensors")
    starts = {
        "frozen": {"epochs": 2, "weights": str(weights), "freeze": "trunk"},
        "whole": {"epochs": 2, "weights": str(folder / "bare.pt")},
        "as-it-is": {"epochs": 0, "weights": str(weights)},
        "bare": {"epochs": 0, "weights": str(folder / "bare.pt")},
        "misfit": {"epochs": 1, "weights": str(folder / "odd.safetensors")},
    }
    run = run_here(
        suite(["lenet"], ["digits", few_classes], starts), store=tmp_path_factory.mktemp("tuned")
    )
    return run, load_file(weights)


def test_weights_as_they_are_give_the_same_figures(recipes, tuned):
    run, weights = tuned
    state = load_file(folder_of(run, dataset="digits", recipe="as-it-is") / "model.safetensors")
    assert all(torch.equal(state[name], weights[name]) for name in weights)
    first = values(recipes, "accuracy", architecture="lenet", recipe="moved", seed=0)
    assert values(run, "accuracy", dataset="digits", recipe="as-it-is") == first
    assert read_findings(folder_of(run, dataset="digits", recipe="as-it-is")) == ()
    assert values(run, "steps", dataset="digits", recipe="as-it-is") == [0]


def test_a_file_without_names_of_classes_is_told(tuned):
    run, _ = tuned
    (one,) = read_findings(folder_of(run, dataset="digits", recipe="bare"))
    assert one.code == "weights-unnamed"
    assert "bare.pt was loaded with its classes by their number" in one.sentence
    assert "'0', '1', '2', '3', '4', '5' and 4 more" in one.sentence


def test_a_frozen_trunk_keeps_its_weights_and_the_head_learns(tuned):
    run, weights = tuned
    for dataset in ("digits", next(d for d in run.table["dataset"] if d != "digits")):
        state = load_file(folder_of(run, dataset=dataset, recipe="frozen") / "model.safetensors")
        for name, value in weights.items():
            changed = state[name].shape != value.shape or not torch.equal(state[name], value)
            assert changed == name.startswith("net.head."), name


def test_other_classes_get_a_new_head(tuned):
    run, _ = tuned
    dataset = next(d for d in run.table["dataset"] if d != "digits")
    for recipe in ("frozen", "whole"):
        state = load_file(folder_of(run, dataset=dataset, recipe=recipe) / "model.safetensors")
        assert state["net.head.weight"].shape[0] == 3
        assert values(run, "accuracy", dataset=dataset, recipe=recipe)[0] > 0.8
    notes = next(
        job.notes
        for job in run.data.jobs
        if job.sort == "fit" and job.axes["recipe"] == "frozen" and job.axes["dataset"] == dataset
    )
    assert "new head head" in notes["weights"]
    outcomes = run.outcomes
    refused = outcomes[
        (outcomes["recipe"] == "as-it-is")
        & (outcomes["dataset"] == dataset)
        & (outcomes["sort"] == "fit")
    ]
    assert refused["status"].tolist() == ["failed"]
    assert "with epochs = 0 it would be random" in refused["reason"].iloc[0]


def test_weights_of_another_shape_fail_in_words_and_the_rest_runs(tuned):
    run, _ = tuned
    outcomes = run.outcomes[run.outcomes["recipe"] == "misfit"]
    fits = outcomes[outcomes["sort"] == "fit"]
    assert set(fits["status"]) == {"failed"}
    assert all("odd.safetensors does not fit the model" in reason for reason in fits["reason"])
    assert set(outcomes[outcomes["sort"] == "measure"]["status"]) == {"blocked"}
    assert len(run.summary.unfinished) == 8  # two misfits and two heads, each with its measure


# -- a person's own data


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    generator = np.random.default_rng(0)
    for broken in (False, True):
        for name, level in (("dark", 60), ("light", 190)):
            folder = root / ("broken" if broken else "photos") / name
            folder.mkdir(parents=True)
            for i in range(12):
                pixels = generator.integers(level - 50, level + 50, (12, 16, 3)).astype("uint8")
                Image.fromarray(pixels).save(folder / f"{i}.png")
        if broken:
            (folder / "7.png").write_text("no image")
    features = generator.normal(size=(60, 3))
    table = pd.DataFrame(features, columns=["a", "b", "c"])
    table["kind"] = np.where(features[:, 0] + features[:, 1] > 0, "yes", "no")
    table.to_csv(root / "table.csv", index=False)
    table.loc[17, "b"] = np.nan
    table.to_csv(root / "holes.csv", index=False)
    datasets = [
        f"imagefolder:path={root / 'photos'},size=12",
        f"imagefolder:path={root / 'broken'},size=12",
        root / "table.csv",
        f"table:path={root / 'holes.csv'},missing=refuse",
        "diabetes",
        "breast_cancer",
    ]
    recipe = {"plain": {"epochs": 10, "optimizer": "adamw:learning_rate=1e-2", "batch_size": 16}}
    return run_here(
        suite(["mlp", "lenet"], datasets, recipe), store=tmp_path_factory.mktemp("store")
    )


def statuses(run, word: str) -> dict[tuple[str, str], list[str]]:
    """{(sort, architecture): statuses} of the jobs of a data set."""
    mine = run.outcomes[run.outcomes["dataset"].str.contains(word, na=False, regex=False)]
    found: dict[tuple[str, str], list[str]] = {}
    for row in mine.itertuples():
        architecture = row.architecture if isinstance(row.architecture, str) else ""
        found.setdefault((row.sort, architecture), []).append(row.status)
    return found


def test_images_and_tables_of_a_person_are_read_and_learnt(own_data):
    assert set(chain(*statuses(own_data, "photos").values())) == {"ok"}
    table = statuses(own_data, "table.csv")
    assert table["prepare", ""] == ["ok"] and table["fit", "mlp"] == ["ok"]
    assert table["fit", "lenet"] == ["skipped"]  # a table is no image
    accuracy = own_data.table.set_index(["architecture", "dataset"])["headline"]
    for (_, dataset), value in accuracy.items():
        if "photos" in dataset or "table.csv" in dataset:
            assert value >= 0.75
    assert not any(a == "lenet" and "table.csv" in d for a, d in accuracy.index)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("broken", "7.png cannot be read as an image"),
        ("holes.csv", "holes.csv, line 19, column 'b' is missing"),
    ],
)
def test_bad_contents_block_what_needs_them_and_nothing_else(own_data, word, reason):
    found = statuses(own_data, word)
    assert found.pop(("prepare", "")) == ["failed"]
    assert set(chain(*found.values())) <= {"blocked", "skipped"}
    assert found["fit", "mlp"] == ["blocked"]
    mine = own_data.outcomes[own_data.outcomes["dataset"].str.contains(word, na=False)]
    assert reason in mine[mine["status"] == "failed"]["reason"].iloc[0]
    assert reason in mine[mine["status"] == "blocked"]["reason"].iloc[0]
    assert own_data.data.counts["ok"] > 8


def test_a_regression_and_a_table_of_classes(own_data):
    rows = {row.dataset: row for row in own_data.summary.rows if row.architecture == "mlp"}
    infos = {info.name: info for info in own_data.summary.datasets}
    assert infos["diabetes"].headline == "r2" and infos["breast_cancer"].headline == "accuracy"
    assert 0.2 < rows["diabetes"].figures["headline"].value < 0.8
    assert rows["breast_cancer"].figures["headline"].value > 0.9
    figure = rows["diabetes"].figures["headline"]
    assert figure.low < figure.value < figure.high
    assert values(own_data, "rmse", dataset="diabetes")[0] < 75
    task = PreparedData.open(folder_of(own_data, sort="prepare", dataset="diabetes")).task
    assert task.target_std > 50 and task.problem == "regression"


# -- networks of libraries


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm/resnet10t", "torchvision/squeezenet1_1"])
def test_networks_of_libraries_on_small_images(tmp_path, name):
    run = run_here(
        suite([name], ["digits"], {"plain": {"epochs": 1, "batch_size": 128}}), store=tmp_path
    )
    assert set(run.outcomes["status"]) == {"ok"}, run.outcomes["reason"].tolist()
    assert values(run, "accuracy")[0] > 0.05

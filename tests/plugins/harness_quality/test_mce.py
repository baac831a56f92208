"""Corruption errors by hand-computed numbers: what is divided by what, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context, measure, named, one
from pydantic import ValidationError
from torch import nn

from harness.api import FittedModel, Metric, NotApplicable
from harness.catalogue.host import Host
from harness.plan.names import OptionsError, choose
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite
from harness_quality.imagenet_c import ALEXNET, CORRUPTIONS, corruption_pairs
from harness_quality.mce import Rates
from harness_quality.options import MceOptions, mce_pairs
from harness_shifts import COMMON

Measuring = Callable[..., list[Metric]]
N = 40
Copies = Callable[[str, int], InMemory]


class Wrong(nn.Module):
    """Wrong on the examples whose number, the first pixel, is below `clean` + `loss` times the second pixel."""

    def __init__(self, clean: int, loss: int) -> None:
        super().__init__()
        self.clean, self.loss = clean, loss

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        wrong = inputs[:, 0, 0, 0] < self.clean + self.loss * inputs[:, 0, 0, 1]
        return torch.stack([~wrong, wrong], dim=1).float()


def examples(strength: float = 0.0) -> InMemory:
    inputs = torch.zeros(N, 1, 6, 6)
    inputs[:, 0, 0, 0], inputs[:, 0, 0, 1] = torch.arange(N), strength
    return InMemory(inputs, torch.zeros(N, dtype=torch.long), 100 + torch.arange(N))


def uneven(shift: str, severity: int) -> InMemory:
    """The three noises are twice as strong as all else, and fog is nothing."""
    return examples({"fog": 0.0}.get(shift, 2.0 if "noise" in shift else 1.0) * severity)


@pytest.fixture
def measured(tmp_path: Path) -> Measuring:
    def run(
        models: dict[str, nn.Module],
        copies: Copies = uneven,
        classes: int = 2,
        kept: dict[str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> list[Metric]:
        task = replace(image_task(), outputs=classes)
        context = make_context("mce", nn.Identity(), examples(), task, tmp_path, **options)
        fits = tuple(
            FittedModel(
                architecture=name.partition(" ")[0],
                recipe=name.partition(" ")[2],
                dataset="x",
                seed=0,
                load=lambda model=model: model.eval(),
                kept=lambda name=name: (kept or {}).get(name, {}),
            )
            for name, model in models.items()
        )

        def named_so(kind: str, name: str) -> Any:
            return SimpleNamespace(label=name, spelled=name)

        context = replace(context, fits=fits, corrupted=copies, choose=named_so)
        return measure(context, "mce")

    return run


# Of 40, at severities 1 to 5 of strength 1: the reference has 5, 8, 11, 14, 17 wrong, the model 2 to 6.
REFERENCE, MODEL = Wrong(clean=2, loss=3), Wrong(clean=1, loss=1)


def test_the_15_are_those_of_the_plugin_of_shifts():
    assert tuple(COMMON) == CORRUPTIONS
    assert len(corruption_pairs()) == 75 == len(set(corruption_pairs()))


def test_errors_are_divided_by_the_references(measured, tmp_path):
    with pytest.warns(
        UserWarning, match="mCE is left out: the reference ref is no worse under fog"
    ):
        found = measured({"other": MODEL, "ref": REFERENCE}, reference="ref")
    where = {"architecture": "other"}
    noise, rest, fog = 35 / 100, 20 / 55, 5 / 10  # sums over severities
    assert one(found, "corruption_error", shift="shot_noise", **where).value == pytest.approx(noise)
    assert one(found, "corruption_error", shift="snow", **where).value == pytest.approx(rest)
    assert one(found, "corruption_error", shift="fog", **where).value == pytest.approx(fog)
    mce = one(found, "mce", **where)
    assert mce.value == pytest.approx((3 * noise + 11 * rest + fog) / 15) and mce.n == N
    own = one(found, "mce", architecture="ref")
    assert own.value == 1.0 and own.exact and len(named(found, "corruption_error")) == 30
    assert not named(found, "relative_mce")
    kept = np.load(tmp_path / "examples.npz")
    assert kept["wrong_0_fog"].sum() == 5 and kept["wrong_1"].sum() == 2 and len(kept["ids"]) == N


@pytest.mark.filterwarnings("ignore:relative mCE is left out")
def test_what_shift_has_kept_of_a_model_is_not_asked_of_it_again(measured, tmp_path):
    def verdicts(model: nn.Module, ids: torch.Tensor) -> dict[str, Any]:
        copies = {pair: uneven(*pair) for pair in corruption_pairs()}
        correct = {p: model(one.inputs).argmax(1).numpy() == 0 for p, one in copies.items()}
        return {"ids": ids.numpy()} | {"correct_{}_{}".format(*p): v for p, v in correct.items()}

    def refuse(shift: str, severity: int) -> InMemory:
        raise AssertionError("the model is asked again")

    models = {"other": MODEL, "ref": REFERENCE}
    ids = 100 + torch.arange(N)
    asked = measured(models, reference="ref")
    kept = {name: verdicts(model, ids) for name, model in models.items()}
    assert measured(models, refuse, reference="ref", kept=kept) == asked
    with pytest.raises(AssertionError, match="asked again"):  # these were not saved as JPEG
        measured(models, refuse, reference="ref", jpeg=85, kept=kept)
    of_others = {name: verdicts(model, ids + 1) for name, model in models.items()}
    with pytest.raises(AssertionError, match="asked again"):
        measured(models, refuse, reference="ref", kept=of_others)


def test_relative_mce_takes_the_clean_errors_off(measured):
    found = measured(
        {"other": MODEL, "ref": REFERENCE}, lambda _, severity: examples(severity), reference="ref"
    )
    relative = one(found, "relative_mce", architecture="other")
    assert relative.value == pytest.approx((4 - 1) / (11 - 2)) and relative.unit == ""
    assert one(found, "relative_mce", architecture="ref").value == 1.0


def test_against_alexnets_published_errors(measured):
    always = Wrong(clean=N, loss=0)
    found = measured({"always": always, "other": MODEL}, classes=1000)
    mce, relative = (one(found, name, architecture="always") for name in ("mce", "relative_mce"))
    assert mce.value == pytest.approx(np.mean([1 / error for error in ALEXNET.values()]))
    assert relative.value == 0.0  # nothing is worse than always wrong
    assert mce.where["reference"] == "AlexNet, published"
    assert np.mean(list(ALEXNET.values())) == pytest.approx(0.7889, abs=1e-4)


def test_model_and_reference_are_resampled_alike():
    errors = (np.random.default_rng(1).random((16, 400)) < 0.3).astype(float)
    first, second = Rates.of(errors), Rates.of(errors)
    assert np.array_equal(first.resampled, second.resampled)  # so that their ratio is 1, always
    assert first.resampled.std(axis=0).mean() == pytest.approx((0.3 * 0.7 / 400) ** 0.5, rel=0.1)


def test_intervals_hold_the_value_or_are_left_out(measured):
    common, rare = (
        Wrong(clean=20, loss=1),
        Wrong(clean=1, loss=0),
    )  # a third of resamples lack the rare
    sure = measured(
        {"other": MODEL, "ref": common}, lambda _, severity: examples(severity), reference="ref"
    )
    mce = one(sure, "mce", architecture="other")
    assert mce.low < mce.value < mce.high and "flag" not in mce.where
    with pytest.warns(UserWarning, match="relative mCE is left out"):
        doubtful = measured({"other": MODEL, "ref": rare}, reference="ref")
    mce = one(doubtful, "mce", architecture="other")
    assert mce.low is None and "not certain" in mce.where["flag"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "of the 1000 classes of ImageNet, and this data has 2; name an architecture"),
        (
            {"reference": "vgg"},
            "the reference vgg is not among the fitted models: other, ref, silent",
        ),
        (
            {"reference": "ref"},
            "ref was trained under plain, noisy, and reference_recipe = '' names",
        ),
        ({"reference": "ref", "reference_recipe": "no"}, "reference_recipe = 'no' names none"),
        ({"reference": "silent"}, "the reference silent makes no error under gaussian_noise, shot"),
    ],
)
def test_what_does_not_apply_is_said_in_words(measured, options, words):
    models = {
        "other": MODEL,
        "ref plain": REFERENCE,
        "ref noisy": REFERENCE,
        "silent": Wrong(clean=0, loss=0),
    }
    with pytest.raises(NotApplicable, match=words):
        measured(models, **options)


def test_an_unknown_reference_is_refused_before_anything_runs():
    catalogue = Host().catalogue
    with pytest.raises(
        OptionsError, match="no architecture is named 'lennet'; did you mean 'lenet'"
    ):
        choose(catalogue, "measure", {"name": "mce", "reference": "lennet"})
    with pytest.raises(ValidationError, match="name it with reference"):
        MceOptions(reference_recipe="plain")


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ({}, ":jpeg=85"),
        ({"jpeg": 50}, ":jpeg=50"),
        ({"reference": "mlp"}, ""),
        ({"reference": "mlp", "jpeg": 85}, ":jpeg=85"),
    ],
)
def test_copies_are_saved_as_jpeg_as_the_errors_were_that_divide(given, saved):
    pairs = mce_pairs(MceOptions(**given))
    assert pairs[0] == (f"gaussian_noise{saved}", 1) and len(pairs) == 75


def test_a_plan_takes_what_shift_has_kept_of_the_same_jpeg():
    catalogue = Host().catalogue
    suite = {
        "suite": {"name": "x"},
        "matrix": {"architectures": ["lenet", "mlp"], "datasets": ["digits"], "floors": False},
        "recipes": {"plain": {}},
        "measure": [
            {"name": "shift", "shifts": ["imagenet-c:jpeg=85"], "severities": [1, 2, 3, 4, 5]},
            {"name": "mce", "reference": "mlp", "jpeg": 85},
        ],
    }
    jobs = make_plan(load_suite(suite, catalogue), catalogue).jobs
    assert sum(job.sort == "prepare" for job in jobs) == 1 + 75
    (mce,) = [job for job in jobs if job.axes.get("measure", "").startswith("mce")]
    assert all(one["kept"] for one in mce.spec["fits"])


@pytest.mark.slow
def test_a_run_has_a_column_and_a_heat_map_against_its_reference(tmp_path):
    suite = {
        "suite": {"name": "corrupted"},
        "matrix": {"architectures": ["lenet", "mlp"], "datasets": ["digits"]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "mce", "reference": "mlp"}],
    }
    report = run_here(suite, store=tmp_path).summary
    (mce,) = [column for column in report.columns if column.title == "mCE (mlp)"]
    assert mce.better == "lower"
    figures = {row.architecture: row.figures[mce.key] for row in report.rows}
    own, other = figures["mlp"], figures["lenet"]
    assert own.value == 1.0 and own.exact and other.low < other.value < other.high
    assert [chart.title for chart in report.charts] == ["Corruption error against mlp"]
    shift = {"name": "shift", "shifts": ["imagenet-c"], "severities": [1, 2, 3, 4, 5]}
    again = run_here({**suite, "measure": [shift, *suite["measure"]]}, store=tmp_path)
    assert again.data.counts["cached"] == 78  # the data, their copies and the fits
    taken = {row.architecture: row.figures[mce.key] for row in again.summary.rows}
    assert taken == figures

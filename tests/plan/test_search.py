"""Searches of hyperparameters: a job for each trial, the same budget for all, and what fits make of the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_plan_jobs import check_order

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError
from harness.plan import fingerprint
from harness.plan.reader import load_suite
from harness.plan.search import at_an_end, best_of, with_options, with_settings

OVER = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "batch_size": [16, 32],
    "optimizer.weight_decay": [0.0, 0.1],
}


def searching(small: dict[str, Any], **search: Any) -> dict[str, Any]:
    small["recipes"]["plain"]["search"] = {"over": OVER, "trials": 3} | search
    return small


def searches(plan: Any, architecture: str = "mlp") -> list[Any]:
    wanted = {"measure": "search", "architecture": architecture}
    return [job for job in plan.jobs if wanted.items() <= job.axes.items()]


def test_each_trial_needs_those_before_it(planned: Any, small: dict[str, Any]) -> None:
    plan = planned(searching(small))
    check_order(plan)
    for architecture in ("mlp", "lenet"):
        jobs = searches(plan, architecture)
        assert [job.label for job in jobs] == [
            f"search {architecture}#{n} digits" for n in range(3)
        ]
        prints = [job.fingerprint for job in jobs]
        for number, job in enumerate(jobs):
            assert job.spec["search"] == {"over": OVER, "trial": number}
            assert list(job.needs[1:]) == list(job.spec["searched"]) == prints[:number]
        for fit in (j for j in plan.jobs if j.label.startswith(f"fit {architecture}#")):
            assert list(fit.needs[1:]) == fit.spec["searched"] == prints


def test_more_trials_begin_with_those_there_are(planned: Any, small: dict[str, Any]) -> None:
    few, many = (searches(planned(searching(small, trials=n))) for n in (3, 5))
    assert [job.fingerprint for job in many[:3]] == [job.fingerprint for job in few]
    other = searches(planned(searching(small, over={"batch_size": [16, 32]})))
    assert not {job.fingerprint for job in other} & {job.fingerprint for job in few}


def test_another_optuna_redoes_what_asked_it_alone(
    planned: Any, small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def prints() -> dict[str, str]:
        return {job.label: job.fingerprint for job in planned(small).jobs}

    small["recipes"]["searched"] = {"search": {"over": OVER, "trials": 2}}
    before = prints()
    version = fingerprint.library_version
    monkeypatch.setattr(
        fingerprint, "library_version", lambda top: "0" if top == "optuna" else version(top)
    )
    now = prints()
    redone = {label for label in before if before[label] != now[label]}
    assert "search mlp#1 digits searched" in redone and "fit mlp#0 digits searched" in redone
    assert redone == {label for label in before if "searched" in label}


def test_a_searched_rate_is_tried_about_the_default(planned: Any, small: dict[str, Any]) -> None:
    small["recipes"]["plain"] |= {"optimizer": "sgd:learning_rate=0.2", "learning_rate": "search"}
    jobs = searches(planned(small))
    rates = [job.spec["search"]["settings"]["learning_rate"] for job in jobs]
    assert rates == [0.02, 0.06, 0.2, 0.6, 2.0]  # and not 0.6000000000000001, which is another fit
    assert all(len(job.needs) == 1 for job in jobs)  # at once


def test_settings_take_their_places() -> None:
    optimizer = {"name": "sgd", "options": {"momentum": 0.9, "nesterov": True}}
    training = {"learning_rate": None, "batch_size": 64, "optimizer": optimizer}
    found = with_settings(training, {"learning_rate": 0.1, "optimizer.momentum": 0.5})
    assert found["learning_rate"] == 0.1 and found["batch_size"] == 64
    assert found["optimizer"] == {"name": "sgd", "options": {"momentum": 0.5, "nesterov": True}}
    assert optimizer["options"] == {"momentum": 0.9, "nesterov": True}


def test_options_of_techniques_and_of_the_model_take_theirs() -> None:
    noise = {"name": "noise", "options": {"std": 0.1}}
    ema = {"name": "ema", "options": {"decay": 0.9}}
    training = {"augmentations": [noise], "techniques": [{"name": "sam", "options": {}}, ema]}
    settings = {"ema.decay": 0.5, "noise.std": 0.2, "architecture.dropout": 0.3}
    found = with_settings(training, settings)
    assert found["techniques"] == [
        training["techniques"][0],
        {"name": "ema", "options": {"decay": 0.5}},
    ]
    assert found["augmentations"] == [{"name": "noise", "options": {"std": 0.2}}]
    assert found.keys() == training.keys()
    net = {"name": "mlp", "options": {"width": 8, "dropout": 0.0}}
    assert with_options(net, settings)["options"] == {"width": 8, "dropout": 0.3}


def test_a_model_that_is_searched_is_measured_as_it_was_fitted(
    planned: Any, small: dict[str, Any]
) -> None:
    small["matrix"]["architectures"] = ["mlp"]
    small["measure"] = [{"name": "accuracy"}, {"name": "flops"}]
    small["recipes"] = {
        "plain": {},
        "tuned": {"search": {"over": {"architecture": {"width": [8, 16]}}, "trials": 2}},
    }
    plan = planned(small)
    flops = {
        job.label: bool(job.spec["fit"]) for job in plan.jobs if job.axes.get("measure") == "flops"
    }
    assert flops == {"flops mlp digits plain": False, "flops mlp#0 digits tuned": True}
    trials = [job for job in plan.jobs if job.axes.get("measure") == "search"]
    assert [job.spec["search"]["over"] for job in trials] == [{"architecture.width": [8, 16]}] * 2


def test_the_first_of_the_lowest_losses_is_the_best() -> None:
    tried = [{"n": n, "validation_loss": loss} for n, loss in enumerate((None, 0.3, 0.2, 0.2))]
    assert best_of(tried)["n"] == 2
    assert best_of(tried[:1])["n"] == 0


def test_options_need_no_quotes(planned: Any, small: dict[str, Any]) -> None:
    over = {"optimizer.weight_decay": [0.0, 0.1]}
    quoted = searches(planned(searching(small, over=over)))
    bare = searches(planned(searching(small, over={"optimizer": {"weight_decay": [0.0, 0.1]}})))
    assert [job.fingerprint for job in bare] == [job.fingerprint for job in quoted]


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ({"over": {}}, "over"),
        ({"over": {"batch_size": []}}, "over.batch_size"),
        ({"over": {"epochs": [1, 2]}}, "'epochs' cannot be searched; allowed: learning_rate"),
        ({"over": {"optimizer.learning_rate": [0.1]}}, "cannot be searched"),
        ({"over": {"optimizer": {"bogus": [0.1]}}}, "has no option 'bogus'"),
        ({"over": OVER, "trails": 3}, "unknown key 'trails'"),
        (
            {"over": {"schedule.patience": {"low": 1.0, "high": 8}}},
            "a whole number is allowed; got 1.0",
        ),
        ({"over": {"optimizer.momentumm": [0.1]}}, "has no option 'momentumm'"),
        ({"over": {"optimizer.weight_decay": [0.1, -1.0]}}, "weight_decay"),
        ({"over": {"learning_rate": {"low": 0.0, "high": 0.1}}}, "a number above 0"),
        ({"over": {"learning_rate": {"low": 0.1, "high": 0.01}}}, "low < high"),
        (
            {"over": {"batch_size": {"low": 0, "high": 4, "log": True}}},
            "log = true wants low above 0",
        ),
        ({"over": {"batch_size": [1, 16]}}, "1 is no value that can be tried"),
        ({"over": {"learning_rate": {"low": float("nan"), "high": 0.1}}}, "both finite; got {"),
        (
            {"over": {"batch_size": {"low": 1, "high": 2**63}}},
            "whole numbers of 64 bits are allowed",
        ),
        ({"over": {"ema.decoy": [0.1]}}, "technique 'ema' has no option 'decoy'"),
        (
            {"over": {"swa.start": [0.1]}},
            "allowed: learning_rate, batch_size, optimizer.OPTION, schedule.OPTION, ema.OPTION",
        ),
        (
            {"over": {"architecture.dropuot": [0.1]}},
            "has no option 'dropuot'; did you mean 'dropout'?",
        ),
        ({"over": {"architecture.dropout": [0.1, 2.0]}}, "option 'dropout'"),
        ({"trials": 1}, "trials"),
    ],
)
def test_searches_that_are_refused(
    catalogue: Catalogue, small: dict[str, Any], search: dict[str, Any], says: str
) -> None:
    small["recipes"]["plain"] |= {"accumulate": 2, "schedule": "plateau", "techniques": ["ema"]}
    with pytest.raises(ProblemsError) as caught:
        load_suite(searching(small, **search), catalogue)
    assert says in str(caught.value)


def test_all_architectures_have_the_same_budget(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    over = {"batch_size": [16, 64]}
    searching(small)["recipes"]["plain"]["for"] = {"mlp": {"search": {"over": over, "trials": 4}}}
    with pytest.raises(ProblemsError, match="searches 4 points, and the recipe 3"):
        load_suite(small, catalogue)
    small["recipes"]["plain"]["for"]["mlp"]["search"]["trials"] = 3
    (recipe,) = load_suite(small, catalogue).recipes
    assert recipe.overrides[0][1].search.over == over


def test_what_is_given_is_not_searched(catalogue: Catalogue, small: dict[str, Any]) -> None:
    for given in (0.1, "search"):
        searching(small)["recipes"]["plain"]["learning_rate"] = given
        with pytest.raises(ProblemsError, match="is given, and searched"):
            load_suite(small, catalogue)


def test_a_best_rate_at_an_end_of_what_was_tried_is_said() -> None:
    def tried(*losses: float | None) -> list[dict[str, Any]]:
        rates = (0.01, 0.0001, 0.001)
        pairs = zip(rates, losses, strict=True)
        return [
            {"settings": {"learning_rate": rate}, "validation_loss": loss} for rate, loss in pairs
        ]

    found = at_an_end(tried(0.3, 0.9, 0.6))
    assert found is not None and found.numbers["learning_rate"] == 0.01 and not found.flag
    assert "0.01, is the largest of the 3 that were tried; a larger one" in found.sentence
    found = at_an_end(tried(0.9, 0.3, 0.6))
    assert found is not None and "0.0001, is the least of the 3" in found.sentence
    assert at_an_end(tried(0.9, 0.6, 0.3)) is None
    assert at_an_end(tried(None, 0.6, 0.3)) is None  # the largest diverged: there is an end
    assert at_an_end(tried(None, None, None)) is None and at_an_end([]) is None


def test_an_option_that_a_name_gives_is_not_searched(
    catalogue: Catalogue, small: dict[str, Any]
) -> None:
    small["matrix"]["architectures"] = ["mlp:dropout=0.1"]
    with pytest.raises(ProblemsError) as caught:
        load_suite(searching(small, over={"architecture.dropout": [0.0, 0.5]}), catalogue)
    assert "'mlp:dropout=0.1' gives dropout = 0.1, and it is searched" in str(caught.value)


def test_a_class_of_the_user_s_is_searched_for_its_own_parameters(
    catalogue: Catalogue, small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "searched_net.py").write_text(
        "class Net:\n    def __init__(self, input_shape, num_classes, width=8): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    small["matrix"]["architectures"] = ["searched_net:Net"]
    load_suite(searching(small, over={"architecture.width": [4, 8]}), catalogue)
    with pytest.raises(ProblemsError, match="has no parameter 'wdith'; did you mean 'width'"):
        load_suite(searching(small, over={"architecture.wdith": [4, 8]}), catalogue)
    small["matrix"]["architectures"] = ["searched_net:Net:width=16"]
    with pytest.raises(ProblemsError, match="gives width = 16, and it is searched"):
        load_suite(searching(small, over={"architecture.width": [4, 8]}), catalogue)

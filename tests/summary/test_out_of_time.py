"""A run that its time budget cut says so, and its verdict what it is not about."""

import pytest
from made_rows import job_row

from harness.summary.metric_rows import RowKey
from harness.summary.out_of_time import say_left_out, status_of

LATE = "it does not fit into the time budget of 2 s"
OVER = "the time budget of 5 min was over before it could start"


def job(architecture, seed=0, reason="", sort="fit", dataset="digits", recipe="plain", **axes):
    axes = {"architecture": architecture, "dataset": dataset, "recipe": recipe, **axes}
    return job_row(
        sort,
        fingerprint=f"{architecture}{seed}{sort}",
        label=architecture,
        axes=axes | ({} if seed is None else {"seed": seed}),
        status="skipped" if reason else "ok",
        reason=reason,
    )


def place(architecture, dataset="digits", recipe="plain"):
    return RowKey.of({"architecture": architecture, "dataset": dataset, "recipe": recipe})


def test_what_was_not_judged_is_named():
    jobs = [job("resnet"), job("mlp", reason=LATE), job("vit", reason=OVER)]
    assert say_left_out(jobs, [place("resnet")], {"accuracy"}) == (
        "Not judged, as the time budget was over: mlp and vit.",
    )
    words = "with 2 of 3 jobs left out by its time budget"
    assert status_of("completed", jobs) == f"completed, {words}"


def test_missing_seeds_are_counted_of_fits_and_of_what_judges():
    late = {"reason": OVER, "sort": "measure"}
    jobs = [
        *(job("mlp", seed, reason=LATE if seed else "") for seed in range(3)),
        *(job("cnn", seed) for seed in range(3)),
        *(job("cnn", seed, measure="accuracy", **late) for seed in (0, 1)),
        job("vit", 0),
        job("vit", 0, measure="throughput", **late),  # no matter to who is best
    ]
    judged = [place("mlp"), place("cnn"), place("vit")]
    assert say_left_out(jobs, judged, {"accuracy"}) == (
        "Of fewer seeds than planned, as the time budget was over: mlp (1 of 3) and cnn (1 of 3).",
    )


def test_what_is_timed_of_the_bare_model_leaves_no_model_unjudged():
    """It had no recipe, and was named with a space behind it as a model that was not judged."""
    timed = job("mlp", None, reason=OVER, sort="measure", recipe="", measure="latency")
    assert say_left_out([job("mlp"), timed], [place("mlp")], {"accuracy"}) == ()
    assert say_left_out([timed], [], {"accuracy"}) == (
        "Not judged, as the time budget was over: mlp.",
    )


def test_data_sets_and_recipes_are_told_apart():
    jobs = [
        job("mlp"),
        job("mlp", recipe="long", reason=LATE),
        job("mlp", dataset="wine", reason=LATE),
    ]
    assert say_left_out(jobs, [place("mlp")], ()) == (
        "digits: Not judged, as the time budget was over: mlp long.",
        "wine: Not judged, as the time budget was over: mlp plain.",
    )


@pytest.mark.parametrize("reason", ["", "lenet takes images; this is a table"])
def test_a_run_of_all_that_applies_says_nothing(reason):
    jobs = [job("mlp"), job("lenet", reason=reason)]
    assert say_left_out(jobs, [place("mlp")], {"accuracy"}) == ()
    assert status_of("completed", jobs) == "completed"

"""Time to a target: the first look that meets it, bounds where none does, and steps of a curve over time."""

from dataclasses import replace

import pytest
from measure_cases import measure, named, one

from harness.api import NotApplicable
from harness.api.measuring import FitHistory
from harness_training.measures.options import TimeToTargetOptions
from harness_training.measures.time_to_target import first_at

ACCURACY = (0.4, 0.85, 0.8, 0.95)


def history(accuracy=ACCURACY) -> FitHistory:
    rows = [
        {
            "epoch": k,
            "examples": 100 * k,
            "learning_rate": 0.1 / k,
            "train_loss": 1.0 / k,
            "train_accuracy": value,
            "validation_loss": 2.0 / k,
            "validation_accuracy": value,
            "seconds": 3.0 * k,
            "training_seconds": 2.0 * k,
            "core_seconds": 1.0 * k,
        }
        for k, value in enumerate(accuracy, start=1)
    ]
    return FitHistory(rows=rows)


def run(images, given=None, **options):
    given = history() if given is None else given
    return measure(
        replace(images("time_to_target", **options), history=lambda: given), "time_to_target"
    )


def test_it_is_the_first_look_that_meets_the_target(images):
    found = run(images, targets=(0.85, 0.9))
    for target, epochs in ((0.85, 2), (0.9, 4)):
        assert one(found, "examples_to_target", target=target).value == 100 * epochs
        assert one(found, "core_seconds_to_target", target=target).value == 1.0 * epochs
        assert one(found, "seconds_to_target", target=target).value == 2.0 * epochs


def test_a_target_that_is_not_met_is_a_bound_and_marked(images):
    missed = one(run(images, targets=(0.99,)), "examples_to_target")
    assert missed.value == 400
    assert missed.where["flag"].startswith("not reached")
    assert "flag" not in one(run(images, targets=(0.4,)), "examples_to_target").where


def test_losses_are_reached_from_above(images):
    found = run(images, of="loss", targets=(0.7,))
    assert one(found, "examples_to_target").value == 300
    rows = history().rows
    assert first_at(rows, "validation_loss", 2.0, rising=False) is rows[0]
    assert first_at(rows, "validation_loss", 0.4, rising=False) is None


def test_the_curve_over_time_is_what_the_last_look_told(images):
    found = named(run(images), "validation_accuracy_by_time")
    assert [m.where["cpu_seconds"] for m in found] == [1, 1.33, 1.78, 2.37, 3.16, 4.22]
    assert [m.value for m in found] == [0.4, 0.4, 0.4, 0.85, 0.8, 0.95]
    rates = named(run(images), "learning_rate_by_examples")
    assert [m.value for m in rates] == [0.1, 0.05, 0.1 / 3, 0.025]
    by_examples = named(run(images), "validation_accuracy_by_examples")
    assert [(m.where["seen_examples"], m.value) for m in by_examples] == [
        (100 * k, value) for k, value in enumerate(ACCURACY, start=1)
    ]


def test_where_there_is_no_accuracy_it_says_what_to_write(images):
    with pytest.raises(NotApplicable, match="write of=loss"):
        run(images, history((None, None)))
    with pytest.raises(NotApplicable, match="no fit"):
        measure(images("time_to_target"), "time_to_target")


@pytest.mark.parametrize("target", [90.0, -0.1, float("nan")])
def test_an_accuracy_in_percent_is_refused(target):
    with pytest.raises(ValueError, match="from 0 to 1"):
        TimeToTargetOptions(targets=(0.5, target))
    assert TimeToTargetOptions(of="loss", targets=(90.0,)).targets == (90.0,)

"""Which models measures that compare refuse, as soon as a plan knows them."""

import pytest

from harness_quality import unfit
from harness_quality.options import EffectiveRobustnessOptions, MceOptions

FIVE = [(name, recipe) for name, recipe in zip("abcde", ["x", "x", "x", "y", "y"], strict=True)]


@pytest.mark.parametrize(
    ("recipe", "models", "says"),
    [
        (None, FIVE, ""),
        (None, FIVE[1:], "over 5 baseline models or more, and here are 4; compare"),
        ("x", FIVE, "and here are 3 of the recipe 'x'; compare more models"),
        ("x", [(name, "") for name, _ in FIVE], ""),  # the suite has one recipe
    ],
)
def test_a_fit_is_over_five_baselines(recipe, models, says):
    found = unfit.effective_robustness(EffectiveRobustnessOptions(baseline_recipe=recipe), models)
    assert (says in found) and bool(found) == bool(says)


@pytest.mark.parametrize(
    ("reference", "models", "classes", "says"),
    [
        (None, 2, 1000, ""),
        (None, 1, 1000, ""),  # AlexNet's errors are a table
        (None, 1, None, ""),
        ("lenet", 2, 10, ""),
        ("lenet", 1, 10, "no other model beside the reference 'lenet'"),
        (None, 2, 10, "and this data has 10"),
    ],
)
def test_alexnets_errors_are_of_1000_classes_and_a_reference_needs_another_model(
    reference, models, classes, says
):
    found = unfit.mce(MceOptions(reference=reference), FIVE[:models], classes)
    assert (says in found) and bool(found) == bool(says)

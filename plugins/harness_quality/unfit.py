"""Why models cannot be compared by a measure, as far as a plan can tell; imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from harness_quality.imagenet_c import ALEXNET_CLASSES
from harness_quality.options import EffectiveRobustnessOptions, MceOptions

FEWEST_MODELS = 5  # that a fit with two parameters is over, for anything to be beyond it


def effective_robustness(
    options: EffectiveRobustnessOptions, models: Sequence[tuple[str, str]]
) -> str:
    """Say that fewer than five models are baselines; "" where there are enough.

    models: (architecture, recipe) of each; the recipe is "" where the suite has one.
    """
    wanted = options.baseline_recipe
    found = sum(wanted is None or recipe in ("", wanted) for _, recipe in models)
    if found >= FEWEST_MODELS:
        return ""
    of = "" if wanted is None else f" of the recipe {wanted!r}"
    return (
        f"effective robustness is what is beyond a fit over {FEWEST_MODELS} baseline models or more, and here are "
        f"{found}{of}; compare more models"
    )


def mce(options: MceOptions, models: Sequence[tuple[str, str]], classes: int | None) -> str:
    """Say that the reference is the only model, or that AlexNet's errors are of other classes.

    "" where neither is so, or the classes are not known yet.
    """
    if options.reference is not None:
        return (
            ""
            if len(models) > 1
            else f"there is no other model beside the reference {options.reference!r}"
        )
    if classes in (None, ALEXNET_CLASSES):
        return ""
    return (
        f"AlexNet's published errors are of the {ALEXNET_CLASSES} classes of ImageNet, and this data has "
        f'{classes}; name an architecture of the suite, such as reference = "lenet"'
    )

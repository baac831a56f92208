"""What the package registers."""

from __future__ import annotations

import built_in

import harness_training
from harness.api import Augmentation, Objective, Optimizer, Schedule, Technique
from harness.api.measuring import resolve


def test_items() -> None:
    optimizers = list(harness_training.harness_register_optimizers())
    schedules = list(harness_training.harness_register_schedules())
    augmentations = list(harness_training.harness_register_augmentations())
    objectives = list(harness_training.harness_register_objectives())
    techniques = list(harness_training.harness_register_techniques())
    assert [item.name for item in techniques] == [
        *("ema", "swa", "clip", "sam", "lora", "layer-decay", "checkpointing"),
    ]
    assert [item.name for item in optimizers] == ["sgd", "adamw", "timm-optim/", "torch-optim/"]
    assert [item.name for item in schedules] == [
        *("constant", "cosine", "one-cycle", "step", "wsd", "plateau"),
    ]
    assert [item.name for item in augmentations] == [
        "flip",
        "crop",
        "noise",
        "randaugment",
        "random-erasing",
        "colour-jitter",
    ]
    assert {item.name: built_in.items("objective")[item.name].problems for item in objectives} == {
        "cross-entropy": ("classification",),
        "squared-error": ("regression",),
        "problem-loss": (
            "classification",
            "regression",
            "next_token",
            "forecast",
            "segmentation",
            "detection",
            "sequence_labelling",
            "sequence_to_sequence",
        ),
        "mixup": ("classification",),
        "cutmix": ("classification",),
        "distillation": ("classification",),
        "pgd-at": ("classification",),
        "trades": ("classification",),
        "fast-at": ("classification",),
    }
    for kind, items in (
        (Optimizer, optimizers),
        (Schedule, schedules),
        (Augmentation, augmentations),
        (Objective, objectives),
        (Technique, techniques),
    ):
        for item in items:
            assert isinstance(item, kind)
            assert item.summary
            assert all(callable(resolve(reference)) for reference in item.callables())
    for item in optimizers:
        assert item.options is not None and "learning_rate" in item.options.model_fields

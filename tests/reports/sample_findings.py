"""Findings of the sample report; invented as its figures are."""

from __future__ import annotations

from collections.abc import Sequence

from harness.api.reporting import ModelFinding


def sample_findings() -> tuple[ModelFinding, ...]:
    """Return findings of some models: of all seeds, of one, of one measure, and one that doubts nothing."""
    steps = "Give it more steps until nothing changes, 25 or more."
    return (
        ModelFinding(
            dataset="digits",
            series="gru",
            code="few-classes",
            flag="",
            sentence="With 2 classes apgd-dlr is not what the paper defines.",
            advice="Compare these figures with those of the same tool only.",
            seeds=(0, 1, 2),
            looked=3,
        ),
        ModelFinding(
            dataset="digits",
            series="vit",
            code="zero-gradients",
            flag="gradients are zero",
            sentence="The gradient is exactly 0 at 58 of 64 examples, so attacks that follow it do not move "
            "them.",
            advice="Look for a step without a derivative (rounding, a threshold, detach).",
            seeds=(0, 1, 2),
            looked=3,
        ),
        *(
            ModelFinding(
                dataset="digits",
                series=series,
                code="more-steps",
                flag="more steps would break more",
                sentence=f"With 25 instead of 5 steps pgd:steps=5 breaks {fell} of 12 examples that stood in linf "
                "1/16.",
                advice=steps,
                seeds=(1,),
                looked=3,
                measures=("adversarial:norm=linf",),
            )
            for series, fell in (("resnet", 4), ("lenet", 5), ("mlp", 4))
        ),
        ModelFinding(
            dataset="diabetes",
            series="mlp",
            code="chance",
            flag="clean accuracy is that of guessing",
            sentence="The clean accuracy cannot be told from guessing.",
            advice="Train the model to a better accuracy first.",
        ),
    )


def hostile_findings(texts: Sequence[str]) -> tuple[ModelFinding, ...]:
    """Return findings all of whose words are from outside."""
    return tuple(
        ModelFinding(
            dataset=text,
            series=text,
            code=text,
            flag=text,
            sentence=text,
            advice=text,
            seeds=(0,),
            looked=2,
            measures=(text,),
        )
        for text in texts
    )

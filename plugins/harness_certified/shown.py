"""What `certified` yields, and how it is shown: axes, columns and charts."""

from __future__ import annotations

import math

from harness.api import Axis, Curve, Shown

AXES = (
    Axis(name="method", options=("methods",)),
    Axis(name="norm"),
    Axis(name="epsilon", text="epsilon_text", options=("linf", "l2")),
    Axis(name="sigma"),
)
SHOWS = (
    *(
        Shown(
            metric="certified_accuracy",
            key=f"certified_{method}",
            title=f"proved by {method}, {{norm}} {{epsilon_text}}",
            better="higher",
            meaning=meaning,
            where={"method": method},
            pick=("epsilon", "first"),
            optional=True,
        )
        for method, meaning in (
            (
                "interval",
                "Share of the examples that are right and proved to stay so, by interval bounds.",
            ),
            (
                "lipschitz",
                "Share of the examples that are right and proved to stay so, by a Lipschitz bound.",
            ),
            (
                "smoothing",
                "Share of the examples of which the vote under noise is right and surely stays so.",
            ),
        )
    ),
    Shown(metric="attacked_accuracy", title="accuracy under attack", better="higher", column=False),
    Shown(metric="voted_accuracy", title="accuracy of the vote", better="higher", column=False),
    Shown(metric="abstained", title="abstained", better="lower", column=False),
    Shown(
        metric="lipschitz",
        title="Lipschitz bound",
        better="lower",
        bounds=(0.0, math.inf),
        column=False,
    ),
)
CHARTS = (
    Curve(
        title="Certified accuracy by {method}, {norm}",
        caption="Share of the examples that are right and proved to stay so; smoothing is of the model's vote "
        "under noise, another classifier. No attack of the model can leave less right than the other two prove.",
        x="epsilon",
        y="certified_accuracy",
        y_title="certified accuracy",
        panel=("method", "norm"),
    ),
    Curve(
        title="Accuracy under attack of the same examples, {norm}",
        caption="What the attacks leave of the model's answers; between this and what interval and lipschitz prove lies what nobody knows.",
        x="epsilon",
        y="attacked_accuracy",
        panel=("norm",),
    ),
)

"""What is to be said of explanations in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from harness.api import Finding, Metric
from harness.api.measuring import mean_metric

Array = np.ndarray[Any, Any]

INCOMPLETE = 0.05  # of the differences that integrated gradients should add up to
ALIKE = 0.5  # a rank correlation with maps of random weights that is surely above this is a finding


def no_better(name: str, gains: Array) -> Iterator[Finding]:
    """Say where what is put in first by a method makes the answer less sure than a random order, or not surely surer.

    gains: of the insertion area over that of the random order ``(examples,)``.
    """
    gain = mean_metric("gain", gains)
    if gain.low is None or gain.low > 0:
        return
    less = gain.high is not None and gain.high < 0
    yield Finding(
        code="no-better-than-random",
        sentence=f"Parts that {name} calls important make the model {'less sure' if less else 'not surely surer'} than parts taken at "
        f"random: put in first, the area under its probability differs by {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}).",
        advice="Do not read this model by these maps; take a method whose insertion area is above that of the random order, or "
        'another stand-in for what is taken away (reference = "low").',
        numbers={"gain": gain.value},
        where={"method": name},
    )


def shows_the_input(name: str, alike: Metric) -> Iterator[Finding]:
    """Say where maps hardly depend on what was learnt."""
    if alike.low is None or alike.low <= ALIKE:
        return
    yield Finding(
        code="same-with-random-weights",
        sentence=f"Maps of {name} hardly depend on what the model has learnt: with random weights they are much the same (rank "
        f"correlation {alike.value:.2f}, {alike.low:.2f} to {alike.high:.2f}).",
        advice="Take them for a picture of the input or of the architecture, not for a reason of the answer.",
        numbers={"correlation": alike.value},
        where={"method": name},
    )


def incomplete(error: Metric, steps: int) -> Iterator[Finding]:
    """Say where integrated gradients do not add up to the difference of the logit."""
    if not error.value > INCOMPLETE:
        return
    yield Finding(
        code="incomplete",
        sentence=f"Integrated gradients of {steps} steps miss the change of the logit that they should add up to by "
        f"{100 * error.value:.0f} % of it.",
        advice=f"Take more steps: steps = {4 * steps}.",
        numbers={"error": error.value},
        flag="integrated gradients do not add up",
        where={"method": "integrated-gradients"},
    )

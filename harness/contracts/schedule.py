"""What a schedule must satisfy."""

from __future__ import annotations

import math

from harness.catalogue.kinds import Schedule
from harness.catalogue.references import call
from harness.contracts.subject import Subject, require

_LENGTHS = (1, 2, 10, 1000)


def _factors(subject: Subject, steps: int) -> list[float]:
    item = subject.item
    assert isinstance(item, Schedule)
    factor = call(item.build, steps=steps, curves=[], options=subject.choose().model())
    require(callable(factor), f"it built a {type(factor).__name__}, not a function of the step")
    return [float(factor(step)) for step in range(steps)]


def check_factors(subject: Subject) -> None:
    """Its factors are finite and from 0 to 1, for runs of 1 to 1000 steps."""
    for steps in _LENGTHS:
        for step, factor in enumerate(_factors(subject, steps)):
            require(math.isfinite(factor), f"step {step} of {steps} has the factor {factor}")
            require(
                -1e-9 <= factor <= 1 + 1e-9, f"step {step} of {steps} has the factor {factor:g}"
            )


def check_trains(subject: Subject) -> None:
    """Some factor is above zero, so that a run of any length trains."""
    for steps in _LENGTHS:
        require(max(_factors(subject, steps)) > 0, f"all factors of {steps} steps are zero")


def check_pure(subject: Subject) -> None:
    """A factor depends on the step alone, not on the steps that were asked for before."""
    item = subject.item
    assert isinstance(item, Schedule)
    factor = call(item.build, steps=10, curves=[], options=subject.choose().model())
    there = [float(factor(step)) for step in range(10)]
    back = [float(factor(step)) for step in reversed(range(10))]
    require(there == back[::-1], "asked for the steps backwards, it gives other factors")


CONTRACTS = (check_factors, check_trains, check_pure)

"""How soon training reaches a target: accuracy or loss against examples and against time, evaluation left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from harness.api import MeasureContext, Metric, NotApplicable
from harness_training.measures.options import TimeToTargetOptions

Row = Mapping[str, float | None]
TIMES = ("training_seconds", "core_seconds")
A_DECADE = 8  # points of time, at the same places for all models
NOT_REACHED = "not reached: it would take longer"


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `examples_to_target`, `core_seconds_to_target` and `seconds_to_target` of each target, and the curves behind them.

    The time to a result of AlgoPerf (Dahl et al. 2023, section 4.1): until the first look at the validation examples that
    meets the target, without the time of looking. A look comes after an epoch, so figures are as coarse as that. A target
    that is not met has what the whole fit took, a bound from below, and is marked. The curve against time is a step
    function, at times that all models share.

    Raises:
        NotApplicable: Nothing was trained, or there are no validation examples of which this could be told.
    """
    options = context.options
    assert isinstance(options, TimeToTargetOptions)
    name = f"validation_{options.of}"
    rows = context.history().rows
    if any(row[name] is None for row in rows):
        raise NotApplicable(
            f"of {context.task.problem} no validation {options.of} is kept"
            + ("; write of=loss, with targets of its loss" if options.of == "accuracy" else "")
        )
    unit = "fraction" if options.of == "accuracy" else ""
    for row in rows:
        value, seen = _of(row, name), {"seen_examples": int(_of(row, "examples"))}
        yield Metric(name=f"{name}_by_examples", value=value, unit=unit, n=1, where=seen)
        rate = _of(row, "learning_rate")
        yield Metric(name="learning_rate_by_examples", value=rate, exact=True, where=seen)
    for seconds, row in _at_times(rows):
        value, until = _of(row, name), {"cpu_seconds": seconds}
        yield Metric(name=f"{name}_by_time", value=value, unit=unit, n=1, where=until)
    for target in options.targets:
        yield from _to_target(rows, name, target, rising=options.of == "accuracy")


def first_at(rows: Sequence[Row], name: str, target: float, *, rising: bool) -> Row | None:
    """Return the first row whose value is the target or better; None where there is none."""
    for row in rows:
        value = _of(row, name)
        if value >= target if rising else value <= target:
            return row
    return None


def _to_target(rows: Sequence[Row], name: str, target: float, *, rising: bool) -> Iterator[Metric]:
    met = first_at(rows, name, target, rising=rising)
    row = rows[-1] if met is None else met
    where = {"target": target} | ({} if met is not None else {"flag": NOT_REACHED})
    examples = _of(row, "examples")
    yield Metric(name="examples_to_target", value=examples, unit="count", n=1, where=where)
    for time in TIMES:
        short = time.removeprefix("training_")
        value, unit = _of(row, time), "CPU s" if time == "core_seconds" else "s"
        yield Metric(name=f"{short}_to_target", value=value, unit=unit, n=1, where=where)


def _at_times(rows: Sequence[Row]) -> Iterator[tuple[float, Row]]:
    """Yield points of time, and the last row until each; the first is no earlier than the first row."""
    times = [_of(row, "core_seconds") for row in rows]
    first, last = (max(one, 1e-6) for one in (times[0], times[-1]))
    for k in range(
        math.ceil(A_DECADE * math.log10(first)), math.ceil(A_DECADE * math.log10(last)) + 1
    ):
        seconds = 10 ** (k / A_DECADE)
        until = [row for row, time in zip(rows, times, strict=True) if time <= seconds]
        if until:
            yield float(f"{seconds:.3g}"), until[-1]


def _of(row: Row, name: str) -> float:
    value = row[name]
    assert value is not None
    return float(value)

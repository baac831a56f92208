"""Built-in measures: how accurate, fast, small and robust a model is."""

from collections.abc import Iterator

from harness.api import Measure, hookimpl
from harness_measures.options import (
    AccuracyOptions,
    AdversarialOptions,
    MemoryOptions,
    ShiftOptions,
    ThroughputOptions,
)


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="accuracy",
        summary="accuracy and cross-entropy on the test split; R2 and errors for regression",
        source="Wilson 1927 (interval)",
        options=AccuracyOptions,
        run="harness_measures.accuracy:run",
    )
    yield Measure(
        name="throughput",
        summary="examples a second and latency percentiles of inference, by batch size",
        source="model-harness",
        options=ThroughputOptions,
        run="harness_measures.throughput:run",
        scope="architecture",
        exclusive=True,
    )
    yield Measure(
        name="memory",
        summary="peak memory of inference, resident and of tensors, and of the parameters",
        source="model-harness",
        options=MemoryOptions,
        run="harness_measures.memory:run",
        scope="architecture",
        exclusive=True,
    )
    yield Measure(
        name="flops",
        summary="floating-point operations of an example, and parameters; both counted exactly",
        source="torch.utils.flop_counter",
        run="harness_measures.flops:run",
        scope="architecture",
        distributions=("torch",),
    )
    yield Measure(
        name="adversarial",
        summary="accuracy under attack, each attack and their worst case, by epsilon",
        source="Croce & Hein 2020, arXiv:2003.01690 (point-wise worst case)",
        options=AdversarialOptions,
        run="harness_measures.adversarial:run",
        problems=("classification",),
    )
    yield Measure(
        name="shift",
        summary="accuracy (R2) under distribution shifts, by severity, and their mean",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        options=ShiftOptions,
        run="harness_measures.shift:run",
        prepares="harness_measures.options:shift_pairs",
    )

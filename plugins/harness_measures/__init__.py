"""Built-in measures: how accurate, fast, small and robust a model is."""

from collections.abc import Iterator

from harness.api import Measure, Shown, hookimpl
from harness_measures.options import (
    AccuracyOptions,
    AdversarialOptions,
    EnergyOptions,
    FlopsOptions,
    LatencyOptions,
    MemoryOptions,
    ShiftOptions,
    ThroughputOptions,
    TrainingThroughputOptions,
    TransferOptions,
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
        shows=(
            Shown(
                metric="accuracy",
                key="headline",
                title="accuracy",
                better="higher",
                meaning="Share of the test examples that are classified correctly.",
                examples="correct",
            ),
            Shown(
                metric="r2",
                key="headline",
                title="R2",
                better="higher",
                meaning="Share of the test targets' variance that is explained.",
                examples="error",
            ),
        ),
    )
    yield Measure(
        name="throughput",
        summary="examples a second and latency percentiles of inference, by batch size",
        source="model-harness",
        options=ThroughputOptions,
        run="harness_measures.throughput:run",
        scope="architecture",
        exclusive=True,
        shows=(
            Shown(
                metric="throughput",
                key="throughput",
                title="throughput, batch {batch_size}",
                better="higher",
                meaning="Examples a second of inference, from the median of timed calls.",
                pick=("batch_size", "largest"),
            ),
            Shown(
                metric="latency_p99",
                key="latency",
                title="p99 latency, batch {batch_size}",
                better="lower",
                meaning="99 of 100 calls are answered within this time.",
                pick=("batch_size", "smallest"),
            ),
        ),
    )
    yield Measure(
        name="latency",
        summary="how long a call of inference takes: percentiles, by batch size",
        source="Conover 1999 (intervals of quantiles)",
        options=LatencyOptions,
        run="harness_measures.latency:run",
        scope="architecture",
        exclusive=True,
        shows=(
            Shown(
                metric="latency_p50",
                key="median_latency",
                title="median latency, batch {batch_size}",
                better="lower",
                meaning="Half of the calls are answered within this time.",
                pick=("batch_size", "smallest"),
            ),
        ),
    )
    yield Measure(
        name="training_throughput",
        summary="examples a second of training, and the parts of a step, by batch size",
        source="model-harness",
        options=TrainingThroughputOptions,
        run="harness_measures.training_throughput:run",
        scope="architecture",
        exclusive=True,
        shows=(
            Shown(
                metric="training_throughput",
                key="training_throughput",
                title="training, batch {batch_size}",
                better="higher",
                meaning="Examples a second of training, from the median time of a step.",
                pick=("batch_size", "largest"),
            ),
        ),
    )
    yield Measure(
        name="memory",
        summary="peak memory of inference and training, its parts, and the largest batch that fits",
        source="model-harness",
        options=MemoryOptions,
        run="harness_measures.memory:run",
        scope="architecture",
        exclusive=True,
        shows=(
            Shown(
                metric="peak_memory",
                key="peak_memory",
                title="peak memory, batch {batch_size}",
                better="lower",
                meaning="Rise of memory in a forward pass, over the loaded model and its inputs.",
                pick=("batch_size", "largest"),
            ),
        ),
    )
    yield Measure(
        name="energy",
        summary="joules an example of inference, and the power, by batch size",
        source="RAPL (Intel SDM 3B, 15.10; Linux powercap), NVML (nvmlDeviceGetTotalEnergyConsumption)",
        options=EnergyOptions,
        run="harness_measures.energy:run",
        scope="architecture",
        exclusive=True,
        shows=(
            Shown(
                metric="energy_per_example",
                key="energy",
                title="energy, batch {batch_size}",
                better="lower",
                meaning="Joules an example of inference, of the whole package or board.",
                pick=("batch_size", "largest"),
            ),
        ),
    )
    yield Measure(
        name="flops",
        summary="FLOPs of an example, forward and backward, and parameters, by type of module",
        source="torch.utils.flop_counter",
        options=FlopsOptions,
        run="harness_measures.flops:run",
        scope="architecture",
        distributions=("torch",),
        shows=(
            Shown(
                metric="parameters",
                key="parameters",
                title="parameters",
                better="lower",
                meaning="Number of parameters of the network.",
            ),
            Shown(
                metric="flops",
                key="flops",
                title="FLOPs",
                better="lower",
                meaning="Floating-point operations of one example, 2 for a multiply-add.",
            ),
        ),
    )
    yield Measure(
        name="adversarial",
        summary="accuracy under attack, each attack and their worst case, by epsilon",
        source="Croce & Hein 2020, arXiv:2003.01690 (point-wise worst case)",
        options=AdversarialOptions,
        run="harness_measures.adversarial:run",
        problems=("classification",),
        shows=(
            Shown(
                metric="robust_accuracy",
                key="robust",
                title="robust, {norm} {epsilon_text}",
                better="higher",
                meaning="Share of all test examples that stay correct under every attack.",
                where={"attack": "worst case"},
                pick=("epsilon", "first"),
                examples="robust_0",
            ),
        ),
    )
    yield Measure(
        name="transfer",
        summary="adversarial examples made on each model and judged on all others, as a matrix",
        source="Papernot, McDaniel & Goodfellow 2016, arXiv:1605.07277",
        options=TransferOptions,
        run="harness_measures.transfer:run",
        scope="fits",
        problems=("classification",),
    )
    yield Measure(
        name="shift",
        summary="accuracy (R2) under distribution shifts, by severity, and their mean",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        options=ShiftOptions,
        run="harness_measures.shift:run",
        prepares="harness_measures.options:shift_pairs",
        shows=(
            Shown(
                metric="mean_shifted_accuracy",
                key="shifted",
                title="shifted",
                better="higher",
                meaning="Mean accuracy over the shifts and severities, all weighed alike.",
                examples="correct_*",
            ),
            Shown(
                metric="mean_shifted_r2",
                key="shifted",
                title="shifted R2",
                better="higher",
                meaning="Mean R2 over the shifts and severities, all weighed alike.",
            ),
        ),
    )

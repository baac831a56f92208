"""Built-in measures of speed and size: how fast a model is, and what it takes."""

from collections.abc import Iterator

from harness.api import Measure, Shown, hookimpl
from harness_timed.options import (
    EnergyOptions,
    FlopsOptions,
    LatencyOptions,
    MemoryOptions,
    ThroughputOptions,
    TrainingThroughputOptions,
)

REAL_VALUED = ("image", "sequence", "table")  # inputs that are tensors of real numbers
PROBLEMS = ("classification", "regression")


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="throughput",
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="examples a second and latency percentiles of inference, by batch size",
        source="model-harness",
        options=ThroughputOptions,
        run="harness_timed.throughput:run",
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
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="how long a call of inference takes: percentiles, by batch size",
        source="Conover 1999 (intervals of quantiles)",
        options=LatencyOptions,
        run="harness_timed.latency:run",
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
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="examples a second of training, and the parts of a step, by batch size",
        source="model-harness",
        options=TrainingThroughputOptions,
        run="harness_timed.training_throughput:run",
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
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="peak memory of inference and training, its parts, and the largest batch that fits",
        source="model-harness",
        options=MemoryOptions,
        run="harness_timed.memory:run",
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
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="joules an example of inference, and the power, by batch size",
        source="RAPL (Intel SDM 3B, 15.10; Linux powercap), NVML (nvmlDeviceGetTotalEnergyConsumption)",
        options=EnergyOptions,
        run="harness_timed.energy:run",
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
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="FLOPs of an example, forward and backward, and parameters, by type of module",
        source="torch.utils.flop_counter",
        options=FlopsOptions,
        run="harness_timed.flops:run",
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

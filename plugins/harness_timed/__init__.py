"""Built-in measures of speed and size: how fast a model is, and what it takes."""

from collections.abc import Iterator

from harness.api import Axis, Measure, hookimpl
from harness_timed import shown
from harness_timed.options import (
    AnswerThroughputOptions,
    BackwardCostOptions,
    EnergyOptions,
    FlopsOptions,
    GenerationOptions,
    LatencyOptions,
    MemoryOptions,
    ScalingOptions,
    ThroughputOptions,
    TrainingThroughputOptions,
)

ALL = ("*",)  # problems and modalities: what a pass takes does not depend on what it is about


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="throughput",
        takes=ALL,
        problems=ALL,
        summary="examples a second and latency percentiles of inference, by batch size",
        source="model-harness",
        options=ThroughputOptions,
        run="harness_timed.throughput:run",
        seconds="harness_timed.options:asked_seconds",
        scope="architecture",
        exclusive=True,
        timed=True,
        axes=shown.PASS,
        shows=shown.THROUGHPUT,
        charts=shown.THROUGHPUT_CHARTS,
    )
    yield Measure(
        name="answer_throughput",
        takes=ALL,
        problems=ALL,
        summary="examples a second of a trained model, without and with what makes answers of its outputs",
        source="model-harness",
        options=AnswerThroughputOptions,
        run="harness_timed.answers:run",
        seconds="harness_timed.options:asked_seconds",
        exclusive=True,
        timed=True,
        axes=shown.PASS,
        shows=shown.ANSWER_THROUGHPUT,
        checked_with={"seconds": 0.02},
    )
    yield Measure(
        name="latency",
        takes=ALL,
        problems=ALL,
        summary="how long a call of inference takes: percentiles, by batch size",
        source="Conover 1999 (intervals of quantiles)",
        options=LatencyOptions,
        run="harness_timed.latency:run",
        seconds="harness_timed.options:asked_seconds",
        scope="architecture",
        exclusive=True,
        timed=True,
        axes=shown.PASS,
        shows=shown.LATENCY,
    )
    yield Measure(
        name="training_throughput",
        takes=ALL,
        problems=ALL,
        summary="examples a second of training, and the parts of a step, by batch size",
        source="model-harness",
        options=TrainingThroughputOptions,
        run="harness_timed.training_throughput:run",
        seconds="harness_timed.options:asked_seconds",
        scope="architecture",
        exclusive=True,
        timed=True,
        axes=(*shown.PASS, Axis(name="part")),
        shows=shown.TRAINING_THROUGHPUT,
        charts=shown.TRAINING_CHARTS,
    )
    yield Measure(
        name="backward_cost",
        takes=ALL,
        problems=ALL,
        summary="backward over forward, and what a gradient costs by backpropagation and without it",
        source="Baur & Strassen 1983; Griewank & Walther 2008",
        options=BackwardCostOptions,
        run="harness_timed.backward_cost:run",
        seconds="harness_timed.options:asked_seconds",
        scope="architecture",
        exclusive=True,
        axes=shown.GRADIENT,
        shows=shown.BACKWARD_COST,
        charts=shown.BACKWARD_COST_CHARTS,
        checked_with={"seconds": 0.02},
    )
    yield Measure(
        name="generation",
        takes=("tokens",),
        problems=("next_token",),
        summary="tokens a second that a model writes one by one, with a cache and without, by how many",
        source="Pope et al. 2023, arXiv:2211.05102 (the KV cache)",
        options=GenerationOptions,
        run="harness_timed.generation:run",
        seconds="harness_timed.options:generation_seconds",
        scope="architecture",
        exclusive=True,
        timed=True,
        axes=shown.WRITING,
        shows=shown.GENERATION,
        charts=shown.GENERATION_CHARTS,
        checked_with={"seconds": 0.02},
    )
    yield Measure(
        name="scaling",
        takes=ALL,
        problems=ALL,
        summary="training on 1, 2, 4, ... devices: examples a second, efficiency, the share of communication",
        source="torch.nn.parallel.DistributedDataParallel",
        options=ScalingOptions,
        run="harness_timed.scaling:run",
        scope="architecture",
        exclusive=True,
        in_ranks=True,
        axes=shown.SCALE,
        shows=shown.SCALING,
        charts=shown.SCALING_CHARTS,
        checked_with={"seconds": 0.2},
    )
    yield Measure(
        name="memory",
        takes=ALL,
        problems=ALL,
        summary="peak memory of inference and training, its parts, and the largest batch that fits",
        source="model-harness",
        options=MemoryOptions,
        run="harness_timed.memory:run",
        scope="architecture",
        exclusive=True,
        axes=shown.SIZES,
        shows=shown.MEMORY,
    )
    yield Measure(
        name="energy",
        takes=ALL,
        problems=ALL,
        summary="joules an example of inference, and the power, by batch size",
        source="RAPL (Intel SDM 3B, 15.10; Linux powercap), NVML (nvmlDeviceGetTotalEnergyConsumption)",
        options=EnergyOptions,
        run="harness_timed.energy:run",
        seconds="harness_timed.options:asked_seconds",
        scope="architecture",
        exclusive=True,
        axes=(*shown.PASS, Axis(name="meter")),
        shows=shown.ENERGY,
    )
    yield Measure(
        name="flops",
        takes=ALL,
        problems=ALL,
        summary="FLOPs of an example, forward and backward, and parameters, by type of module",
        source="torch.utils.flop_counter",
        options=FlopsOptions,
        run="harness_timed.flops:run",
        scope="architecture",
        distributions=("torch",),
        axes=(Axis(name="module_type", title="type"),),
        shows=shown.FLOPS,
    )

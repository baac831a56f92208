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
    TreeLatencyOptions,
)

ALL = ("*",)  # problems and modalities: what a pass takes does not depend on what it is about

CALLS = ("harness_cpu", "latency_variation", "out_of_memory")  # beside percentiles
MEMORY = (
    "buffer_memory",
    "gradient_memory",
    "largest_batch",
    "optimizer_memory",
    "out_of_memory",
    "parameter_memory",
    *(
        f"{prefix}{name}_memory"
        for prefix in ("", "training_")
        for name in ("peak", "process", "reserved", "tensor_peak")
    ),
    "training_memory",
)


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
        yields=(*CALLS, "knee_batch_size", "largest_batch_size"),
        charts=shown.THROUGHPUT_CHARTS,
        checked_with={"seconds": 0.02},
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
        yields=("harness_cpu", "out_of_memory"),
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
        yields=CALLS,
        checked_with={"seconds": 0.02},
    )
    yield Measure(
        name="tree_latency",
        takes=("table",),
        problems=("classification", "regression"),
        summary="how long scikit-learn's boosted trees take for an answer: a row beside the models'",
        source="Ke et al. 2017 (LightGBM), as in scikit-learn's HistGradientBoosting*",
        options=TreeLatencyOptions,
        run="harness_timed.tree_latency:run",
        seconds="harness_timed.options:asked_seconds",
        scope="data",
        exclusive=True,
        timed=True,
        axes=(Axis(name="architecture"), *shown.PASS),
        shows=shown.LATENCY,
        yields=CALLS,
        checked_with={"seconds": 0.02},
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
        yields=(
            "harness_cpu",
            "out_of_memory",
            "training_step_seconds",
            "training_step_share",
            "training_variation",
        ),
        charts=shown.TRAINING_CHARTS,
        checked_with={"seconds": 0.02},
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
        problems=("next_token", "sequence_to_sequence"),
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
        yields=("harness_cpu",),
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
        yields=MEMORY,
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
        yields=("energy_per_example_above_idle", "idle_power", "out_of_memory", "power"),
    )
    yield Measure(
        name="flops",
        takes=ALL,
        problems=ALL,
        summary="FLOPs of an example, forward and backward, and parameters, by type of module",
        source="torch.utils.flop_counter",
        options=FlopsOptions,
        run="harness_timed.flops:run",
        shares_process=True,
        scope="architecture",
        distributions=("torch",),
        axes=(Axis(name="module_type", title="type"),),
        shows=shown.FLOPS,
        charts=shown.FLOPS_CHARTS,
        yields=(
            "backward_flops",
            "module_backward_flops",
            "module_flops",
            "module_parameters",
            "trainable_parameters",
        ),
    )

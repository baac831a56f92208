"""What the measures of speed and size yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Shown
from harness.api.declaring import Scatter, Tradeoff, Verdict

BATCH_SIZE = Axis(name="batch_size", title="batch", options=("batch_sizes",))
PASS = (  # how a pass is run: what all its figures hold for
    BATCH_SIZE,
    Axis(name="threads", setting=True),
    *(
        Axis(name=name)
        for name in ("precision", "memory_format", "backend", "optimizer", "part", "limit")
    ),
)
SIZES = (
    BATCH_SIZE,
    Axis(name="threads", setting=True),
    Axis(name="part"),
    Axis(name="mode"),
    Axis(name="bytes", title="memory", text="memory"),
)
SCALE = (Axis(name="devices"), BATCH_SIZE)
TAIL_NOISE = 0.25  # of the logarithm, from one run to the next: tests/evidence/README.md


def _percentile(percent: int) -> Shown:
    """Return a latency that has no column, as comparisons and gates know it."""
    return Shown(
        metric=f"latency_p{percent}",
        title=f"p{percent} latency",
        better="lower",
        noise=TAIL_NOISE if percent > 90 else None,
        column=False,
    )


def _parts_of_roofline(measure: str) -> tuple[Shown, ...]:
    """Return the metrics of a roofline plot, in words."""
    return (
        Shown(
            metric=f"{measure}_share_of_ceiling",
            title="share of the ceiling",
            better="higher",
            column=False,
        ),
        Shown(metric="achieved_flops", title="rate", better="higher", column=False),
        Shown(metric="matrix_ceiling", title="matrix rate", column=False),
        Shown(metric="bandwidth_ceiling", title="bandwidth", column=False),
    )


def _roofline(measure: str, of: str) -> Scatter:
    """Return the roofline plot: how near each model comes to what the machine reaches at most.

    After Williams, Waterman and Patterson 2009: FLOP/s against FLOPs per byte moved, both on a logarithmic
    axis; the roof rises with the memory's bandwidth until it meets the matrix rate.
    """
    return Scatter(
        title=f"Roofline of {of}",
        caption="The line is the most that the machine reaches, by its memory's bandwidth on the "
        "slope and its matrix rate where it is flat: the nearer a model lies to it, the more of the "
        "machine it uses; over the slope, its tensors stay in a cache.",
        x="arithmetic_intensity",
        y="achieved_flops",
        log=("x", "y"),
        tells=(f"{measure}_share_of_ceiling",),
        ceiling=("matrix_ceiling", "bandwidth_ceiling"),
    )


THROUGHPUT = (
    Shown(
        metric="throughput",
        key="throughput",
        title="throughput, batch {batch_size}",
        better="higher",
        meaning="Examples a second of inference, from the median of timed calls.",
        pick=("batch_size", "largest"),
        verdict=Verdict(
            words="Fastest of these",
            figure="{:,.0f} a second",
            of_contenders=True,
            tied="may be as fast",
        ),
    ),
    Shown(
        metric="latency_p99",
        key="latency",
        title="p99 latency, batch {batch_size}",
        better="lower",
        meaning="99 of 100 calls are answered within this time.",
        pick=("batch_size", "smallest"),
        noise=TAIL_NOISE,
    ),
    *(_percentile(percent) for percent in (10, 50, 90, 95)),
    *_parts_of_roofline("throughput"),
)
THROUGHPUT_CHARTS = (
    Tradeoff(
        title="{y} against throughput",
        caption="Bars are 95 % intervals in both directions; the dashed step is the Pareto front: "
        "nothing that was measured is both better and faster.",
        x="throughput",
        log=("x",),
    ),
    _roofline("throughput", "inference"),
)
ANSWER_THROUGHPUT = tuple(
    Shown(
        metric=metric,
        key=metric,
        title=f"{title}, batch {{batch_size}}",
        better="higher",
        meaning=meaning,
        pick=("batch_size", "largest"),
    )
    for metric, title, meaning in (
        ("output_throughput", "outputs", "Examples a second of the trained model alone."),
        (
            "answer_throughput",
            "answers",
            "Examples a second of the trained model and of what makes answers of its outputs, such as the suppression of boxes.",
        ),
    )
)
LATENCY = (
    Shown(
        metric="latency_p50",
        key="median_latency",
        title="median latency, batch {batch_size}",
        better="lower",
        meaning="Half of the calls are answered within this time.",
        pick=("batch_size", "smallest"),
    ),
    *(_percentile(percent) for percent in (10, 90, 95, 99)),
)
TRAINING_THROUGHPUT = (
    Shown(
        metric="training_throughput",
        key="training_throughput",
        title="training, batch {batch_size}",
        better="higher",
        meaning="Examples a second of training, from the median time of a step.",
        pick=("batch_size", "largest"),
    ),
    Shown(
        metric="loading_throughput",
        title="loading, batch {batch_size}",
        meaning="Examples a second that come ready from the prepared data, without a model.",
        pick=("batch_size", "largest"),
    ),
    *_parts_of_roofline("training_throughput"),
)
TRAINING_CHARTS = (_roofline("training_throughput", "training"),)
SCALING = (
    Shown(
        metric="scaling_throughput",
        key="scaling_throughput",
        title="training, devices {devices}, batch {batch_size}",
        better="higher",
        meaning="Examples a second of training on so many devices together, from the median time of a step.",
        pick=("devices", "largest"),
    ),
    Shown(
        metric="scaling_efficiency",
        key="scaling_efficiency",
        title="efficiency, devices {devices}, batch {batch_size}",
        better="higher",
        meaning="Examples a second of each device, over those of one that trains alone.",
        pick=("devices", "largest"),
    ),
    Shown(
        metric="communication_share",
        key="communication_share",
        title="communication, devices {devices}, batch {batch_size}",
        better="lower",
        meaning="Share of a step by which averaging gradients over the devices lengthens it.",
        pick=("devices", "largest"),
    ),
)
SCALING_CHARTS = (
    Curve(
        title="Throughput of training by devices",
        caption="Twice the devices with twice the throughput is all that can be had.",
        x="devices",
        y="scaling_throughput",
        y_title="throughput",
    ),
    Curve(
        title="Efficiency of training by devices",
        caption="Each device's throughput over that of one alone, 1 where nothing is lost.",
        x="devices",
        y="scaling_efficiency",
        y_title="efficiency",
    ),
)
WRITING = (
    Axis(name="tokens", title="tokens written", options=("tokens",)),
    Axis(name="cache"),
    Axis(name="threads", setting=True),
    Axis(name="precision"),
)
GENERATION = (
    *(
        Shown(
            metric="tokens_per_second",
            title="tokens/s, {tokens} tokens, {cache} cache",
            better="higher",
            meaning=meaning,
            where={"cache": cache},
            pick=("tokens", "largest"),
            optional=cache == "with",
        )
        for cache, meaning in (
            (
                "with",
                "Tokens a second that are written one by one, each in a pass over itself and what is kept of those before.",
            ),
            (
                "without",
                "Tokens a second that are written one by one, each in a pass over all before it.",
            ),
        )
    ),
    Shown(
        metric="cache_speedup",
        title="cache, {tokens} tokens",
        better="higher",
        meaning="How many times as fast tokens are written with the cache as without, both in turns.",
        pick=("tokens", "largest"),
        optional=True,
    ),
)
GENERATION_CHARTS = (
    Curve(
        title="What a cache gains by how many tokens are written",
        caption="Without a cache each token costs a pass over all before it, so the longer a text, the more is gained.",
        x="tokens",
        y="cache_speedup",
        y_title="times as fast",
    ),
)
GRADIENT = (BATCH_SIZE, Axis(name="way"), Axis(name="threads", setting=True))
BACKWARD_COST = (
    Shown(
        metric="backward_over_forward",
        title="backward/forward, batch {batch_size}",
        meaning="Time of the backward pass over that of the forward pass before it.",
        pick=("batch_size", "largest"),
    ),
    *(
        Shown(
            metric="gradient_cost",
            key=f"gradient_cost_{way}",
            title=f"gradient by {way}, batch {{batch_size}}",
            better="lower",
            meaning=meaning,
            where={"way": way},
            pick=("batch_size", "largest"),
            optional=way == "forward mode",
        )
        for way, meaning in (
            (
                "reverse mode",
                "What the gradient in all parameters costs by backpropagation, in forward passes.",
            ),
            ("forward mode", "The same by a Jacobian-vector product for each parameter."),
            ("differences", "The same by a forward pass for each parameter, moved a little."),
        )
    ),
    Shown(  # of all ways, in a chart
        metric="gradient_cost",
        title="cost of the gradient in forward passes",
        better="lower",
        column=False,
    ),
    Shown(
        metric="gradient_parameters",
        title="parameters",
        meaning="Trainable parameters, in which the gradient is.",
        column=False,
    ),
    Shown(
        metric="gradient_error",
        title="error of the gradient",
        better="lower",
        meaning="How far slopes are from those of backpropagation, relative to these.",
        column=False,
        optional=True,
    ),
)
BACKWARD_COST_CHARTS = (
    Scatter(
        title="What a gradient costs by the number of parameters",
        caption="In forward passes. Backpropagation costs the same few for any number of parameters; the other ways take a pass for each.",
        x="gradient_parameters",
        y="gradient_cost",
        log=("x", "y"),
        tells=("gradient_error",),
        joined=True,
    ),
)
MEMORY = (
    Shown(
        metric="peak_memory",
        key="peak_memory",
        title="peak memory, batch {batch_size}",
        better="lower",
        meaning="Rise of memory in a forward pass, over the loaded model and its inputs.",
        pick=("batch_size", "largest"),
    ),
)
ENERGY = (
    Shown(
        metric="energy_per_example",
        key="energy",
        title="energy, batch {batch_size}",
        better="lower",
        meaning="Joules an example of inference, of the whole package or board.",
        pick=("batch_size", "largest"),
    ),
)
FLOPS = (
    Shown(
        metric="parameters",
        key="parameters",
        title="parameters",
        better="lower",
        meaning="Number of parameters of the network.",
        verdict=Verdict(words="Smallest of these", figure="{:,.0f} parameters", of_contenders=True),
    ),
    Shown(
        metric="flops",
        key="flops",
        title="FLOPs",
        better="lower",
        meaning="Floating-point operations of one example, 2 for a multiply-add.",
    ),
)
FLOPS_CHARTS = (
    Tradeoff(
        title="{y} against FLOPs",
        caption="Of one example. The line joins the models that no other beats with as few.",
        x="flops",
        log=("x",),
    ),
)

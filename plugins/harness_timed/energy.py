"""How much energy inference takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from harness.api import MeasureContext, Metric
from harness.api.measuring import Meter, median_metric, open_meter, synchroniser
from harness_timed.backends import describe_setting, inference, ready_call, save_comparison
from harness_timed.batch_search import each_that_fits
from harness_timed.inputs import take_batch
from harness_timed.options import EnergyOptions

BLOCKS = 8  # of a series; six are the least for an interval of the median
WARM_UP_SHARE = 0.2  # of the timed seconds

TimedBlock = tuple[float, float, int]  # seconds, joules, calls


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield joules an example, and the power meanwhile and before, for each batch size.

    `energy_per_example`, J, is the median over eight blocks of calls, with its interval;
    `energy_per_example_above_idle` is what is left after `idle_power`, W, is taken off, which is measured first,
    with the model loaded and nothing running. `power` is the mean over all blocks. The counters see
    the whole package (RAPL, with its memory) or the whole board (NVML). The blocks' seconds, joules and calls are
    kept in samples.npz.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.

    Raises:
        NotApplicable: The machine has no meter for the device, or it may not be read.
    """
    options = context.options
    assert isinstance(options, EnergyOptions)
    meter = open_meter(str(context.device))
    where = {**describe_setting(context, options), "meter": meter.says}
    wait = synchroniser(context.device)
    kept: dict[int, list[TimedBlock]] = {}

    with meter:
        wait()
        idle = _idle_power(meter, options.idle_seconds)

        def measure(batch_size: int) -> Iterator[Metric]:
            inputs = take_batch(context, batch_size)
            with inference(context, options) as autocast:
                call = ready_call(context, options, inputs, autocast)
                _block(call, wait, meter, WARM_UP_SHARE * options.seconds)
                seconds = options.seconds / BLOCKS
                kept[batch_size] = [_block(call, wait, meter, seconds) for _ in range(BLOCKS)]
            yield from _figures(kept[batch_size], idle, {"batch_size": batch_size, **where})

        yield from each_that_fits(options.batch_sizes, measure, where)
    save_comparison(context, options)
    yield Metric(name="idle_power", value=idle, unit="W", n=1, where=where)
    arrays = {f"batch_{size}": np.array(blocks) for size, blocks in kept.items()}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def _idle_power(meter: Meter, seconds: float) -> float:
    """Return watts while nothing is done."""
    start, before = time.perf_counter(), meter.joules()
    time.sleep(seconds)
    return (meter.joules() - before) / (time.perf_counter() - start)


def _block(
    call: Callable[[], object], wait: Callable[[], None], meter: Meter, seconds: float
) -> TimedBlock:
    """Call for so many seconds, and read the meter before and after."""
    calls, before, start = 0, meter.joules(), time.perf_counter()
    while True:
        call()
        calls += 1
        wait()
        if time.perf_counter() - start >= seconds:
            break
    joules = meter.joules() - before
    return time.perf_counter() - start, joules, calls


def _figures(blocks: list[TimedBlock], idle: float, where: dict[str, object]) -> Iterator[Metric]:
    size = where["batch_size"]
    assert isinstance(size, int)
    whole = [joules / (calls * size) for _, joules, calls in blocks]
    above = [(joules - idle * seconds) / (calls * size) for seconds, joules, calls in blocks]
    for name, values in (("energy_per_example", whole), ("energy_per_example_above_idle", above)):
        yield median_metric(name, values, "J", where)
    seconds, joules, _ = (sum(column) for column in zip(*blocks, strict=True))
    yield Metric(name="power", value=joules / seconds, unit="W", n=BLOCKS, where=where)

"""How long a call takes: warm up until steady, keep every sample, say how sure the median is.

Intervals of quantiles take the samples as independent (see `quantiles`); slow drift makes them too
narrow, which is why a drifting series is flagged.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.machine import load
from harness.measure import alternation
from harness.measure.quantiles import median_interval, quantile, quantile_interval

if TYPE_CHECKING:
    import torch

WARM_UP_WINDOW = 5  # calls; two windows are compared
WARM_UP_TOLERANCE = 0.05  # of the median, between two windows
WARM_UP_SHARE = 0.5  # of the time budget, at most
DRIFT_TOLERANCE = 0.10  # of the median, between the two halves of a series
STEAL_TOLERANCE = 0.02  # of the machine's CPU time
FOREIGN_TOLERANCE = 0.15  # cores; some daemon always runs
MAXIMUM_SAMPLES = 100_000


def is_steady(samples: Sequence[float]) -> bool:
    """Whether the last window of calls is as fast as the one before it, within 5 % of the median.

    Medians of windows of `WARM_UP_WINDOW` calls are compared, so that one slow call decides nothing.
    """
    if len(samples) < 2 * WARM_UP_WINDOW:
        return False
    last = statistics.median(samples[-WARM_UP_WINDOW:])
    before = statistics.median(samples[-2 * WARM_UP_WINDOW : -WARM_UP_WINDOW])
    return abs(last - before) <= WARM_UP_TOLERANCE * before


def describe_drift(samples: Sequence[float]) -> str:
    """Say in words how the second half of a series differs from the first; "" where it does not.

    A drift is a difference of the halves' medians of more than 10 %, with intervals of the medians
    (at 99 %) that do not meet.
    """
    half = len(samples) // 2
    early, late = samples[:half], samples[half:]
    early_interval, late_interval = median_interval(early, 0.99), median_interval(late, 0.99)
    if early_interval is None or late_interval is None:
        return ""
    change = statistics.median(late) / max(statistics.median(early), 1e-12) - 1.0
    if abs(change) <= DRIFT_TOLERANCE:
        return ""
    if late_interval[0] > early_interval[1]:
        return (
            f"drift: {change:.0%} slower in the second half (throttled, or the machine was shared)"
        )
    if late_interval[1] < early_interval[0]:
        return f"drift: {-change:.0%} faster in the second half (the warm-up was too short)"
    return ""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A timed series.

    samples: seconds a call, in the order of measurement, one for each timed block.
    calls_per_block: calls between two readings of the clock; a sample is their mean.
    warm_up_calls: calls before the first sample. steady: whether the warm-up ended because calls
        had become as fast as they get, and not because its time was over.
    drift: words, "" where the series is level.
    steal: share of the machine's CPU time that was stolen meanwhile; None where unknown.
    foreign: cores that other processes kept busy meanwhile; None where unknown.
    harness_cores: cores that the harness's own other processes kept busy; None where unknown.
    gpu: what a GPU's driver says against the figures, in words.
    """

    samples: tuple[float, ...]
    calls_per_block: int
    warm_up_calls: int
    steady: bool
    drift: str
    steal: float | None
    foreign: float | None = None
    harness_cores: float | None = None
    gpu: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """Seconds a call."""
        return quantile(self.samples, 0.5)

    @property
    def interval(self) -> tuple[float, float] | None:
        """A 95 % interval of the median; None below 6 samples."""
        return median_interval(self.samples)

    def percentile(self, percent: float) -> float:
        """Return seconds a call that `percent` of the calls do not exceed: 10, 50, 90, 99 ..."""
        return quantile(self.samples, percent / 100.0)

    def percentile_interval(self, percent: float) -> tuple[float, float] | None:
        """Return a 95 % interval of a percentile; None where samples are too few to tell."""
        return quantile_interval(self.samples, percent / 100.0)

    @property
    def variation(self) -> float:
        """The coefficient of variation: standard deviation over mean; 0 for a single sample."""
        if len(self.samples) < 2:
            return 0.0
        return statistics.stdev(self.samples) / max(statistics.fmean(self.samples), 1e-12)

    @property
    def flags(self) -> tuple[str, ...]:
        """What a reader should know before trusting the figures, in words."""
        words = [self.drift] if self.drift else []
        if not self.steady:
            words.append("not steady: the warm-up ran out of time")
        if self.steal is not None and self.steal > STEAL_TOLERANCE:
            words.append(f"steal: {self.steal:.0%} of the CPU time went to other machines")
        if self.foreign is not None and self.foreign > FOREIGN_TOLERANCE:
            words.append(f"shared: other processes kept {self.foreign:.1f} cores busy")
        return (*words, *self.gpu)


def synchroniser(device: torch.device | str) -> Callable[[], None]:
    """Return a function that waits until `device` has done all that was asked of it."""
    kind = str(device).partition(":")[0]
    if kind == "cpu":
        return lambda: None
    import torch

    if kind == "cuda":
        return lambda: torch.cuda.synchronize(device)
    return getattr(torch, kind).synchronize  # type: ignore[no-any-return]


def time_calls(
    run: Callable[[], object],
    *,
    seconds: float = 1.0,
    minimum_samples: int = 7,
    calls_per_block: int = 1,
    series: str = "",
    device: torch.device | str = "cpu",
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Time `run` for about `seconds`, after warming up until it is steady.

    The warm-up ends as soon as `is_steady` holds, or when it has taken half of `seconds`; it makes
    at least one call. Then blocks are timed until `seconds` are over, though never fewer than
    `minimum_samples`, so a slow call overruns the budget. The device is synchronised on both sides
    of a block. The garbage collector is off meanwhile and is left as it was found.

    Where this process is one of two that take turns (`harness.measure.alternation`), the samples are those of
    its turns, however long they take.

    run: its return value is dropped. clock: seconds, monotonic. series: its name, where turns are kept.
    device: where it computes; a GPU's driver is asked whether it throttled or was shared.

    Raises:
        ValueError: `seconds` is not positive, or `minimum_samples` or `calls_per_block` is below 1.
    """
    if seconds <= 0 or minimum_samples < 1 or calls_per_block < 1:
        raise ValueError("seconds must be positive; minimum_samples and calls_per_block at least 1")

    def block(calls: int) -> float:
        synchronise()
        start = clock()
        for _ in range(calls):
            run()
        synchronise()
        return (clock() - start) / calls

    collected = gc.isenabled()
    gc.collect()
    gc.disable()
    if alternation.current is not None:
        alternation.current.wait()
    try:
        warm_up, samples = [block(1)], list[float]()
        steady, spent = False, warm_up[0]
        while not steady and spent < WARM_UP_SHARE * seconds:
            warm_up.append(block(1))
            spent += warm_up[-1]
            steady = is_steady(warm_up)
        if alternation.current is not None:
            alternation.current.pass_on()
        before, spent = load.read(device), 0.0
        if alternation.current is not None:
            samples = alternation.current.sample(
                series, lambda: block(calls_per_block), calls_per_block
            )
        while len(samples) < minimum_samples or (
            alternation.current is None and spent < seconds and len(samples) < MAXIMUM_SAMPLES
        ):
            samples.append(block(calls_per_block))
            spent += samples[-1] * calls_per_block
        meanwhile = load.between(before, load.read(device))
    except BaseException:  # the other side would wait for ever, where the caller goes on
        if alternation.current is not None:
            alternation.current.pass_on()
        raise
    finally:
        if collected:
            gc.enable()
    return Timing(
        samples=tuple(samples),
        calls_per_block=calls_per_block,
        warm_up_calls=len(warm_up),
        steady=steady,
        drift=describe_drift(samples),
        steal=meanwhile.steal,
        foreign=meanwhile.foreign,
        harness_cores=meanwhile.harness,
        gpu=meanwhile.gpu,
    )

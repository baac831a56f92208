"""How many tokens a second a model writes, with a cache of what it has read and without."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import Finding, MeasureContext, Metric
from harness.api.measuring import (
    LeftOut,
    Timing,
    mark_doubtful,
    median_metric,
    precise,
    synchroniser,
    time_calls,
)
from harness_timed.backends import describe_setting
from harness_timed.inputs import take_batch
from harness_timed.options import GenerationOptions
from harness_timed.timed import flagged, harness_cpu, rate

# Of a task's details: how many steps of an example are given and not written.
SOURCE_STEPS = "source_steps"
WITH, WITHOUT = "with", "without"
FLAG = "the cache changes what is written"

# Tokens (batch, given) and how many to write -> (batch, so many).
Writer = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class TimedTurns:
    """What was timed of a number of tokens: the calls, in turns, and what makes them doubtful as a whole."""

    whole: Timing
    of: dict[str, Timing]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the tokens a second of greedy generation by how many are written, and the factor of a cache.

    An example at a time, from its first token on, of data with a source from the first after that. Without a cache each token takes a pass over all before it; with
    one (`forward_from` of the network: keys and values of attention, states of a recurrence) a pass over itself. Both write
    in turns; `cache_speedup` is the median of the ratios of the turns' times, with a distribution-free interval. Networks
    without `forward_from` write without a cache alone, and those that take no part of an example are given a whole one,
    filled up behind. That both write the same tokens is checked each time; where they do not is a finding.
    """
    options = context.options
    assert isinstance(options, GenerationOptions)
    where = describe_setting(context, options)
    window = context.task.input_shape[0]
    source = int(context.task.details.get(SOURCE_STEPS, 0))
    start = take_batch(context, 1)[:, : source + 1]
    found: dict[int, TimedTurns] = {}
    findings: list[Finding] = []
    with precise(context, options.precision) as autocast, torch.inference_mode(), autocast():
        writers = _writers(context.model, start, window)
        for tokens in _lengths(options, window - source):
            findings += _compare(writers, start, tokens)
            found[tokens] = _time(context, writers, start, tokens, options.seconds)
    context.save_findings(findings)
    metrics = [
        metric
        for tokens, series in found.items()
        for metric in _describe(series, {"tokens": tokens, **where})
    ]
    yield from mark_doubtful(metrics, findings)
    yield from harness_cpu(series.whole for series in found.values())
    arrays = {
        f"{cache}_{tokens}": np.array(timing.samples)
        for tokens, series in found.items()
        for cache, timing in series.of.items()
    }
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def _lengths(options: GenerationOptions, window: int) -> list[int]:
    """Return how many tokens are written: what was asked for, as far as the model's window goes."""
    if options.tokens is None:
        return sorted({max(1, window // part) for part in (4, 2, 1)})
    fitting = [tokens for tokens in options.tokens if tokens <= window]
    beyond = [str(tokens) for tokens in options.tokens if tokens > window]
    if beyond:
        words = f"{', '.join(beyond)} tokens: the model's window has room for {window}"
        if not fitting:
            fitting = [window]
            words += ", which is taken instead"
        warnings.warn(words, LeftOut, stacklevel=2)
    return fitting


def _describe(series: TimedTurns, where: Mapping[str, object]) -> Iterator[Metric]:
    """Yield the tokens a second of each writer, and the factor of the cache."""
    tokens = int(str(where["tokens"]))
    held = flagged(where, series.whole)
    for cache, timing in series.of.items():
        yield rate(
            "tokens_per_second", tokens, timing, {**held, "cache": cache}, f"{cache}_{tokens}"
        )
    if WITH in series.of:
        pairs = zip(series.of[WITHOUT].samples, series.of[WITH].samples, strict=True)
        ratios = [slow / fast for slow, fast in pairs]
        yield median_metric("cache_speedup", ratios, "ratio", held)


def _writers(model: nn.Module, start: Tensor, window: int) -> dict[str, Writer]:
    """Return how the model writes: without a cache, and with one where it has one."""
    goes_on = getattr(model, "forward_from", None)
    writers = {WITHOUT: _whole_passes(model, None if _takes_part(model, start) else window)}
    if goes_on is not None:
        writers[WITH] = _from_states(goes_on)
    return writers


def _takes_part(model: nn.Module, start: Tensor) -> bool:
    """Whether the model answers for fewer tokens than an example has."""
    try:
        return bool(model(start).shape[:2] == start.shape)
    except Exception:  # whatever a network raises for a size that it was not built for
        return False


def _whole_passes(model: nn.Module, window: int | None) -> Writer:
    """Return a writer that passes over all tokens for each; window: of a model that takes whole examples alone."""

    def write(start: Tensor, count: int) -> Tensor:
        first = start.shape[1]
        tokens = start.new_zeros((len(start), window or first + count))
        tokens[:, :first] = start
        for place in range(first - 1, first - 1 + count):
            given = tokens if window else tokens[:, : place + 1]
            answer = model(given)[:, place].argmax(1)
            if place + 1 < tokens.shape[1]:
                tokens[:, place + 1] = answer
        return torch.cat([tokens[:, first : place + 1], answer[:, None]], 1)

    return write


def _from_states(goes_on: Callable[[Tensor, object], tuple[Tensor, object]]) -> Writer:
    """Return a writer that passes over each token once."""

    def write(start: Tensor, count: int) -> Tensor:
        state: object = None
        written, token = [], start
        for _ in range(count):
            logits, state = goes_on(token, state)
            token = logits[:, -1:].argmax(2)
            written.append(token)
        return torch.cat(written, 1)

    return write


def _compare(writers: dict[str, Writer], start: Tensor, count: int) -> list[Finding]:
    """Return a finding where the cache changes what is written."""
    if WITH not in writers:
        return []
    without, cached = (writers[name](start, count)[0].tolist() for name in (WITHOUT, WITH))
    if without == cached:
        return []
    first = next(place for place in range(count) if without[place] != cached[place])
    return [
        Finding(
            code="cache-differs",
            sentence=f"Of {count} tokens that are written with the cache, number {first + 1} is the first that is not the one "
            f"written without: {cached[first]} in place of {without[first]}.",
            advice="See that `forward_from` answers as one pass over all tokens does, positions and masks included "
            "(`harness plugin check`); in low precision near ties may fall either way.",
            numbers={"first": first + 1},
            flag=FLAG,
            where={"tokens": count},
        )
    ]


def _time(
    context: MeasureContext,
    writers: dict[str, Writer],
    start: Tensor,
    count: int,
    seconds: float,
) -> TimedTurns:
    """Time all writers in turns."""
    wait = synchroniser(context.device)
    kept: dict[str, list[float]] = {name: [] for name in writers}

    def turn() -> None:
        for name, write in writers.items():
            began = time.perf_counter()
            write(start, count)
            wait()
            kept[name].append(time.perf_counter() - began)

    whole = time_calls(
        turn,
        seconds=seconds,
        series=f"{count} tokens",
        device=context.device,
        synchronise=wait,
    )
    timed = len(whole.samples)  # those of the warm-up come before
    return TimedTurns(
        whole,
        {name: replace(whole, samples=tuple(samples[-timed:])) for name, samples in kept.items()},
    )

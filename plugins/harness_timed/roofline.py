"""A throughput as a share of what the machine could reach at most, by the roofline model.

Williams, Waterman and Patterson 2009, "Roofline: an insightful visual performance model": a pass of
F FLOPs that moves B bytes has the arithmetic intensity I = F / B, and runs at min(P, W x I) FLOP/s at
most, on a machine whose matrix rate is P and whose memory bandwidth is W.

P and W are measured (`harness doctor --measure`), on the device, in the precision and with the threads
of the job. F is counted (`count_flops`; in training the forward and the backward pass). B is a model
(`count_traffic`): each operator reads its inputs from memory and writes its outputs to it. Caches and
fused operators (torch.compile, onnxruntime) move less than that, so where W x I is the lower roof, a
network whose tensors fit into a cache may exceed it, and the share is then above 1. That is not cut
off: such a pass is not bound by memory. P itself nothing exceeds but noise: where the whole interval of a
rate is above P, P was measured on a busy machine, and the share is marked.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import LeftOut, count_flops, read_ceilings
from harness_timed.options import TimedOptions

TOO_LOW = "over the machine's matrix rate: measure that anew while nothing else runs (harness doctor --measure)"


@dataclass(frozen=True)
class Roof:
    """matrix: FLOP/s. bandwidth: bytes/s, read and written."""

    matrix: float
    bandwidth: float

    def at(self, intensity: float) -> float:
        """Return the FLOP/s at an arithmetic intensity in FLOP/byte."""
        return min(self.matrix, self.bandwidth * intensity)


def shares_of_ceiling(
    context: MeasureContext,
    options: TimedOptions,
    speeds: Mapping[int, Metric],
    traffic: Callable[[int], int],
    *,
    backward: bool = False,
) -> Iterator[Metric]:
    """Yield for each batch size the share of the ceiling that a throughput is, and what it is made of.

    `<name>_share_of_ceiling` is a ratio, which a cache may lift above 1; its interval is that of the
    throughput, scaled: the ceiling is taken as exact. `achieved_flops` is in FLOP/s, `arithmetic_intensity` in FLOP/byte;
    `matrix_ceiling` (FLOP/s) and `bandwidth_ceiling` (B/s) are those it was held against. Nothing is
    yielded where this machine's ceilings are not known, or the model has no FLOPs that can be
    counted; where its traffic cannot be, a warning says so.

    Call it when all is timed: it takes time of its own.

    speeds: throughputs, 1/s, by batch size. traffic(batch size) -> bytes of a timed call; it may raise
    NotApplicable. backward: the call is a step of training.
    """
    roof = find_roof(context, options)
    if roof is None or not speeds:
        return
    try:
        flops, flag = _flops_of_example(context, backward)
    except (RuntimeError, NotImplementedError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        warnings.warn(f"shares of the ceiling are left out: {first_line}", LeftOut, stacklevel=1)
        return
    for batch_size, speed in speeds.items():
        try:
            moved = traffic(batch_size)
        except NotApplicable as reason:
            warnings.warn(f"shares of the ceiling are left out: {reason}", LeftOut, stacklevel=1)
            return
        if flops and moved:
            yield from _compare(speed, flops, flops * batch_size / moved, roof, flag)


def find_roof(context: MeasureContext, options: TimedOptions) -> Roof | None:
    """Return the roof of the job's device, precision and threads; None where it was not measured.

    In fp32 on CUDA torch lets convolutions use TF32 unless it is told otherwise; the roof is then
    that of TF32.
    """
    ceilings = read_ceilings(str(context.device))
    if ceilings is None:
        return None
    precision = context.precision if options.precision == "suite" else options.precision
    if context.device.type == "cuda" and (options.precision, precision) == ("suite", "fp32"):
        convolutions = torch.backends.cudnn.conv.fp32_precision  # type: ignore[attr-defined]
        precision = "fp32" if convolutions == "ieee" else "tf32"
    matrix = ceilings.matrix(precision, context.threads)
    copy = ceilings.copy(context.threads)
    return Roof(matrix.value, copy.value) if matrix and copy else None


def _flops_of_example(context: MeasureContext, backward: bool) -> tuple[int, str]:
    """Return the FLOPs of an example, and in words what the count lacks."""
    shape, kind = context.task.input_shape, context.task.modality_item.input_type
    counts = [count_flops(context.model, shape, input_type=kind)]
    if backward:
        counts.append(count_flops(context.model, shape, backward=True, input_type=kind))
    notes = [note for count in counts for note in count.notes if note.startswith("not counted")]
    return sum(count.flops for count in counts), "; ".join(dict.fromkeys(notes))


def _compare(
    speed: Metric, flops: int, intensity: float, roof: Roof, flag: str
) -> Iterator[Metric]:
    where = dict(speed.where)
    if flag:
        where["flag"] = "; ".join(filter(None, (str(where.get("flag", "")), f"FLOPs {flag}")))

    achieved = (speed.value if speed.low is None else speed.low) * flops
    above = dict(where)
    if achieved > roof.matrix:
        above["flag"] = "; ".join(filter(None, (str(where.get("flag", "")), TOO_LOW)))

    def scaled(name: str, unit: str, factor: float, where: Mapping[str, Any] = where) -> Metric:
        return Metric(
            name=name,
            value=speed.value * factor,
            unit=unit,
            low=None if speed.low is None else speed.low * factor,
            high=None if speed.high is None else speed.high * factor,
            n=speed.n,
            where=dict(where),
        )

    yield scaled(f"{speed.name}_share_of_ceiling", "ratio", flops / roof.at(intensity), above)
    yield scaled("achieved_flops", "FLOP/s", flops)
    yield Metric(name="arithmetic_intensity", value=intensity, unit="FLOP/B", where=where)
    yield Metric(name="matrix_ceiling", value=roof.matrix, unit="FLOP/s", where=above)
    yield Metric(name="bandwidth_ceiling", value=roof.bandwidth, unit="B/s", where=where)

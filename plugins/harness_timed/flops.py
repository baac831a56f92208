"""How much arithmetic an example costs, and how many parameters there are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

from harness.api import MeasureContext, Metric
from harness.api.measuring import FlopCount, LeftOut, count_flops, count_parameters
from harness_timed.options import FlopsOptions


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the FLOPs of one example (2 x multiply-adds) and the numbers of parameters.

    `flops` is the forward pass, `backward_flops` the backward pass alone, as if every parameter
    were trained. `module_flops`, `module_backward_flops` and `module_parameters` split each by the
    type of the module (`where["module_type"]`). Each operator that could not be counted is named
    in `where["flag"]`; the count is then a lower bound and not marked exact.
    """
    options = context.options
    assert isinstance(options, FlopsOptions)
    shape, kind = context.task.input_shape, context.task.modality_item.input_type
    yield from _counted("flops", count_flops(context.model, shape, input_type=kind))
    if options.backward:
        try:
            count = count_flops(context.model, shape, backward=True, input_type=kind)
        except (RuntimeError, NotImplementedError) as error:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(f"backward_flops is left out: {first_line}", LeftOut, stacklevel=1)
        else:
            yield from _counted("backward_flops", count)
    parameters = count_parameters(context.model)
    yield Metric(name="parameters", value=parameters.total, unit="count", exact=True)
    yield Metric(name="trainable_parameters", value=parameters.trainable, unit="count", exact=True)
    yield from _split("module_parameters", parameters.by_module, "count", True)


def _counted(name: str, count: FlopCount) -> Iterator[Metric]:
    where = {"flag": "; ".join(count.notes)} if count.notes else {}
    whole = not any(note.startswith("not counted") for note in count.notes)
    yield Metric(name=name, value=count.flops, unit="FLOP", exact=whole, where=where)
    yield from _split(f"module_{name}", count.by_module, "FLOP", whole)


def _split(name: str, parts: Mapping[str, int], unit: str, exact: bool) -> Iterator[Metric]:
    for kind, value in sorted(parts.items()):
        yield Metric(name=name, value=value, unit=unit, exact=exact, where={"module_type": kind})

"""How much arithmetic an example costs, and how many parameters there are."""

from __future__ import annotations

from collections.abc import Iterator

from harness.api import MeasureContext, Metric, count_flops, count_parameters


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the FLOPs of one example (2 x multiply-adds) and the numbers of parameters.

    What torch's counter could not see stands as words in `where["flag"]`; the count is then a lower
    bound and not marked exact.
    """
    count = count_flops(context.model, context.task.input_shape)
    where = {"flag": "; ".join(count.notes)} if count.notes else {}
    missed = any(note.startswith("not counted") for note in count.notes)
    yield Metric(name="flops", value=count.flops, unit="FLOP", exact=not missed, where=where)
    parameters = count_parameters(context.model)
    yield Metric(name="parameters", value=parameters.total, unit="count", exact=True)
    yield Metric(name="trainable_parameters", value=parameters.trainable, unit="count", exact=True)

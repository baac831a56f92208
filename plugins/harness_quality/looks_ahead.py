"""Whether a model that is asked what comes next is told: its answers may depend on what comes before them alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from harness.api import Finding, MeasureContext

EXAMPLES = 16  # of the test split
TOLERANCE = 1e-3  # of the largest output; kernels of another order of sums differ by far less
FLAG = "answers depend on what comes later"


def find_looking_ahead(context: MeasureContext) -> Iterator[Finding]:
    """Yield a finding where other tokens in the second half of examples change the outputs of the first.

    Problems that ask for no answer for each prefix ``(batch, time, ...)`` have none.
    """
    if context.task.problem_item.answers_each != "prefix":
        return
    inputs, _, _ = next(iter(context.split("test").batches(EXAMPLES)))
    half = inputs.shape[1] // 2
    others = inputs.clone()
    others[:, half:] = (others[:, half:] + 1) % context.task.vocabulary
    with torch.no_grad(), context.autocast():
        before, after = (context.model(given)[:, :half].float() for given in (inputs, others))
    changed = float((before - after).abs().max())
    if not changed > TOLERANCE * max(1.0, float(before.abs().max())):  # nor where it is NaN
        return
    yield Finding(
        code="looks-ahead",
        sentence=f"The model is given the answers: other tokens in the second half of {len(inputs)} test examples change "
        f"its outputs for the first half, by up to {changed:.2g}.",
        advice="Mask what comes later (causal attention, a recurrence of one direction, convolutions padded on the left).",
        numbers={"changed": changed},
        flag=FLAG,
    )

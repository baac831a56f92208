"""What a model made of a function of one number: its answers over the range of the test inputs, and the test targets."""

from __future__ import annotations

import numpy as np
import torch

from harness.api import MeasureContext
from harness.api.measuring import GalleryExample, Pane, Sheet, Trace, significant
from harness_quality.evaluate import Regressed

POINTS = 401  # at equal distances


def fitted_curve(context: MeasureContext, found: Regressed) -> Sheet | None:
    """Return the curve of a regression on one number, over lines that join the test targets; else None.

    found: what the model said of the test examples, whose targets these are.
    """
    task = context.task
    if task.modality != "table" or task.input_shape != (1,):
        return None
    inputs, ids = [], []
    for batch, _, batch_ids in context.split("test").batches(4096):
        inputs.append(batch[:, 0].double().cpu().numpy())
        ids.append(batch_ids.cpu().numpy())
    x = np.concatenate(inputs)[np.argsort(np.concatenate(ids), kind="stable")]
    rising = np.argsort(x, kind="stable")
    low, high = x[rising[[0, -1]]]
    if not low < high or not found.finite.all():
        return None
    grid = np.linspace(low, high, POINTS)
    with torch.inference_mode(), context.autocast():
        points = torch.tensor(grid[:, None], dtype=torch.float32, device=context.device)
        answers = context.model(points).double().cpu().numpy()[:, 0]
    if not np.isfinite(answers).all():
        return None
    targets = np.interp(grid, x[rising], found.target[rising])
    unit = task.target_offset
    name = task.feature_names[0] if task.feature_names else "the feature"
    ends = (significant(float(end) + sum(task.offset), 3) for end in (low, high))
    return Sheet(
        title="The function that was learnt",
        examples=(
            GalleryExample(
                caption=f"{len(x):,} test examples",
                panes=(Pane(title="test targets, joined"), Pane(title="model")),
                traces=(
                    Trace(
                        title=f"over {name} from {' to '.join(ends)}".replace("-", "−"),
                        steps=POINTS,
                        lines={
                            "test targets, joined": tuple((targets + unit).tolist()),
                            "model": tuple((answers + unit).tolist()),
                        },
                    ),
                ),
            ),
        ),
    )

"""What measures of training yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Shown

FLOW_AXES = (Axis(name="epoch"), Axis(name="layer"))
FLOW = (
    *(
        Shown(
            metric=metric,
            title="gradient a layer, epoch {epoch}",
            meaning="What a layer multiplies the gradient by on its way back, the geometric mean over all: 1 keeps it.",
            pick=("epoch", "smallest"),
            optional=optional,
        )
        for metric, optional in (("gradient_gain", False), ("trained_gradient_gain", True))
    ),
    Shown(
        metric="largest_gradient_norm",
        title="largest gradient, epoch {epoch}",
        meaning="Largest L2 norm of the gradient of all parameters in a step of the epoch, before the recipe's techniques.",
        pick=("epoch", "smallest"),
        optional=True,
    ),
    *(
        Shown(metric=metric, title=title, meaning=meaning, optional=optional, column=False)
        for metric, title, meaning, optional in (
            (
                "gradient_ratio",
                "gradient of the first layer over the last",
                "Norm of the gradient that reaches the first layer over that at the last one's outputs.",
                False,
            ),
            (
                "gradient_norm",
                "gradient",
                "Root mean square over examples of the L2 norm of the loss's gradient at a layer's outputs.",
                False,
            ),
            (
                "activation_rms",
                "activations",
                "Root mean square of a layer's outputs.",
                False,
            ),
            (
                "step_gradient_norm",
                "gradient of a step",
                "Median over the steps of an epoch of the L2 norm of the gradient of all parameters.",
                True,
            ),
        )
    ),
)
FLOW_CHARTS = (
    Curve(
        title="Gradients through the layers",
        caption="The first layer is that next to the data; the gradient comes from the right. A level line learns in all its "
        "layers, one that falls to the left has vanishing gradients, one that rises to the left exploding ones.",
        panel=("epoch",),
        x="layer",
        y="gradient_norm",
        log=("y",),
    ),
    Curve(
        title="Activations through the layers",
        caption="A level line hands the signal on; where it falls, outputs depend on their input less and less.",
        panel=("epoch",),
        x="layer",
        y="activation_rms",
        log=("y",),
    ),
    Curve(
        title="Largest gradient of a step by epoch",
        caption="Of all parameters, before the recipe's techniques, such as clipping, are applied.",
        x="epoch",
        y="largest_gradient_norm",
        log=("y",),
    ),
)

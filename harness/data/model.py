"""A model in data space: whatever it needs in order to take the data is a stated first layer.

Inputs are in the data set's own range and outputs are logits (for regression: in target units), both less the
task's offset where it has one, so that attacks, shifts and epsilons mean the same for every architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.catalogue.kinds import Architecture, Chosen
from harness.catalogue.references import call
from harness.data.adapt import adapt_task
from harness.data.first_layers import TargetScale, first_layers
from harness.data.task import InputSpec, Task
from harness.errors import NotApplicable, PluginError


class DataSpaceModel(nn.Module):
    """The first layers, the network, and the way back to target units.

    build_anew: builds the model again, with the same random numbers; None where it is not known.
    """

    build_anew: Callable[[], DataSpaceModel] | None = None

    def __init__(self, first: Sequence[nn.Module], net: nn.Module, last: nn.Module) -> None:
        """Take the parts in their order."""
        super().__init__()
        self.first = nn.Sequential(*first)
        self.net = net
        self.last = last

    def forward(self, inputs: Tensor) -> Tensor:
        """Data space ``(batch, *input_shape)`` -> logits ``(batch, outputs)``."""
        outputs: Tensor = self.last(self.net(self.first(inputs)))
        return outputs

    def adaptations(self) -> list[str]:
        """Return the first layers in words, for the record."""
        return [f"{type(layer).__name__} {layer.extra_repr()}".strip() for layer in self.first]


def build_model(
    chosen: Chosen, task: Task, *, published: bool = False, load: bool = True
) -> DataSpaceModel:
    """Build an architecture for a task, with random (or published) weights, on the CPU.

    published: its fit starts from published weights, so it takes the input that they expect.
    load: whether they are loaded now; not where fitted ones take their place.

    Raises:
        NotApplicable: The data cannot be adapted to it.
        PluginError: It builds something that is no module.
    """
    item = chosen.item
    assert isinstance(item, Architecture)
    random_state = torch.get_rng_state()

    def build_anew() -> DataSpaceModel:
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(random_state)
            return build_model(chosen, task, published=published, load=False)

    seen = adapt_task(task, item.takes)
    options = chosen.model()
    extra = {} if item.options is not None else chosen.options
    given = {"options": options, "member": chosen.member, "published": published, **extra}
    spec: InputSpec = (
        InputSpec(seen.input_shape)
        if item.wants is None
        else call(item.wants, **{"task": seen, "pretrained": published, **given})
    )
    if seen.modality != "image" and tuple(spec.shape) != seen.input_shape:
        raise NotApplicable(
            f"{chosen.label} wants {seen.modality} data of the shape {tuple(spec.shape)}; "
            f"here it is {seen.input_shape}, and only images are resized"
        )
    seen = replace(seen, input_shape=tuple(spec.shape))
    net = call(
        item.build,
        **{
            "task": seen,
            "input_shape": seen.input_shape,
            "in_channels": seen.in_channels,
            "num_classes": task.outputs,
            "pretrained": published and load,
            **given,
        },
    )
    if not isinstance(net, nn.Module):
        raise PluginError(f"{chosen.label} built a {type(net).__name__}, not a torch.nn.Module")
    last = (
        TargetScale(task.target_mean, task.target_std, task.target_offset)
        if task.problem == "regression"
        else nn.Identity()
    )
    model = DataSpaceModel(first_layers(task, seen, spec), net, last)
    model.build_anew = build_anew
    return model


def check_output(label: str, task: Task, logits: object) -> Tensor:
    """Return a model's output, checked: a float tensor ``(batch, outputs)``.

    Raises:
        PluginError: It is something else; the message says what was wanted.
    """
    if not isinstance(logits, Tensor):
        raise PluginError(f"{label} returned a {type(logits).__name__}, not a tensor of logits")
    if logits.dim() != 2 or logits.shape[1] != task.outputs:
        raise PluginError(
            f"{label} returned the shape {tuple(logits.shape)}; wanted (batch, {task.outputs}): "
            "one logit for each class (regression: one number)"
        )
    if not logits.is_floating_point():
        raise PluginError(f"{label} returned {logits.dtype} values; logits are real numbers")
    return logits

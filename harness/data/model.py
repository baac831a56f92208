"""A model in data space: whatever it needs in order to take the data is a stated first layer.

Inputs are in the data set's own range and outputs are logits (real targets: in their unit), both less the
task's offset where it has one, so that attacks, shifts and epsilons mean the same for every architecture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.catalogue.own_class import is_own_class
from harness.catalogue.references import call, prepare
from harness.data.adapt import adapt_task
from harness.data.first_layers import TargetScale, first_layers
from harness.data.outputs import WrongOutput, take_logits
from harness.data.own_arguments import explain_failure
from harness.data.own_call import call_of
from harness.data.own_model import (
    auxiliary_weight,
    make_own,
    own_inputs,
    remarks_on,
    try_once,
    wanted_channels,
)
from harness.data.task import InputSpec, Task
from harness.errors import HarnessError, NotApplicable, PluginError

Continuation = Callable[[Tensor, Any], tuple[Tensor, Any]]


class DataSpaceModel(nn.Module):
    """The first layers, the network, and the way back to target units.

    build_anew: builds the model again, with the same random numbers; None where it is not known.
    remarks: what else is worth a record, in words.
    auxiliary: the weight of the loss of each auxiliary head in training; 0: they are not used.
    """

    build_anew: Callable[[], DataSpaceModel] | None = None
    remarks: tuple[str, ...] = ()
    auxiliary: float = 0.0

    def __init__(
        self,
        first: Sequence[nn.Module],
        net: nn.Module,
        last: nn.Module,
        origin: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        """Take the parts in their order; origin: of inputs in data space, what outputs are counted from."""
        super().__init__()
        self.origin = origin
        self.first = nn.Sequential(*first)
        self.net = net
        self.last = last
        self.call = call_of(net)

    def forward(self, inputs: Tensor) -> Tensor:
        """Data space ``(batch, *input_shape)`` -> logits ``(batch, outputs)``."""
        found = take_logits(self.call(self.net, self.first(inputs)))
        return self.answer(found, inputs) if isinstance(found, Tensor) else found

    def answer(self, output: Tensor, inputs: Tensor) -> Tensor:
        """Return what an output of the network is in the unit of the targets; inputs: in data space."""
        found: Tensor = self.last(output)
        return found if self.origin is None else found + self.origin(inputs)

    @property
    def forward_from(self) -> Continuation | None:
        """What goes on from a state, in data space; None where the network has no `forward_from`.

        ``forward_from(inputs, state)``, inputs ``(batch, time, ...)``, returns the logits of steps that follow a state
        ``(batch, time, outputs)`` and the state after them, which is another object; None is that nothing came before.
        """
        going_on = getattr(self.net, "forward_from", None)
        if not callable(going_on):
            return None

        def forward_from(inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
            found, after = going_on(self.first(inputs), state)
            return self.answer(found, inputs), after

        return forward_from

    def adaptations(self) -> list[str]:
        """Return the first layers and the remarks in words, for the record."""
        layers = [f"{type(layer).__name__} {layer.extra_repr()}".strip() for layer in self.first]
        return [*layers, *self.remarks]


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
    given = {
        "options": chosen.model(),
        "member": chosen.member,
        "published": published,
        "pretrained": published and load,
    }
    if is_own_class(item):
        model = _first_that_runs(chosen, task, seen, published and load, random_state)
    else:
        spec = InputSpec(seen.input_shape)
        if item.wants is not None:
            spec = call(item.wants, **{"task": seen, **given, "pretrained": published})
        model = _assemble(chosen, task, seen, spec, partial(call, item.build, **given))
    _make_loadable(model)
    model.build_anew = build_anew
    return model


def _make_loadable(model: nn.Module) -> None:
    """Give buffers that cannot be written to memory of their own, so that a state loads into them.

    Torch copies a state into what is there: not into a tensor that was expanded, nor into one of inference mode.
    """
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is None or buffer.layout != torch.strided:
                continue
            sizes = zip(buffer.shape, buffer.stride(), strict=True)
            if buffer.is_inference() or any(size > 1 and not step for size, step in sizes):
                module._buffers[name] = buffer.clone()


def _first_that_runs(
    chosen: Chosen, task: Task, seen: Task, pretrained: bool, random_state: Tensor
) -> DataSpaceModel:
    """Build a class of the user's for the first input that it takes, and run it once on that.

    Raises:
        PluginError: It takes none; with what it says of the data's own size.
    """
    problem: Exception | None = None
    first: Task | None = None
    tried: list[tuple[int, ...]] = []
    waiting = deque(own_inputs(chosen, seen))
    while waiting:
        spec = waiting.popleft()
        torch.set_rng_state(random_state)  # what failed before leaves no trace
        read = replace(seen, input_shape=tuple(spec.shape))
        first = first or read
        try:
            model = _assemble(
                chosen,
                task,
                seen,
                spec,
                lambda **given: make_own(chosen, {**given, "pretrained": pretrained}),
            )
            taken = try_once(chosen.label, model, task)
        except WrongOutput as error:
            raise PluginError(f"{error}{explain_failure(chosen, read, str(error))}") from error
        except HarnessError:
            raise
        except Exception as error:  # whatever a network raises for an input that is too small
            problem = problem or error
            tried.append(spec.shape)
            channels = wanted_channels(error, spec)
            if channels and spec.shape[0] == seen.in_channels:
                shapes = [(channels, *one.shape[1:]) for one in (spec, *waiting)]
                waiting = deque(replace(spec, shape=shape) for shape in dict.fromkeys(shapes))
            continue
        words = [f"Takes {taken}"] if taken else []
        model.auxiliary = auxiliary_weight(chosen)
        if model.auxiliary:
            words.append(f"Trained with {model.auxiliary:g} of each auxiliary output's loss")
        words += [f"Given {model.call.words()}"] if model.call.words() else []
        model.remarks = (*words, *remarks_on(chosen, model.net, read))
        return model
    assert first is not None
    first_line = (str(problem).strip().splitlines() or [""])[0]
    largest = max(shape[1:] for shape in tried)
    larger = f"; no size up to {' x '.join(map(str, largest))} is better" if tried[1:] else ""
    raise PluginError(
        f"{chosen.label} fails on a batch of two examples of the shape {tried[0]}: "
        f"{type(problem).__name__}: {first_line}{larger}"
        f"{explain_failure(chosen, first, str(problem))}"
    ) from problem


def _assemble(
    chosen: Chosen, task: Task, seen: Task, spec: InputSpec, build: Callable[..., Any]
) -> DataSpaceModel:
    """Build the network for an input, between the layers that lead from data space to it and back."""
    resizes = seen.modality == task.modality and seen.modality_item.resizable
    if not resizes and tuple(spec.shape) != seen.input_shape:
        raise NotApplicable(
            f"{chosen.label} wants {seen.modality} data of the shape {tuple(spec.shape)}; "
            f"here it is {seen.input_shape}, which is not resized"
        )
    seen = replace(seen, input_shape=tuple(spec.shape))
    net = build(
        task=seen,
        input_shape=seen.input_shape,
        in_channels=seen.in_channels,
        num_classes=task.outputs,
    )
    if not isinstance(net, nn.Module):
        raise PluginError(f"{chosen.label} built a {type(net).__name__}, not a torch.nn.Module")
    problem = task.problem_item
    origin = None if problem.origin is None else prepare(problem.origin, "inputs", task=task)
    last = (
        TargetScale(task.target_mean, task.target_std, 0.0 if origin else task.target_offset)
        if problem.real_targets
        else nn.Identity()
    )
    return DataSpaceModel(
        first_layers(task, seen, spec),
        net,
        last,
        None if origin is None else lambda inputs: origin(inputs=inputs),
    )

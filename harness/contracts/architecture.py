"""What an architecture must satisfy, for every modality that it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.catalogue.in_use import names_of, problem_named
from harness.catalogue.kinds import Architecture
from harness.catalogue.own_class import is_own_class
from harness.catalogue.subjects import EXAMPLE
from harness.contracts.cases import (
    default_problems,
    describe,
    each,
    examples,
    parts,
    require_close,
    tasks,
)
from harness.contracts.subject import NotChecked, Subject, require
from harness.data.draws import Draws, derive
from harness.data.model import DataSpaceModel, build_model
from harness.data.outputs import check_output
from harness.data.recurrence import differentiable_recurrence
from harness.data.seeding import seed_generators
from harness.data.task import Task
from harness.errors import NotApplicable, PluginError
from harness.measure.gradient_check import check_gradient
from harness.measure.model_copy import copy_in_float64
from harness.plan.grammar import parse_name
from harness.plan.names import settle
from harness.train import checkpoint
from harness.train.weight_gradients import check_weights

_BATCH = 6
_KNOWN_SHAPE, _KNOWN_OUTPUTS = (3, 224, 224), 1000  # at which sizes are known: ImageNet's
_PREFIX = "prefix"  # what problems ask for whose answers may depend on what came before alone
_FEW = 3  # of which derivatives are asked, dozens of times


def _applicable(subject: Subject) -> list[Task]:
    """Return the tasks that the architecture can be built for; of other problems than the default the smallest."""
    item = subject.item
    assert isinstance(item, Architecture)
    own = is_own_class(item)  # what it answers shows when it is run
    wanted = tasks(item.takes) if own or EXAMPLE in item.answers_each else []
    for problem in () if item.is_family else map(problem_named, names_of("problem")):
        if not problem.default and (own or problem.answers_each in item.answers_each):
            wanted += tasks(item.takes, (problem.name,))[:1]
    found, reasons = [], []
    for task in each(subject, wanted):
        try:
            _build(subject, task)
        except NotApplicable as reason:
            reasons.append(str(reason))
            continue
        found.append(task)
    if not found:
        raise NotChecked("it applies to none of the tasks here: " + "; ".join(reasons))
    return found


def _tasks(subject: Subject, *, all_of_them: bool = False) -> Iterator[Task]:
    """Yield the tasks to check on: by default the smallest of each modality."""
    seen = set()
    for task in each(subject, subject.keep("tasks", lambda: _applicable(subject))):
        if all_of_them or task.modality not in seen:
            seen.add(task.modality)
            yield task


def _build(subject: Subject, task: Task, seed: int = 0) -> DataSpaceModel:
    seed_generators(seed)
    item = subject.item
    assert isinstance(item, Architecture)
    return build_model(subject.choose(item.checked_with), task)


def _forward(model: DataSpaceModel, inputs: Tensor, task: Task) -> Tensor:
    found = model(inputs)
    try:
        logits = check_output("it", task, found)
    except PluginError as error:
        require(False, str(error))
        raise
    require(
        len(logits) == len(inputs), f"it returned {len(logits)} rows for {len(inputs)} examples"
    )
    require(logits.is_floating_point(), f"it returned {logits.dtype} values")
    require(bool(logits.isfinite().all()), "it returned logits that are not finite")
    return logits


def check_output_shape(subject: Subject) -> None:
    """It builds for all data that it takes, and returns finite logits (batch, outputs)."""
    for task in _tasks(subject, all_of_them=True):
        model = _build(subject, task)
        inputs = examples(task, _BATCH).inputs
        _forward(model.train(), inputs, task)
        with torch.no_grad():
            _forward(model.eval(), inputs, task)


def check_gradients(subject: Subject) -> None:
    """A gradient reaches every trainable parameter."""
    for task in _tasks(subject):
        model = _build(subject, task).train()
        logits = _forward(model, examples(task, _BATCH).inputs, task)
        weights = torch.linspace(0.5, 1.5, logits.numel()).view_as(logits)
        (logits * weights).sum().backward()  # type: ignore[no-untyped-call]
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        require(named, "it has no trainable parameter")
        missed = [name for name, parameter in named if parameter.grad is None]
        require(not missed, f"no gradient reaches {', '.join(missed[:5])}")
        broken = [n for n, p in named if p.grad is not None and not p.grad.isfinite().all()]
        require(not broken, f"the gradient of {', '.join(broken[:5])} is not finite")


def check_derivatives(subject: Subject) -> None:
    """Its gradients, of its weights in training and of its inputs in use, are its outputs' own."""
    for task in _tasks(subject):
        model = _build(subject, task)
        data = examples(task, _FEW)

        def objective(
            model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
        ) -> tuple[Tensor, Tensor]:
            return _weighed(model(inputs)).mean(), targets

        draws = Draws(derive("contract"), data.ids)
        found = check_weights(model.train(), objective, data.inputs, data.targets, draws)
        require(found is None or not found.wrong, found.words() if found else "")
        if task.modality_item.input_type != "float32":
            continue  # numbers of things, along which nothing rises
        inputs = task.low + (task.high - task.low) * (0.02 + 0.96 * torch.rand_like(data.inputs))
        model.eval()

        double = copy_in_float64(model)
        try:
            with differentiable_recurrence(double):
                double(inputs.double())
            exact = _value(double)
        except Exception:  # whatever code raises that relies on float32
            exact = None
        box = (task.low, task.high)
        whole = check_gradient(
            _value(model), inputs, exact=exact, width=task.high - task.low, box=box
        )
        require(
            whole.agrees,
            f"the gradient of its inputs is not its outputs': along its sign they rise {whole.rise:.2f} times what "
            "autograd says, so attacks and saliency would be misled",
        )


def _value(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return what `check_gradient` asks: ``(k, n, *shape)`` to ``(k, n)``."""

    def value(points: Tensor) -> Tensor:
        with differentiable_recurrence(model):
            return _weighed(model(points.flatten(0, 1))).view(points.shape[:2])

    return value


def _weighed(logits: Tensor) -> Tensor:
    weights = torch.linspace(0.5, 1.5, logits[0].numel(), dtype=logits.dtype)
    return (logits.flatten(1) * weights).sum(1)


def check_seed(subject: Subject) -> None:
    """The same seed gives the same weights, and another seed others."""
    for task in _tasks(subject):
        model = _build(subject, task, 7)
        trained = [name for name, _ in model.named_parameters()]
        first, again = model.state_dict(), _build(subject, task, 7).state_dict()
        require(first.keys() == again.keys(), "it has other parameters when it is built again")
        differing = [name for name in first if not torch.equal(first[name], again[name])]
        require(
            not differing,
            f"built twice after torch.manual_seed(7), {', '.join(differing[:5])} differ",
        )
        other = _build(subject, task, 8).state_dict()
        require(
            any(not torch.equal(first[name], other[name]) for name in trained),
            "its weights do not depend on the seed, so seeds would not be repetitions",
        )


def check_evaluation(subject: Subject) -> None:
    """In evaluation mode an example's logits are the same each time, whatever its batch."""
    for task in _tasks(subject):
        model = _build(subject, task).eval()
        inputs = examples(task, _BATCH).inputs
        with torch.no_grad():
            whole = _forward(model, inputs, task)
            again = _forward(model, inputs, task)
            scale = max(1.0, float(whole.abs().max()))
            require_close(whole, again, scale, "two passes over the same batch differ")
            for part in parts(_BATCH):
                require_close(
                    _forward(model, inputs[part], task),
                    whole[part],
                    scale,
                    "an example's logits depend on the others in its batch",
                )
            alone = _forward(model, inputs[:1], task)
            require_close(alone, whole[:1], scale, "an example alone gets other logits")


def check_checkpoint(subject: Subject) -> None:
    """Its weights come back from a safetensors file."""
    for task in _tasks(subject):
        model = _build(subject, task, 1).train()
        inputs = examples(task, _BATCH).inputs
        with torch.no_grad():
            model(inputs)  # moves the statistics of batch norms, which must be kept too
        other = _build(subject, task, 2)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(model, Path(folder), task)
            checkpoint.load(other, Path(folder))
        with torch.no_grad():
            before, after = model.eval()(inputs), other.eval()(inputs)
        require_close(before, after, 1.0, "after saving and loading it returns other logits")


def check_without_memory(subject: Subject) -> None:
    """Built on the meta device, where nothing takes memory, it has the same parameters."""
    for task in _tasks(subject):
        expected = _sizes(_build(subject, task))
        try:
            with torch.device("meta"):
                model = _build(subject, task)
        except Exception as error:  # whatever code raises that reads a value
            raise NotChecked(f"it computes with values while it is built: {error}") from error
        require(_sizes(model) == expected, "there it has other parameters than on a CPU")
        held = [name for name, parameter in model.named_parameters() if not parameter.is_meta]
        if held:
            raise NotChecked(f"it puts {', '.join(held[:5])} on a device of its own choice")


def _sizes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in model.named_parameters()}


def check_sizes(subject: Subject) -> None:
    """Its known sizes have as many parameters as it says."""
    item = subject.item
    assert isinstance(item, Architecture)
    if not item.sizes:
        return
    task = Task(
        modality=item.takes[0],
        problem=default_problems()[0],
        input_shape=_KNOWN_SHAPE,
        outputs=_KNOWN_OUTPUTS,
        low=0.0,
        high=1.0,
        mean=(0.5,) * 3,
        std=(0.3,) * 3,
    )
    for written, expected in item.sizes.items():
        subject.at(f"{written or 'default options'}, {describe(task)}, {task.outputs} outputs")
        options = parse_name(f"{item.name}:{written}").options if written else {}
        with torch.device("meta"):
            model = build_model(settle(item, "", options), task)
        found = sum(parameter.numel() for parameter in model.parameters())
        require(found == expected, f"it has {found:,} parameters, and says {expected:,}")


def check_prefixes(subject: Subject) -> None:
    """Where each prefix is asked for, answers depend on that alone, and from a state they go on as in one pass."""
    for task in _tasks(subject, all_of_them=True):
        if task.problem_item.answers_each != _PREFIX:
            continue
        model = _build(subject, task).eval()
        inputs = examples(task, _BATCH).inputs
        others, half = inputs.clone(), inputs.shape[1] // 2
        others[:, half:] = task.low + task.high - others[:, half:]
        goes_on = model.forward_from
        with torch.no_grad():
            whole = _forward(model, inputs, task)
            scale = max(1.0, float(whole.abs().max()))
            before = _forward(model, others, task)[:, :half]
            require_close(
                before, whole[:, :half], scale, "its answers depend on what comes after them"
            )
            state, found = None, []
            for piece in torch.tensor_split(inputs, (1, half, half + 1), 1):
                if goes_on is not None:
                    logits, state = goes_on(piece, state)
                    found.append(logits)
            if found:
                words = "going on from a state (forward_from) gives other logits than one pass"
                require_close(torch.cat(found, 1), whole, scale, words)


CONTRACTS = (
    check_output_shape,
    check_gradients,
    check_derivatives,
    check_seed,
    check_evaluation,
    check_checkpoint,
    check_without_memory,
    check_sizes,
    check_prefixes,
)

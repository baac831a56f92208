"""What a problem must satisfy, on invented examples of the modality that is the default, where it takes that."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.catalogue.finding import Finding
from harness.catalogue.in_use import modality_named, names_of
from harness.catalogue.references import Reference, call, resolve
from harness.catalogue.subjects import Problem
from harness.contracts.cases import ExamplesInMemory, examples, network, parts, smaller, tasks
from harness.contracts.subject import Broken, Subject, require
from harness.data.task import LoadedData, Task

_TYPES = {
    "int64": "i",
    "float32": "f",
    "uint8": "u",
}  # of targets as they are given: the kind that `check` returns
_STEPS = (-0.5, 0.5)  # from the outputs of a baseline, none of which is to be better
_COUNT = 60


def _problem(subject: Subject) -> Problem:
    assert isinstance(subject.item, Problem)
    return subject.item


def _case(subject: Subject) -> tuple[Task, ExamplesInMemory]:
    item = _problem(subject)
    default = [name for name in names_of("modality") if modality_named(name).default]
    found = tasks(default, (item.name,)) or tasks(names_of("modality"), (item.name,))
    require(found, f"it is asked of {', '.join(item.modalities)}; of these nothing is known")
    task = smaller(found)[0]
    return task, subject.keep("examples", lambda: examples(task, _COUNT))


def _loaded(task: Task, data: ExamplesInMemory) -> LoadedData:
    return LoadedData(
        modality=task.modality,
        problem=task.problem,
        inputs=data.inputs.numpy(),
        targets=data.targets.numpy(),
        low=task.low,
        high=task.high,
        details=task.details,
    )


def _outputs(task: Task, data: ExamplesInMemory) -> Tensor:
    with torch.no_grad():
        found: Tensor = network(task)(data.inputs)
    return found


def check_words(subject: Subject) -> None:
    """It says in known words of what type targets are and which way its headline is better."""
    item = _problem(subject)
    require(item.better in ("higher", "lower"), f'better is {item.better!r}; "higher" or "lower"')
    require(
        item.target_type in _TYPES,
        f"target_type is {item.target_type!r}; one of {', '.join(_TYPES)}",
    )
    require(
        not (item.classes and item.real_targets), "its targets are both classes and real numbers"
    )
    require(isinstance(call(item.describe, outputs=1), str), "describe returns no text")


def check_targets(subject: Subject) -> None:
    """Targets that it invents pass its own check, and it says how many outputs they ask for."""
    item = _problem(subject)
    task, data = _case(subject)
    loaded = _loaded(task, data)
    wanted = (len(data), *data.targets.shape[1:])
    require(
        data.targets.ndim == 1 + len(item.target_axes),
        f"invent returns targets of the shape {tuple(data.targets.shape)}; wanted "
        f"(examples{''.join(f', {axis}' for axis in item.target_axes)})",
    )
    found = call(item.check, targets=data.targets.numpy(), loaded=loaded)
    require(found.shape == wanted, f"check returns the shape {found.shape}; wanted {wanted}")
    kind = _TYPES[item.target_type]
    require(found.dtype.kind == kind, f"check returns {found.dtype} targets for {item.target_type}")
    width = call(item.width, targets=found, loaded=loaded)
    require(
        width == task.outputs,
        f"width says {width} outputs for the targets that it invents, whose task has {task.outputs}",
    )


def check_cut(subject: Subject) -> None:
    """Its strata are one a target, and it yields findings."""
    item = _problem(subject)
    task, data = _case(subject)
    loaded = _loaded(task, data)
    targets = call(item.check, targets=data.targets.numpy(), loaded=loaded)
    split = (torch.arange(len(data)) % 3).numpy()
    if item.strata is not None:
        labels = call(item.strata, targets=targets)
        require(labels.shape == (len(data),), f"strata returns the shape {labels.shape}")
    if item.check_split is not None:
        call(item.check_split, targets=targets, loaded=loaded, split=split)
    if item.look is not None:
        for one in call(item.look, targets=targets, loaded=loaded, split=split, task=task):
            require(isinstance(one, Finding), f"look yields a {type(one).__name__}")


def check_loss(subject: Subject) -> None:
    """Its loss is the sum over a batch: finite, with a gradient, and the same in parts."""
    task, data = _case(subject)
    loss_of = resolve(_problem(subject).loss)
    outputs = _outputs(task, data).requires_grad_()
    loss = loss_of(outputs, data.targets)
    require(isinstance(loss, Tensor) and loss.dim() == 0, "the loss is no scalar tensor")
    require(bool(loss.isfinite()), f"the loss is {float(loss.detach())}")
    (gradient,) = torch.autograd.grad(loss, outputs)
    require(
        bool(gradient.isfinite().all()) and bool(gradient.any()), "its gradient is 0, NaN or inf"
    )
    summed = sum(float(loss_of(outputs[p], data.targets[p]).detach()) for p in parts(len(data)))
    whole = float(loss.detach())
    require(
        abs(summed - whole) <= 1e-4 * abs(whole),
        f"the losses of parts of a batch sum up to {summed:g}, that of the whole is {whole:g}",
    )


def check_examples(subject: Subject) -> None:
    """What it says of each example is one value for it, whatever its batch."""
    item = _problem(subject)
    task, data = _case(subject)
    outputs = _outputs(task, data)
    for name, is_bool in (("correct", True), ("grade", False), ("fooled", True)):
        reference: Reference | None = getattr(item, name)
        if reference is None:
            continue
        judge = resolve(reference)
        whole = judge(outputs, data.targets)
        require(tuple(whole.shape) == (len(data),), f"{name} is of the shape {tuple(whole.shape)}")
        require((whole.dtype == torch.bool) == is_bool, f"{name} is of {whole.dtype}")
        for part in parts(len(data)):
            alone = judge(outputs[part], data.targets[part])
            require(
                torch.allclose(alone.float(), whole[part].float()), f"{name} depends on the batch"
            )
    if item.fooled is not None and item.correct is not None:
        both = resolve(item.fooled)(outputs, data.targets) & resolve(item.correct)(
            outputs, data.targets
        )
        require(not bool(both.any()), "an answer is right, and an adversary has what it wants")


def check_tally(subject: Subject) -> None:
    """What it says of examples makes up its headline, whatever their batches; one that comes twice counts twice."""
    item = _problem(subject)
    require((item.tally is None) == (item.sum_up is None), "of tally and sum_up it has one alone")
    if item.tally is None or item.sum_up is None:
        return
    require(
        item.grade is None, "it has both a grade and a tally; one says what its headline is made of"
    )
    task, data = _case(subject)
    outputs = _outputs(task, data)
    tally_of, total_of = resolve(item.tally), resolve(item.sum_up)
    whole = tally_of(outputs, data.targets)
    require(len(whole) == len(data), f"tally is of the shape {tuple(whole.shape)}")
    for part in parts(len(data)):
        alone = tally_of(outputs[part], data.targets[part])
        require(torch.allclose(alone.double(), whole[part].double()), "tally depends on the batch")
    for name, score in item.beside:
        found = resolve(score)(whole.double().numpy(), torch.ones(1, len(data)).double().numpy())
        require(found.shape == (1,), f"{name} has the shape {found.shape} for one sample")
    if item.of_classes is not None:
        name, score = item.of_classes
        found = resolve(score)(whole.double().numpy(), torch.ones(2, len(data)).double().numpy())
        require(
            found.ndim == 2 and len(found) == 2 and found.shape[1] <= task.outputs,
            f"{name} has the shape {found.shape} for two samples and {task.outputs} classes",
        )
    kept, few = whole.double().numpy(), torch.arange(len(data)) < len(data) // 2
    counts = torch.stack([torch.ones(len(data)), 1.0 + few]).double().numpy()
    found = total_of(kept, counts)
    require(found.shape == (2,), f"sum_up gives the shape {found.shape} for two samples")
    again = torch.cat([torch.arange(len(data)), torch.arange(len(data))[few]]).numpy()
    repeated = total_of(kept[again], torch.ones(1, len(again)).double().numpy())
    require(
        abs(float(found[1] - repeated[0])) <= 1e-9 * max(1.0, abs(float(found[1]))),
        f"sum_up gives {found[1]:g} where half of the examples count twice, and {repeated[0]:g} where they are there twice",
    )


def check_move(subject: Subject) -> None:
    """Targets of an image that does not move stay, and of two moves the second undoes the first."""
    item = _problem(subject)
    if item.move is None:
        return
    task, data = _case(subject)
    same = torch.eye(3, dtype=torch.float64).repeat(len(data), 1, 1)
    found = call(item.move, targets=data.targets, maps=same, task=task)
    require(torch.equal(found, data.targets), "move changes targets where nothing moves")
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)).expand_as(same)
    twice = data.targets
    for _ in range(2):
        twice = call(item.move, targets=twice, maps=mirror, task=task)
    require(torch.equal(twice, data.targets), "mirrored twice, targets are others")


def check_answer(subject: Subject) -> None:
    """Its answers have the form of targets, and pictures that it draws into keep their shape."""
    item = _problem(subject)
    if item.answer is None:
        require(item.paint is None, "it paints targets, and says of no outputs what they answer")
        return
    task, data = _case(subject)
    answers = call(item.answer, outputs=_outputs(task, data))
    require(
        answers.shape == data.targets.shape,
        f"answer is of the shape {tuple(answers.shape)}, targets are of {tuple(data.targets.shape)}",
    )
    if item.paint is None:
        return
    pictures = torch.full((len(data), *task.input_shape[-2:], 3), 100, dtype=torch.uint8)
    painted = call(item.paint, pictures=pictures, targets=answers, task=task)
    require(
        painted.shape == pictures.shape and painted.dtype == torch.uint8,
        f"paint returns {painted.dtype} of the shape {tuple(painted.shape)}",
    )
    require(bool((pictures == 100).all()), "paint changes the pictures in place")


def check_baseline(subject: Subject) -> None:
    """No constant outputs near those of its baseline have a smaller loss."""
    item = _problem(subject)
    if item.baseline is None:
        return
    task, data = _case(subject)
    targets = call(item.check, targets=data.targets.numpy(), loaded=_loaded(task, data))
    found = call(item.baseline, targets=targets, width=task.outputs)
    constant = torch.as_tensor(found, dtype=torch.float32)
    try:
        torch.broadcast_to(constant, task.output_shape)
    except RuntimeError:
        raise Broken(
            f"baseline returns the shape {found.shape}, which is not spread over {task.output_shape}"
        ) from None
    loss_of = resolve(item.loss)

    def loss(constant: Tensor) -> float:
        return float(loss_of(constant.expand(len(data), *task.output_shape), data.targets))

    best = loss(constant)
    for output in range(constant.numel()):
        for step in _STEPS:
            moved = constant.clone()
            moved.view(-1)[output] += step * task.target_std
            near = loss(moved)
            require(
                near >= best - 1e-5 * abs(best),
                f"its baseline has the loss {best:g}, and {near:g} with output {output} {step:+g}",
            )


def check_learns(subject: Subject) -> None:
    """A small network that is trained on its loss gets better at it."""
    task, data = _case(subject)
    loss_of = resolve(_problem(subject).loss)

    def loss(net: nn.Module) -> float:
        with torch.no_grad():
            return float(loss_of(net(data.inputs), data.targets))

    before, after = loss(network(task)), loss(network(task, trained=True))
    require(after < before, f"trained, a network has the loss {after:g}; it was {before:g} before")


CONTRACTS = (
    check_words,
    check_targets,
    check_cut,
    check_loss,
    check_examples,
    check_tally,
    check_move,
    check_answer,
    check_baseline,
    check_learns,
)

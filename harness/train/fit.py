"""The training loop: any module, objective, optimizer, schedule, device and precision.

The order of the examples, and every draw of augmentations and objectives, depends on the seed, the
example and the epoch, never on the architecture; so two models of one seed see the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from harness.catalogue.references import resolve
from harness.data.draws import Draws, derive
from harness.data.seeding import seed_generators
from harness.data.task import Task
from harness.data.whole_gru import whole_grus
from harness.errors import HarnessError, PluginError
from harness.machine.matrix_products import onednn_products
from harness.train.auxiliary import Objective, with_auxiliary
from harness.train.batch_gradient import BatchGradient, augmented
from harness.train.clock import Clock
from harness.train.data_parallel import trained_together
from harness.train.length import Best
from harness.train.maps_by_channels import maps_by_channels
from harness.train.precision import autocast
from harness.train.ranks import ALONE, Ranks
from harness.train.resume import FitPosition, Keeper, Parts
from harness.train.shares import own_shares
from harness.train.tally import Tally
from harness.train.techniques import Fitting, Techniques, TrainingHooks

Batch = tuple[Tensor, Tensor, Tensor]  # inputs, targets, ids
Augment = Callable[[Tensor, Draws], Tensor]
Curves = Sequence[Mapping[str, float | None]]

_TRIED = 4  # examples by which it is seen how a model takes its maps
_MOST_OUTPUTS = 2**24  # of a batch that is evaluated: 64 MiB


class Diverged(HarnessError):
    """The loss became NaN or infinite."""


class TrainingExamples(Protocol):
    """What the loop reads: a split whose examples have positions, 0 to len - 1."""

    ids: Tensor
    task: Task

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def in_order(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        """Yield (inputs, targets, ids) of the examples at the positions `order`, in batches."""
        ...

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield (inputs, targets, ids) of all examples, in batches."""
        ...


@dataclass(frozen=True, kw_only=True)
class Training:
    """How to train, with every part built.

    make_optimizer(parameters as (name, parameter) pairs) -> a torch optimizer.
    make_schedule(steps, curves) -> a function from the step to the factor of the learning rate; curves: the rows of a
    FitResult, which grow as the fit goes on.
    techniques: each makes the hooks of one fit, which are called in this order.
    moves: for each augmentation, how it changes targets that say where things are in an image; (): none does.
    patience: epochs without a better validation until it stops and goes back to the best.
    every: epochs from one look at the validation examples to the next.
    precision: "fp32", "bf16" or "fp16".
    accumulate: parts of a batch that pass one after another, their gradients added. sync_batch_norm: over the
    examples of all processes.
    """

    objective: Objective
    make_optimizer: Callable[[list[tuple[str, nn.Parameter]]], torch.optim.Optimizer]
    make_schedule: Callable[[int, Curves], Callable[[int], float]]
    augmentations: Sequence[Augment] = ()
    moves: Sequence[Augment | None] = ()
    epochs: int
    batch_size: int
    patience: int | None = None
    every: int = 1
    precision: str = "fp32"
    seed: int = 0
    accumulate: int = 1
    sync_batch_norm: bool = False
    techniques: Sequence[Callable[[], TrainingHooks]] = ()


@dataclass(frozen=True)
class FitResult:
    """What a fit did.

    curves: one row for each epoch after which it looked: epoch, examples (that passed until then, again each epoch),
    learning_rate, train_loss, train_accuracy, validation_loss, validation_accuracy, and what it took until then: seconds,
    training_seconds (without evaluation), core_seconds (CPU time of all processes, likewise). epochs: that were trained.
    best_epoch: whose weights were kept. memory_format: the order of a convolutional network's maps in
    memory, "channels_last" where a CPU is faster so (`harness.train.maps_by_channels`).
    """

    curves: list[dict[str, float | None]] = field(default_factory=list)
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    memory_format: str = "contiguous"

    def kept(self) -> Mapping[str, float | None]:
        """Return the row of the epoch whose weights were kept; empty where nothing was trained."""
        return next((row for row in self.curves if row["epoch"] == self.best_epoch), {})


def epoch_order(seed: int, epoch: int, ids: Tensor) -> Tensor:
    """Return a random order of the examples that depends on (seed, epoch, ids) alone."""
    return torch.argsort(Draws(derive(seed, "order", epoch), ids).uniform("order"), stable=True)


def first_batch(training: Training, train: TrainingExamples) -> tuple[Tensor, Tensor, Draws]:
    """Return what the objective is given first: inputs, augmented, targets and draws."""
    used = _used_each_epoch(len(train), training.batch_size)
    order = epoch_order(training.seed, 1, train.ids)[:used]
    inputs, targets, ids = next(iter(train.in_order(order, training.batch_size)))
    draws = Draws(derive(training.seed, "epoch", 1), ids)
    return *augmented(training, inputs, targets, draws), draws


def fit(
    model: nn.Module,
    training: Training,
    train: TrainingExamples,
    validation: TrainingExamples | None = None,
    report: Callable[[str], None] = lambda line: None,
    keeper: Keeper | None = None,
    ranks: Ranks = ALONE,
) -> FitResult:
    """Train a model in place, on the device that it is on.

    report receives a line for each epoch after which it looks. keeper: keeps how far the fit has come, and may know of
    an earlier attempt from which this one goes on. ranks: the processes that train it together, each of which calls
    this with the same model and examples; they return the same, but for statistics of seconds.

    Raises:
        Diverged: The training loss is no longer finite.
        PluginError: There is nothing to train.
    """
    techniques = Techniques([make() for make in training.techniques])
    seed_generators(derive(training.seed, "techniques"))
    techniques.prepare(model)
    with _cheaper_passes(model, training, train, ranks) as memory_format:
        found = _fit(model, training, techniques, train, validation, report, keeper, ranks)
    return replace(found, memory_format=memory_format)


@contextmanager
def _cheaper_passes(
    model: nn.Module, training: Training, train: TrainingExamples, ranks: Ranks
) -> Iterator[str]:
    """Have passes through a model take less meanwhile, with the same results but for rounding; the order of its maps is given.

    Here is all that a fit changes of them, as `harness.data.search_twin` has what searches do. It depends on the machine, the
    model as it is before its first step, and the examples, so that a fit that goes on in another process has the same bits.
    """
    few = partial(_few, training, train)
    # Processes that compute together add up gradients as the weights lie, which some objectives have in the usual order alone.
    may_turn = training.precision == "fp32" and ranks.count == 1
    with (
        onednn_products("fit"),
        maps_by_channels(model, few, train_mode) if may_turn else nullcontext("contiguous") as maps,
        whole_grus(model),
    ):
        yield maps


def _fit(
    model: nn.Module,
    training: Training,
    techniques: Techniques,
    train: TrainingExamples,
    validation: TrainingExamples | None,
    report: Callable[[str], None],
    keeper: Keeper | None,
    ranks: Ranks,
) -> FitResult:
    own = () if ranks.is_first else (ranks.rank,)
    seed_generators(derive(training.seed, "training", *own))  # dropout and its like
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not named:
        raise PluginError("the model has no parameter to train; write epochs = 0 to measure it")
    device = named[0][1].device
    objective = with_auxiliary(training.objective, model)
    optimizer = training.make_optimizer(named)
    techniques.begin(Fitting(model, optimizer, training.epochs, partial(_inputs, training, train)))
    rates = [group["lr"] for group in optimizer.param_groups]
    scaler = torch.amp.GradScaler(device.type) if training.precision == "fp16" else None
    used = _used_each_epoch(len(train), training.batch_size)
    best = Best(training.patience)
    parts = Parts(model, optimizer, scaler, best, techniques)
    few = partial(_loss_of_few, training, train)
    with trained_together(model, ranks, few, training.sync_batch_norm) as joined:
        gradient = BatchGradient(model, training, objective, optimizer, scaler, joined, device)
        place = FitPosition() if keeper is None else keeper.begin(parts, train.ids)
        curves, step = [*place.curves], place.step
        steps = math.ceil(used / training.batch_size) * training.epochs
        schedule = training.make_schedule(steps, curves)
        clock = Clock(place.times)
        for epoch in range(place.epoch, training.epochs + 1):
            train_mode(model)
            begun = place if epoch == place.epoch else FitPosition()
            batches, tally = begun.batches, Tally(device, train.task.problem_item, begun.tally)
            order = epoch_order(training.seed, epoch, train.ids)
            order = order[batches * training.batch_size : used]
            key = derive(training.seed, "epoch", epoch)
            for share in own_shares(train, order, training.batch_size, ranks):
                if keeper is not None and keeper.is_due(step):
                    now = FitPosition(epoch, batches, step, clock.state(), curves, tally.state())
                    keeper.save(parts, now)
                factor = schedule(step)
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
                techniques.gradients(gradient.of(share, key, tally))
                if scaler is not None:
                    scaler.unscale_(optimizer)
                techniques.before_step()
                if scaler is None:
                    optimizer.step()
                else:
                    scaler.step(optimizer)
                    scaler.update()
                techniques.after_step()
                step += 1
                batches += 1
            techniques.after_epoch(epoch)
            train_loss, train_accuracy = tally.totals(ranks)  # the one synchronisation of an epoch
            if not math.isfinite(train_loss):
                raise Diverged(
                    f"the training loss became {train_loss} in epoch {epoch}; lower the learning rate "
                    '(or write learning_rate = "search"), or use fp32'
                )
            if epoch % training.every and epoch < training.epochs:
                continue
            joined.agree(epoch)
            row: dict[str, float | None] = {
                "epoch": epoch,
                "examples": epoch * used,
                "learning_rate": rates[0] * schedule(step - 1) if step else rates[0],
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_loss": None,
                "validation_accuracy": None,
            }
            with clock.looking(), techniques.averaged():
                joined.agree(epoch)
                if validation is not None:
                    loss_value, accuracy = evaluate(model, training, validation, ranks=ranks)
                    row |= {"validation_loss": loss_value, "validation_accuracy": accuracy}
                ended = best.stops(model, row)
            row |= clock.state()
            row["core_seconds"] = ranks.sums([row["core_seconds"] or 0.0])[0]
            curves.append(row)
            report(_line(row, training.epochs))
            if ended:
                break
    techniques.average()
    best.restore(model)
    techniques.finish(model)
    model.eval()
    return FitResult(
        curves=curves,
        epochs=epoch,
        steps=step,
        seconds=clock.state()["seconds"],
        best_epoch=best.epoch or epoch,
    )


@torch.no_grad()
def evaluate(
    model: nn.Module,
    training: Training,
    examples: TrainingExamples,
    batch_size: int = 512,
    ranks: Ranks = ALONE,
) -> tuple[float, float | None]:
    """Return the mean of the problem's loss and the accuracy, in eval mode.

    ranks: each process takes some of the batches, and is told of all.
    """
    model.eval()
    device = next(model.parameters()).device
    batch_size = max(1, min(batch_size, _MOST_OUTPUTS // math.prod(examples.task.output_shape)))
    total = torch.zeros((), device=device, dtype=torch.float64)
    correct = torch.zeros((), device=device)
    problem, count = examples.task.problem_item, len(examples)
    loss_of = resolve(problem.loss)
    is_right = None if problem.correct is None else resolve(problem.correct)
    if ranks.count == 1:
        batches = examples.batches(batch_size)
    else:
        cut = torch.split(torch.arange(count, device=device), batch_size)
        own = cut[ranks.rank :: ranks.count]
        batches = examples.in_order(torch.cat(own), batch_size) if own else iter(())
    for inputs, targets, _ in batches:
        with autocast(device, training.precision):
            logits = model(inputs)
        total += loss_of(logits, targets)
        if is_right is not None:
            correct += is_right(logits, targets).sum()
    loss, right = ranks.sums([float(total), float(correct)])
    return loss / count, None if is_right is None else right / count


def _few(training: Training, train: TrainingExamples) -> Tensor:
    """Return the inputs of the first examples that a model is trained on."""
    return first_batch(training, train)[0][:_TRIED]


def _loss_of_few(training: Training, train: TrainingExamples, model: nn.Module) -> Tensor:
    """Return the loss of the first two examples that a model is trained on."""
    train_mode(model)
    inputs, targets, draws = first_batch(training, train)
    few = torch.arange(min(2, len(inputs)), device=inputs.device)
    objective = with_auxiliary(training.objective, model)
    return objective(model, inputs[few], targets[few], draws.select(few))[0]


def _inputs(training: Training, train: TrainingExamples) -> Iterator[Tensor]:
    """Yield the inputs of all examples in batches, augmented with draws that no epoch has."""
    order = epoch_order(training.seed, 0, train.ids)
    used = order[: _used_each_epoch(len(train), training.batch_size)]
    for inputs, targets, ids in train.in_order(used, training.batch_size):
        draws = Draws(derive(training.seed, "epoch", 0), ids)
        yield augmented(training, inputs, targets, draws)[0]


def _used_each_epoch(count: int, batch_size: int) -> int:
    """Return how many examples an epoch takes: all, but for one that would be the last batch alone,
    as batch norm cannot take it.
    """
    alone = count > batch_size > 1 and count % batch_size == 1
    return count - 1 if alone else count


def train_mode(model: nn.Module) -> None:
    """Set train mode, but frozen parts to eval, so that their statistics stay as they are too.

    Where something is frozen, so is what has statistics and no parameter at all.
    """
    model.train()
    if all(parameter.requires_grad for parameter in model.parameters()):
        return
    for module in model.modules():
        state = [*module.parameters(), *module.buffers()]
        if state and not any(tensor.requires_grad for tensor in state):
            module.eval()


def _line(row: dict[str, float | None], epochs: int) -> str:
    words = [f"epoch {int(row['epoch'] or 0)}/{epochs}"]
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        value = row[name]
        if value is not None:
            words.append(f"{name.replace('_', ' ')} {value:.4f}")
    return ", ".join(words)

"""The training loop: any module, objective, optimizer, schedule, device and precision.

The order of the examples, and every draw of augmentations and objectives, depends on the seed, the
example and the epoch, never on the architecture; so two models of one seed see the same batches.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from harness.data.draws import Draws, derive
from harness.errors import HarnessError, PluginError
from harness.train.auxiliary import Objective, with_auxiliary
from harness.train.length import Best
from harness.train.precision import autocast
from harness.train.resume import FitPosition, Keeper, Parts

Batch = tuple[Tensor, Tensor, Tensor]  # inputs, targets, ids
Augment = Callable[[Tensor, Draws], Tensor]

_JUDGED_TOGETHER = 2**20  # logits


class Diverged(HarnessError):
    """The loss became NaN or infinite."""


class TrainingExamples(Protocol):
    """What the loop reads: a split whose examples have positions, 0 to len - 1."""

    ids: Tensor

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
    make_schedule(steps) -> a function from the step to the factor of the learning rate.
    patience: epochs without a better validation until it stops and goes back to the best.
    every: epochs from one look at the validation examples to the next.
    precision: "fp32", "bf16" or "fp16".
    """

    objective: Objective
    make_optimizer: Callable[[list[tuple[str, nn.Parameter]]], torch.optim.Optimizer]
    make_schedule: Callable[[int], Callable[[int], float]]
    augmentations: Sequence[Augment] = ()
    epochs: int
    batch_size: int
    patience: int | None = None
    every: int = 1
    precision: str = "fp32"
    seed: int = 0


@dataclass(frozen=True)
class FitResult:
    """What a fit did.

    curves: one row for each epoch after which it looked: epoch, learning_rate, train_loss, train_accuracy,
    validation_loss, validation_accuracy, seconds (since the start). epochs: that were trained. best_epoch: whose
    weights were kept.
    """

    curves: list[dict[str, float | None]] = field(default_factory=list)
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    best_epoch: int = 0

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
    return _augmented(training, inputs, draws), targets, draws


def fit(
    model: nn.Module,
    training: Training,
    train: TrainingExamples,
    validation: TrainingExamples | None = None,
    report: Callable[[str], None] = lambda line: None,
    keeper: Keeper | None = None,
) -> FitResult:
    """Train a model in place, on the device that it is on.

    report receives a line for each epoch after which it looks. keeper: keeps how far the fit has come, and may know of
    an earlier attempt from which this one goes on.

    Raises:
        Diverged: The training loss is no longer finite.
        PluginError: There is nothing to train.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not named:
        raise PluginError("the model has no parameter to train; write epochs = 0 to measure it")
    device = named[0][1].device
    objective = with_auxiliary(training.objective, model)
    torch.manual_seed(derive(training.seed, "training"))  # dropout and its like
    optimizer = training.make_optimizer(named)
    rates = [group["lr"] for group in optimizer.param_groups]
    scaler = torch.amp.GradScaler(device.type) if training.precision == "fp16" else None
    used = _used_each_epoch(len(train), training.batch_size)
    schedule = training.make_schedule(math.ceil(used / training.batch_size) * training.epochs)
    best = Best(training.patience)
    parts = Parts(model, optimizer, scaler, best)
    place = FitPosition() if keeper is None else keeper.begin(parts, train.ids)
    curves, step = [*place.curves], place.step
    started = time.perf_counter() - place.seconds
    for epoch in range(place.epoch, training.epochs + 1):
        train_mode(model)
        begun = place if epoch == place.epoch else FitPosition()
        batches, tally = begun.batches, _Tally(device, begun.tally)
        order = epoch_order(training.seed, epoch, train.ids)[batches * training.batch_size : used]
        key = derive(training.seed, "epoch", epoch)
        for inputs, targets, ids in train.in_order(order, training.batch_size):
            if keeper is not None and keeper.is_due():
                seconds = time.perf_counter() - started
                keeper.save(
                    parts, FitPosition(epoch, batches, step, seconds, curves, tally.state())
                )
            factor = schedule(step)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            draws = Draws(key, ids)
            inputs = _augmented(training, inputs, draws)
            with autocast(device, training.precision):
                loss, logits = objective(model, inputs, targets, draws)
            optimizer.zero_grad(set_to_none=True)
            if scaler is None:
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            else:
                scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                scaler.step(optimizer)
                scaler.update()
            step += 1
            batches += 1
            tally.add(loss.detach(), None if logits is None else logits.detach(), targets)
        train_loss = tally.loss()  # the one synchronisation of an epoch
        if not math.isfinite(train_loss):
            raise Diverged(
                f"the training loss became {train_loss} in epoch {epoch}; lower the learning rate "
                '(or write learning_rate = "search"), or use fp32'
            )
        if epoch % training.every and epoch < training.epochs:
            continue
        row: dict[str, float | None] = {
            "epoch": epoch,
            "learning_rate": rates[0] * schedule(step - 1) if step else rates[0],
            "train_loss": train_loss,
            "train_accuracy": tally.accuracy(),
            "validation_loss": None,
            "validation_accuracy": None,
        }
        if validation is not None:
            loss_value, accuracy = evaluate(model, training, validation)
            row |= {"validation_loss": loss_value, "validation_accuracy": accuracy}
        row["seconds"] = time.perf_counter() - started
        curves.append(row)
        report(_line(row, training.epochs))
        if best.stops(model, row):
            break
    best.restore(model)
    model.eval()
    return FitResult(
        curves=curves,
        epochs=epoch,
        steps=step,
        seconds=time.perf_counter() - started,
        best_epoch=best.epoch or epoch,
    )


@torch.no_grad()
def evaluate(
    model: nn.Module, training: Training, examples: TrainingExamples, batch_size: int = 512
) -> tuple[float, float | None]:
    """Return the mean plain loss (cross-entropy or squared error) and the accuracy, in eval mode."""
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros((), device=device, dtype=torch.float64)
    correct = torch.zeros((), device=device)
    classes = False
    for inputs, targets, _ in examples.batches(batch_size):
        with autocast(device, training.precision):
            logits = model(inputs)
        classes = not targets.is_floating_point()
        if classes:
            total += nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
            correct += (logits.argmax(dim=1) == targets).sum()
        else:
            # in float64: the square of an error of 1e-20 or 1e30 is 0 or infinite in float32
            total += (logits.float().squeeze(1) - targets).double().square().sum()
    count = len(examples)
    return float(total) / count, float(correct) / count if classes else None


def search_learning_rate(
    make_model: Callable[[], nn.Module],
    make_training: Callable[[float], Training],
    candidates: Sequence[float],
    train: TrainingExamples,
    validation: TrainingExamples,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[float, list[dict[str, float]]]:
    """Return the learning rate with the lowest validation loss, and the loss of each.

    Every candidate starts from the same weights and trains on the same batches; one that diverges counts as
    infinitely bad. Of equal losses the smaller rate wins.

    Raises:
        Diverged: All of them diverge.
    """
    rows: list[dict[str, float]] = []
    for rate in sorted(candidates):
        model = make_model()
        training = make_training(rate)
        try:
            fit(model, training, train)
            loss, _ = evaluate(model, training, validation)
        except Diverged:
            loss = math.inf
        loss = loss if math.isfinite(loss) else math.inf  # NaN cannot be compared
        rows.append({"learning_rate": rate, "validation_loss": loss})
        report(f"learning rate {rate:g}: validation loss {loss:.4g}")
    best = min(rows, key=lambda row: row["validation_loss"])
    if not math.isfinite(best["validation_loss"]):
        raise Diverged(f"training diverged at every learning rate of {sorted(candidates)}")
    return best["learning_rate"], rows


class _Tally:
    """The mean loss and the accuracy of an epoch, summed on the device.

    Logits are kept until there are many and then judged together: a handful of small operations
    a step would be felt where a step takes a millisecond.
    """

    def __init__(self, device: torch.device, state: Mapping[str, float] = {}) -> None:
        self.losses, self.correct = (
            torch.tensor(state.get(name, 0.0), device=device) for name in ("losses", "correct")
        )
        self.seen, self.judged = int(state.get("seen", 0)), int(state.get("judged", 0))
        self.waiting = 0
        self.kept: list[tuple[Tensor, Tensor]] = []

    def add(self, loss: Tensor, logits: Tensor | None, targets: Tensor) -> None:
        self.losses += loss * len(targets)
        self.seen += len(targets)
        if logits is None or targets.is_floating_point():
            return
        self.kept.append((logits, targets))
        self.waiting += logits.numel()
        if self.waiting >= _JUDGED_TOGETHER:
            self.judge()

    def judge(self) -> None:
        if self.kept:
            logits, targets = (torch.cat(part) for part in zip(*self.kept, strict=True))
            self.correct += (logits.argmax(dim=1) == targets).sum()
            self.judged += len(targets)
        self.kept, self.waiting = [], 0

    def state(self) -> dict[str, float]:
        """Return the sums so far, exactly: of them another tally goes on."""
        self.judge()
        return {
            "losses": float(self.losses),
            "correct": float(self.correct),
            "seen": self.seen,
            "judged": self.judged,
        }

    def loss(self) -> float:
        return float(self.losses) / self.seen

    def accuracy(self) -> float | None:
        self.judge()
        return float(self.correct) / self.judged if self.judged else None


def _augmented(training: Training, inputs: Tensor, draws: Draws) -> Tensor:
    for place, augment in enumerate(training.augmentations):
        inputs = augment(inputs, draws.at("augmentation", place))
    return inputs


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

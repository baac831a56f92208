"""What a job of sort "fit" does: train, fine-tune or load weights. Imports torch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.catalogue.finding import write_findings
from harness.data.json_file import write_json
from harness.data.prepared import PreparedData
from harness.data.training_share import with_training_share
from harness.execute.fitted_model import FOUND
from harness.execute.job_device import start_device
from harness.execute.request import Items, Request
from harness.execute.trainer import Notes, Trainer, say
from harness.machine.energy import metered
from harness.measure.history import CURVES, TOOK
from harness.measure.memory import memory_rise
from harness.measure.metric import Metric
from harness.plan.grammar import format_value
from harness.plan.search import RESULT, SEARCH, SEARCHED, at_an_end
from harness.train import checkpoint
from harness.train.fit import FitResult, fit
from harness.train.left_random import left_random
from harness.train.length import still_falling
from harness.train.ranks import ALONE, Ranks
from harness.train.resume import Keeper
from harness.train.weight_names import find_unnamed

Yield = Callable[[Metric], None]


def run(request: Request, items: Items, metric: Yield, notes: Notes, ranks: Ranks = ALONE) -> None:
    """Train, fine-tune or load weights; or try settings for a search; or try one batch.

    ranks: the processes that train together. The first one writes and yields what there is to say.
    """
    spec = request.job.spec
    device = start_device(request, ranks.rank)
    settings = spec["training"]
    data = PreparedData.open(Path(request.needs[spec["data"]]))
    data = with_training_share(data, settings["train_share"], int(spec["seed"]))
    needs = None if request.trying else request.needs
    trainer = Trainer(spec, items, data.task, device, ranks, needs)
    if request.trying:
        trainer.try_batch(data)
        return
    if SEARCH in spec:
        tried = trainer.search(data)
        if not ranks.is_first:
            return
        write_json(Path(request.folder) / RESULT, tried)
        loss = math.inf if tried["validation_loss"] is None else tried["validation_loss"]
        notes["settings"] = settings = tried["settings"]
        where = settings if len(settings) == 1 else {"trial": spec[SEARCH]["trial"]}
        metric(Metric(name="validation_loss", value=loss, where=where))
        words = ", ".join(f"{key} {format_value(value)}" for key, value in settings.items())
        say(f"{words}: validation loss {loss:.4g}")
        return
    rate = trainer.rate()
    took: dict[str, Any] = {"searched": {}, "joules": None, "bytes": None}
    if trainer.tried:
        took["searched"] = trainer.search_cost()
    if trainer.said_architecture != spec["architecture"] and ranks.is_first:
        write_json(Path(request.folder) / FOUND, trainer.said_architecture)
    model = trainer.model(spec["seed"], notes)
    result = FitResult()
    if settings["epochs"] == 0 and "weights" in notes:
        unnamed = find_unnamed(Path(settings["weights"]), data.task, notes["weights"])
        write_findings(Path(request.folder), unnamed)
    if settings["epochs"] != 0:
        holders = ranks.count if device.type == "cpu" else 1  # a GPU has memory of its own
        validation = (
            data.split("validation", device, holders)
            if data.task.counts.get("validation")
            else None
        )
        length = trainer.length()
        training = trainer.training(rate, length, spec["seed"])
        train = data.split("train", device, holders)
        wrong = trainer.look_at_gradients(model, training, train) if ranks.is_first else []
        keeper = None
        if request.keep:
            keeper = Keeper(Path(request.keep), request.keep_every, say, ranks)
        boards = [f"cuda:{n}" for n in range(ranks.count)] if device.type == "cuda" else ["cpu"]
        with metered(*boards if ranks.is_first else ()) as joules, memory_rise(device) as rise:
            result = fit(model, training, train, validation, say, keeper, ranks)
            if not ranks.is_first:
                return
            took["bytes"] = rise()
            if keeper is None or not keeper.resumed:  # else it is of a part alone
                took["joules"] = joules()
                _report_energy(took["joules"], result.epochs * data.task.counts["train"], metric)
        default = trainer.default().epochs
        notes |= {"planned_epochs": length.epochs, "default_epochs": default}
        falling = still_falling(result.curves, length.epochs, default)
        techniques = [items("technique", one).item for one in settings["techniques"]]
        kept = [
            falling,
            left_random(settings, techniques, trainer.starts),
            at_an_end(trainer.tried) if settings["learning_rate"] == "search" else None,
        ]
        write_findings(Path(request.folder), [*filter(None, kept), *wrong])
    model.eval()
    outside = trainer.keep_outside(model, data)
    with checkpoint.save(model, Path(request.folder), data.task, outside).open("rb") as file:
        notes["weights_digest"] = hashlib.file_digest(file, "sha256").hexdigest()
    write_json(Path(request.folder) / CURVES, result.curves)
    write_json(Path(request.folder) / TOOK, took)
    if request.keep:
        Path(request.keep).unlink(missing_ok=True)
    notes |= {
        "learning_rate": rate,
        "preprocessing": data.task.preprocessing,
        "adaptations": model.adaptations(),
        "epochs": result.epochs,
        "maps": result.memory_format,
    }
    if cost := took["searched"]:
        failed = len(spec[SEARCHED]) - len(trainer.tried)
        notes["searched"] = {"settings": trainer.found["settings"], "failed": failed, **cost}
        cores, count = cost["core_seconds"], cost["candidates"]
        metric(Metric(name="search_core_seconds", value=cores, unit="CPU s", n=count))
    metric(Metric(name="fit_seconds", value=result.seconds, unit="s", n=1))
    metric(Metric(name="steps", value=result.steps, unit="count", exact=True))
    metric(Metric(name="best_epoch", value=result.best_epoch, unit="count", exact=True))
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        value = result.kept().get(name)
        if value is not None:
            split = name.split("_")[0]
            unit = "fraction" if name.endswith("accuracy") else ""
            metric(Metric(name=name, value=value, unit=unit, n=data.task.counts[split]))


def _report_energy(joules: float | None, examples: int, metric: Yield) -> None:
    """Report what a fit took, where this machine can tell: of the whole package or board."""
    if joules is not None:
        metric(Metric(name="fit_energy", value=joules, unit="J", n=1))
        metric(Metric(name="fit_energy_per_example", value=joules / examples, unit="J", n=1))

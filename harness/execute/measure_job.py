"""What a job of sort "measure" does: one measure on fitted models, or on a bare architecture."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Measure
from harness.catalogue.left_out import NOTE, LeftOut, hearing_left_out, keeping_left_out
from harness.catalogue.references import call
from harness.data.draws import derive
from harness.data.other import open_other
from harness.data.other_data import OtherData
from harness.data.prepared import PreparedData
from harness.data.preprocessing import Preprocessing
from harness.data.reread import RereadExamples, reread
from harness.data.seeding import seed_generators
from harness.data.streamed import open_copy
from harness.data.training_share import with_training_share
from harness.errors import PluginError
from harness.execute.fitted_model import fitted_model
from harness.execute.job_device import start_device
from harness.execute.loaded_model import LoadedModel
from harness.execute.measure_ranks import ranks_of
from harness.execute.request import Items, Request
from harness.machine.matrix_products import onednn_products
from harness.measure.context import EXAMPLES, Examples, FittedModel, MeasureContext
from harness.measure.history import read_history
from harness.measure.metric import Metric
from harness.measure.no_model import NoModel
from harness.plan.content import check_unchanged, files_digest
from harness.plan.jobs import SHARE, TRAINED
from harness.plan.names import choose_one
from harness.train.precision import autocast


def in_turn() -> Callable[[Request, Items, Callable[[Metric], None], dict[str, Any]], None]:
    """Return what `run` is for measures of one model that one process takes one after another: it loads the model once."""
    return partial(run, models=LoadedModel())


def run(
    request: Request,
    items: Items,
    metric: Callable[[Metric], None],
    notes: dict[str, Any],
    models: LoadedModel | None = None,
) -> None:
    """Run one measure on one fitted model, on a bare architecture, or on several fitted models; or ask whether it could.

    models: what keeps the model for the measure that follows in this process; None: none does.
    """
    spec, job = request.job.spec, request.job
    chosen = items("measure", spec["measure"])
    assert isinstance(chosen.item, Measure)
    # What forks must not have used a GPU.
    device = torch.device("cpu") if chosen.item.in_ranks else start_device(request)
    if chosen.item.in_ranks:
        torch.set_num_threads(1)
    data = PreparedData.open(Path(request.needs[spec["data"]]))
    if SHARE in spec:
        data = with_training_share(data, **spec[SHARE])

    def load(one: Mapping[str, Any]) -> torch.nn.Module:
        fit = one["fit"]
        seed_generators(derive(spec["seed"], "measure"))
        folder = request.needs[fit] if fit and not request.trying else None
        return fitted_model(items, one, data.task, device, folder)

    def model() -> torch.nn.Module:
        return load(spec) if models is None else models.get(partial(load, spec))

    if request.trying:
        options, check = chosen.model(), chosen.item.check
        assert check is not None
        with hearing_left_out() as beforehand:
            call(
                check,
                task=data.task,
                model=load(spec),
                options=options,
                split=lambda name: data.split(name, device),
            )
        notes[NOTE] = beforehand
        return

    def kept(one: Mapping[str, Any]) -> Mapping[str, Any]:
        if not one["kept"]:
            return {}
        with np.load(Path(request.needs[one["kept"]]) / EXAMPLES, allow_pickle=False) as arrays:
            return dict(arrays)

    @cache
    def train_examples(share: float) -> int:  # the same for every seed
        return with_training_share(data, share, 0).task.counts["train"]

    present, left_out = _present(request)
    fits = tuple(
        FittedModel(
            architecture=one["label"],
            behind=one["behind"],
            recipe=one["recipe"],
            dataset=job.axes["dataset"],
            seed=one["seed"],
            load=partial(load, one),
            kept=partial(kept, one),
            whole_recipes=tuple(one["whole_recipes"]),
            train_examples=train_examples(one["train_share"]),
        )
        for one in present
    )

    def corrupted(shift: str, severity: int) -> Examples:
        folder = Path(request.needs[spec["corrupted"][f"{shift}@{severity}"]])
        return open_copy(folder, data, items, device)

    def other(name: str) -> OtherData:
        return open_other(Path(request.needs[spec["others"][name]]), device)

    @cache
    def files() -> tuple[Chosen, Preprocessing | None]:
        made = spec["prepared"]
        dataset, asked = items("dataset", made["dataset"]), made["preprocessing"]
        check_unchanged(f"the files of {dataset.label!r}", made["files"], files_digest(dataset))
        return dataset, None if asked is None else Preprocessing.from_json(asked)

    def otherwise(reading: Mapping[str, Any]) -> RereadExamples:
        return reread(*files(), reading, data, device)

    def train_again(hooks: Any, epochs: int) -> None:
        # Covered by the fit's fingerprint, and imported by name: other measures do not depend on how models are trained.
        trainer = import_module("harness.execute.trainer")
        trainer.train_again(spec[TRAINED], items, request.needs, data, device, hooks, epochs)

    context = MeasureContext(
        task=data.task,
        model=model() if "architecture" in spec else NoModel(),
        device=device,
        precision=spec["precision"],
        threads=job.threads,
        seed=spec["seed"],
        options=chosen.model(),
        folder=Path(request.folder),
        split=lambda name: data.split(name, device),
        corrupted=corrupted,
        other=other,
        column=data.column,
        history=lambda: read_history(request.needs.get(spec.get("fit", ""))),
        choose=lambda kind, name: choose_one(items.catalogue, kind, name),
        autocast=lambda: autocast(device, spec["precision"]),
        fits=fits,
        reread=otherwise,
        devices=job.devices,
    )
    if TRAINED in spec:
        context = replace(context, train_again=train_again)
    if chosen.item.in_ranks:
        start = partial(start_device, request)
        context = replace(context, in_ranks=ranks_of(context.folder, job.device, start))
    count, undefined = 0, dict[str, None]()
    # What is timed or weighed is the model as its users run it.
    multiplying = nullcontext() if chosen.item.exclusive else onednn_products("answers")
    with keeping_left_out(Path(request.folder)), multiplying:
        for words in left_out:
            warnings.warn(words, LeftOut, stacklevel=1)
        for found in call(chosen.item.run, context=context) or ():
            if not isinstance(found, Metric):
                raise PluginError(
                    f"measure {chosen.label!r} yielded a {type(found).__name__}; yield harness.api.Metric"
                )
            metric(found)
            count += 1
            undefined |= {} if math.isfinite(found.value) else {found.name: None}
        for name in undefined:
            warnings.warn(f"{name} is no number, and is not shown", LeftOut, stacklevel=1)
    if not count:
        raise PluginError(f"measure {chosen.label!r} yielded no metric")


def _present(request: Request) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the models over which a measure ranges, less those of which something is lost, and why these are left out."""
    job, lost = request.job, request.lost
    present, left_out = list[Mapping[str, Any]](), list[str]()
    for one, needed in zip(job.spec.get("fits", ()), job.models, strict=True):
        why = next((lost[need] for need in job.needs if need in needed and need in lost), "")
        if why:
            model = " ".join(filter(None, (one["label"], one["recipe"])))
            left_out.append(f"the model {model} (seed {one['seed']}) is left out: {why}")
        else:
            present.append(one)
    return present, left_out

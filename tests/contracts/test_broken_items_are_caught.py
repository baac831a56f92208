"""Every contract fails on an item that breaks it, with a reason in words, and stops no other."""

import math
import random
import sys
import time
from typing import Annotated

import numpy as np
import pytest
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.nn import functional

from harness.api import (
    Architecture,
    Attack,
    Augmentation,
    Axis,
    Curve,
    Dataset,
    Engine,
    Grid,
    LoadedData,
    Measure,
    Metric,
    NotApplicable,
    Objective,
    Optimizer,
    Refers,
    Report,
    Schedule,
    Shift,
    Shown,
)
from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host
from harness.contracts import check_item

CATALOGUE = Host().catalogue


def failures(item) -> dict[str, str]:
    return {r.contract: r.reason for r in check_item(item, CATALOGUE) if not r.ok}


def linear(input_shape, num_classes, **layer):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), num_classes, **layer))


class Rate(BaseModel):
    model_config = ConfigDict(extra="forbid")
    learning_rate: float = Field(0.05, description="the learning rate")


class Loose(BaseModel):
    width: int = Field("wide", description="units")
    depth: int = 3


class Refering(BaseModel):
    model_config = ConfigDict(extra="forbid")
    attack: Annotated[str, Refers("attack")] = Field("pdg", description="an attack")


class Fickle(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: float = Field(default_factory=random.random, description="units")


# Architectures ----------------------------------------------------------------------------------


class BatchCentred(nn.Linear):
    def forward(self, inputs):
        outputs = super().forward(inputs.flatten(1))
        return outputs - outputs.mean(0)


class Misled(nn.Linear):
    """Its inputs get a third of their gradient."""

    def forward(self, inputs):
        flat = inputs.flatten(1)
        return super().forward(flat / 3 + 2 * flat.detach() / 3)


class Noisy(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs.flatten(1)) + torch.randn(1)


class Hidden(nn.Module):
    """Its scale is no parameter, so no checkpoint keeps it."""

    def __init__(self, size, outputs):
        super().__init__()
        self.inner, self.shift = nn.Linear(size, outputs), torch.randn(outputs)

    def forward(self, inputs):
        return self.inner(inputs.flatten(1)) + self.shift


def unused(input_shape, num_classes):
    net = linear(input_shape, num_classes)
    net.add_module("spare", nn.Sequential())
    net.spare.register_parameter("lost", nn.Parameter(torch.zeros(3)))
    return net


def constant_weights(input_shape, num_classes):
    net = linear(input_shape, num_classes)
    nn.init.ones_(net[1].weight), nn.init.zeros_(net[1].bias)
    return net


def wall_clock(input_shape, num_classes):
    torch.manual_seed(time.perf_counter_ns() % 2**31)
    return linear(input_shape, num_classes)


def too_wide(input_shape, num_classes):
    return linear(input_shape, num_classes + 1)


def overflowing(input_shape, num_classes):
    return nn.Sequential(linear(input_shape, num_classes), nn.Threshold(-1e9, math.nan), Divide())


class Divide(nn.Module):
    def forward(self, inputs):
        return inputs / 0


def exits(input_shape):
    sys.exit("no")


def of(cls):
    return lambda input_shape, num_classes: cls(math.prod(input_shape), num_classes)


# Data sets --------------------------------------------------------------------------------------


def table(count=40, seed=0, modality="table"):
    inputs = np.random.default_rng(seed).random((count, 3))
    return LoadedData(
        modality=modality, problem="classification", inputs=inputs, targets=np.arange(count) % 2
    )


def holed():
    loaded = table()
    loaded.inputs[7, 1] = np.nan
    return loaded


# Training ---------------------------------------------------------------------------------------


def parameters_of(parameters):
    return [parameter for _, parameter in parameters]


def deaf_optimizer(parameters):
    return torch.optim.SGD(parameters_of(parameters), lr=0.05)


class Climber(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data += group["lr"] * parameter.grad


def climber(parameters, learning_rate):
    return Climber(parameters_of(parameters), lr=learning_rate)


def half_optimizer(parameters, learning_rate):
    return torch.optim.SGD(parameters_of(parameters)[:1], lr=learning_rate)


class Restless(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data -= 0.01 * parameter.grad


def restless(parameters, learning_rate):
    return Restless(parameters_of(parameters), lr=learning_rate)


def stateful_schedule(steps):
    seen = []

    def factor(step):
        seen.append(step)
        return 1 / len(seen)

    return factor


def global_noise(task):
    return lambda inputs, draws: (inputs + 0.1 * torch.randn_like(inputs)).clamp(
        task.low, task.high
    )


def in_place(task):
    def augment(inputs, draws):
        return inputs.mul_(0.5)

    return augment


def batch_mean(task):
    return lambda inputs, draws: 0.5 * inputs + 0.5 * inputs.mean(0, keepdim=True)


def doubled(task):
    return lambda inputs, draws: inputs * 2 + 0.1


def prepares_by_chance(context):
    return torch.rand(context.task.input_shape)


def prepares_by_training(context):
    inputs, targets, _ = next(context.train.batches(64))
    functional.cross_entropy(context.model(inputs), targets).backward()
    return torch.ones(context.task.input_shape)


def prepared_step(inputs, budget, prepared):
    return budget.clip(inputs, inputs + budget.epsilon * prepared)


def vector_loss(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits, targets, reduction="none"), logits

    return objective


def freezing(task):
    def objective(model, inputs, targets, draws):
        model.eval()
        logits = model(inputs)
        model.train()
        return functional.cross_entropy(logits, targets), logits

    return objective


def detached(task):
    def objective(model, inputs, targets, draws):
        return functional.cross_entropy(model(inputs), targets).detach(), None

    return objective


def half_held(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits / 2 + logits.detach() / 2, targets), logits

    return objective


def wrong_logits(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits, targets), logits[:, :2]

    return objective


def restless_loss(task):
    def objective(model, inputs, targets, draws):
        return functional.cross_entropy(model(inputs), targets) * (1 + random.random()), None

    return objective


# Attacks and shifts -----------------------------------------------------------------------------


def sign(inputs, draws):
    return (2 * draws.uniform("sign", tuple(inputs.shape[1:])) - 1).sign()


def leaves_ball(inputs, budget, draws):
    return (inputs + 1.5 * budget.epsilon * sign(inputs, draws)).clamp(budget.low, budget.high)


def leaves_box(inputs, budget, draws):
    return inputs + budget.epsilon * sign(inputs, draws)


def does_nothing(inputs):
    return inputs


def always_moves(inputs, budget):
    return (inputs + 0.01).clamp(budget.low, budget.high)


def global_start(inputs, budget):
    return budget.clip(inputs, inputs + budget.epsilon * torch.randn_like(inputs).sign())


def leaves_gradients(model, inputs, targets, budget):
    leaf = inputs.clone().requires_grad_()
    functional.cross_entropy(model(leaf), targets).backward()
    return budget.clip(inputs, inputs + budget.epsilon * leaf.grad.sign())


def switches_mode(model, inputs, budget, draws):
    model.train()
    return budget.clip(inputs, inputs + budget.epsilon * sign(inputs, draws))


def by_position(inputs, budget, draws):
    turns = torch.where(torch.arange(len(inputs)) % 2 == 0, 1.0, 0.0)
    step = turns.view(-1, *[1] * (inputs.dim() - 1)) * sign(inputs, draws)
    return budget.clip(inputs, inputs + 20 * budget.epsilon * step)


def centred(inputs, task):
    return (0.5 * inputs + 0.5 * inputs.mean(0, keepdim=True)).clamp(task.low, task.high)


def half_in_place(inputs):
    return inputs.mul_(0.5)


def global_shift(inputs, severity, task):
    return (inputs + 0.1 * severity * random.random()).clamp(task.low, task.high)


def no_shift(inputs, severity):
    return inputs.clone()


def reversed_shift(inputs, severity, task):
    return (inputs - 0.1 * (6 - severity)).clamp(task.low, task.high)


def grows(inputs, severity):
    return inputs * (1 + severity)


def flattened(inputs, severity):
    return inputs.flatten(1)


# Measures and reports ---------------------------------------------------------------------------


def metric(value=0.5, **fields):
    return lambda context: [Metric(name="score", value=value, **fields)]


def twice(context):
    yield Metric(name="score", value=1.0)
    yield Metric(name="score", value=2.0)


def keeps_too_few(context):
    context.save_examples(ids=torch.arange(3), right=torch.tensor([True, False]))
    yield Metric(name="score", value=0.5, examples=("right",))


def averages_wrongly(context):
    context.save_examples(ids=torch.arange(4), right=torch.tensor([True, False, False, False]))
    yield Metric(name="score", value=0.75, examples=("right",))


def destroys(context):
    for parameter in context.model.parameters():
        parameter.data.zero_()
    yield Metric(name="score", value=1.0)


def destroys_the_last(context):
    for fit in context.fits:
        model = fit.load()
    model[-1].bias.data.zero_()
    yield Metric(name="score", value=1.0)


def asks_the_one_model(context):
    yield Metric(name="score", value=float(context.model(torch.zeros(1, 1, 8, 8)).sum()))


def unescaped(report):
    return "<table>" + "".join(f"<td>{row.architecture}</td>" for row in report.rows)


def best(report):
    return report.rows[0].architecture


def timed(report):
    return f"tiny {time.perf_counter_ns()}"


LOADS = "It loads, and its contents pass the checks that every run makes."
CASES = {
    "name": (
        Shift(name="my shift", apply=grows, takes=("image",)),
        "Its name follows",
        "'my shift'",
    ),
    "summary": (
        Shift(name="x", summary="a\nb", takes=("image",), apply=grows),
        "Its summary",
        "2 lines",
    ),
    "takes": (Shift(name="x", apply=grows, takes=("picture",)), "It says what", "picture"),
    "takes a text": (
        Shift(name="x", apply=grows, takes="image"),
        "It says what",
        "takes is 'image'",
    ),
    "reference": (
        Shift(name="x", apply="no_such.module:f", takes=("image",)),
        "Every function",
        "no_such",
    ),
    "attribute": (
        Shift(name="x", apply="json:no_such", takes=("image",)),
        "Every function",
        "no_such",
    ),
    "default": (
        Shift(name="x", apply=grows, takes=("image",), options=Loose),
        "Each of its options",
        "'wide'",
    ),
    "extra": (
        Shift(name="x", apply=grows, takes=("image",), options=Loose),
        "An option that",
        "extra",
    ),
    "refers": (
        Shift(name="x", apply=grows, takes=("image",), options=Refering),
        "The items that",
        "'pdg'",
    ),
    "fickle": (
        Shift(name="x", apply=grows, takes=("image",), options=Fickle),
        "Its options come",
        "differ",
    ),
    "family": (
        Architecture(name="zoo/", build=linear, takes=("image",), members="json:dumps"),
        "A family lists",
        "cannot be listed",
    ),
    "width": (
        Architecture(name="x", build=too_wide, takes=("image",)),
        "It builds for all",
        "(6, 11)",
    ),
    "not finite": (
        Architecture(name="x", build=overflowing, takes=("image",)),
        "It builds for all",
        "not finite",
    ),
    "exit": (
        Architecture(name="x", build=exits, takes=("image",)),
        "It builds for all",
        "SystemExit: no",
    ),
    "no module": (
        Architecture(name="x", build=lambda task: 3, takes=("image",)),
        "It builds",
        "built a int",
    ),
    "asks": (
        Architecture(name="x", build=lambda depth: 3, takes=("image",)),
        "It builds",
        "'depth'",
    ),
    "unused": (
        Architecture(name="x", build=unused, takes=("image",)),
        "A gradient reaches",
        "spare.lost",
    ),
    "unseeded": (
        Architecture(name="x", build=wall_clock, takes=("image",)),
        "The same seed",
        "differ",
    ),
    "constant": (
        Architecture(name="x", build=constant_weights, takes=("image",)),
        "The same seed",
        "depend",
    ),
    "batch": (
        Architecture(name="x", build=of(BatchCentred), takes=("image",)),
        "In evaluation",
        "others in its",
    ),
    "misled": (
        Architecture(name="x", build=of(Misled), takes=("image",)),
        "Its gradients, of",
        "rise 3.00 times",
    ),
    "noisy": (
        Architecture(name="x", build=of(Noisy), takes=("image",)),
        "In evaluation",
        "two passes",
    ),
    "checkpoint": (
        Architecture(name="x", build=of(Hidden), takes=("image",)),
        "Its weights come",
        "other logits",
    ),
    "nan": (Dataset(name="x", load=holed, modality="table"), "It loads", "example 7"),
    "few": (Dataset(name="x", load=lambda: table(3), modality="table"), "It loads", "too few"),
    "modality": (Dataset(name="x", load=table), "Its examples are", "loads 'table'"),
    "shape": (
        Dataset(name="x", load=lambda: table(modality="sequence"), modality="sequence"),
        "It loads",
        "wanted (time, features)",
    ),
    "random data": (
        Dataset(name="x", load=lambda: table(seed=time.time_ns()), modality="table"),
        "Loaded twice",
        "other examples",
    ),
    "no rate": (Optimizer(name="x", build=climber), "At its default", "learning_rate"),
    "climbs": (Optimizer(name="x", build=climber, options=Rate), "At its default", "the loss went"),
    "deaf": (Optimizer(name="x", build=deaf_optimizer, options=Rate), "It takes the", "lr is 0.05"),
    "restless": (Optimizer(name="x", build=restless, options=Rate), "Where a schedule", "moved"),
    "half": (Optimizer(name="x", build=half_optimizer, options=Rate), "It trains all", "bias"),
    "factor": (Schedule(name="x", build=lambda: lambda step: step), "Its factors", "factor 2"),
    "zero": (Schedule(name="x", build=lambda: lambda step: 0), "Some factor", "are zero"),
    "divides": (
        Schedule(name="x", build=lambda steps: lambda step: step / (steps - 1)),
        "Its factors",
        "ZeroDivisionError",
    ),
    "stateful": (Schedule(name="x", build=stateful_schedule), "A factor depends", "backwards"),
    "global": (
        Augmentation(name="x", build=global_noise, takes=("image",)),
        "It is random by",
        "of torch",
    ),
    "in place": (
        Augmentation(name="x", build=in_place, takes=("image",)),
        "It leaves the inputs",
        "in place",
    ),
    "batch mean": (
        Augmentation(name="x", build=batch_mean, takes=("image",)),
        "What becomes",
        "another batch",
    ),
    "range": (
        Augmentation(name="x", build=doubled, takes=("image",)),
        "It returns inputs",
        "outside [0, 1]",
    ),
    "vector": (
        Objective(name="x", takes=("image", "sequence", "table"), build=vector_loss),
        "Its loss is",
        "average it",
    ),
    "half held": (
        Objective(name="x", takes=("image", "sequence", "table"), build=half_held),
        "Differences of its loss",
        "parameters (",
    ),
    "modes": (
        Objective(name="x", takes=("image", "sequence", "table"), build=freezing),
        "It leaves modes",
        "another mode",
    ),
    "detached": (
        Objective(name="x", takes=("image", "sequence", "table"), build=detached),
        "The gradient of",
        "no gradient",
    ),
    "logits": (
        Objective(name="x", takes=("image", "sequence", "table"), build=wrong_logits),
        "Its logits are",
        "wanted (24, 10)",
    ),
    "random loss": (
        Objective(name="x", takes=("image", "sequence", "table"), build=restless_loss),
        "The same draws",
        "another loss",
    ),
    "ball": (
        Attack(name="x", perturb=leaves_ball, takes=("table",)),
        "It stays inside",
        "the norm",
    ),
    "box": (
        Attack(name="x", perturb=leaves_box, takes=("table",)),
        "It stays inside",
        "outside [-2, 5]",
    ),
    "idle": (
        Attack(name="x", perturb=does_nothing, takes=("table",)),
        "It never raises",
        "withstand",
    ),
    "epsilon 0": (
        Attack(name="x", perturb=always_moves, takes=("table",)),
        "With epsilon 0",
        "moves inputs",
    ),
    "start": (
        Attack(name="x", perturb=global_start, takes=("table",)),
        "It leaves the model",
        "of torch",
    ),
    "start again": (
        Attack(name="x", perturb=global_start, takes=("table",)),
        "The same draws",
        "other examples",
    ),
    "grads": (
        Attack(name="x", perturb=leaves_gradients, takes=("table",)),
        "It leaves the model",
        "left gradients",
    ),
    "mode": (
        Attack(name="x", perturb=switches_mode, takes=("table",)),
        "It leaves the model",
        "another mode",
    ),
    "position": (
        Attack(name="x", perturb=by_position, norms=("linf",), takes=("table",)),
        "Whether an example",
        "verdicts change",
    ),
    "prepared by chance": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_chance),
        "The same draws",
        "other examples",
    ),
    "prepared from a global generator": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_chance),
        "It leaves the model",
        "of torch",
    ),
    "prepared by training": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_training),
        "It leaves the model",
        "left gradients",
    ),
    "still": (Shift(name="x", apply=no_shift, takes=("image",)), "Severity 5", "leaves all"),
    "reversed": (
        Shift(name="x", apply=reversed_shift, takes=("image",)),
        "Severity 5",
        "severity 1 by",
    ),
    "grows": (Shift(name="x", apply=grows, takes=("image",)), "At severities", "outside"),
    "flat": (Shift(name="x", apply=flattened, takes=("image",)), "At severities", "the shape"),
    "shift in place": (
        Shift(name="x", apply=half_in_place, takes=("image",)),
        "It leaves the inputs",
        "in place",
    ),
    "shift by batch": (
        Shift(name="x", apply=centred, takes=("image",)),
        "What becomes",
        "another batch",
    ),
    "global shift": (
        Shift(name="x", apply=global_shift, takes=("image",)),
        "It is random",
        "of random",
    ),
    "nothing": (
        Measure(name="x", takes=("image", "sequence", "table"), run=lambda context: []),
        "On a small fitted",
        "no metric",
    ),
    "a number": (
        Measure(name="x", takes=("image", "sequence", "table"), run=lambda context: [0.5]),
        "On a small",
        "yielded a float",
    ),
    "nan metric": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(math.nan)),
        "On a small fitted",
        "is nan",
    ),
    "interval": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(low=0.6, high=0.7)),
        "A metric's",
        "outside its",
    ),
    "one end": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(low=0.1)),
        "A metric's",
        "only one end",
    ),
    "json": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(where={"a": {1}})),
        "Its metrics can",
        "set is not JSON",
    ),
    "twice": (
        Measure(name="x", takes=("image", "sequence", "table"), run=twice),
        "No two of its",
        "yielded twice",
    ),
    "unkept": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(examples=("right",))),
        "The arrays by example",
        "names 'right' in examples=, but save_examples kept nothing",
    ),
    "too few": (
        Measure(name="x", takes=("image", "sequence", "table"), run=keeps_too_few),
        "The arrays by example",
        "each of the ids",
    ),
    "average": (
        Measure(name="x", takes=("image", "sequence", "table"), run=averages_wrongly),
        "The arrays by example",
        "is 0.75, but the verdicts behind it average to 0.25",
    ),
    "axes": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"batch": 8, "flag": "drift"}),
            axes=(Axis(name="batch_size"),),
        ),
        "Where it declares axes",
        "holds for 'batch', but the axes declare batch_size",
    ),
    "shows": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(),
            shows=(Shown(metric="sorce", key="k", title="t"),),
        ),
        "Each column",
        "shows 'sorce', but yields score",
    ),
    "title": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(),
            shows=(Shown(metric="score", key="k", title="{size}"),),
        ),
        "Each column",
        "size",
    ),
    "chart": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"size": 3}),
            charts=(Curve(title="t", y="sorce", x="size"),),
        ),
        "Each chart",
        "the chart 't' draws 'sorce', but it yields score",
    ),
    "chart axis": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"size": 3}),
            charts=(Grid(title="t", value="score", x="sizes"),),
        ),
        "Each chart",
        "over 'sizes', but that holds for size",
    ),
    "destroys": (
        Measure(name="x", takes=("image", "sequence", "table"), run=destroys),
        "It leaves the model",
        "changed the model",
    ),
    "scope": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(), scope="all"),
        "It says what",
        "scope is 'all'",
    ),
    "access": (
        Attack(name="x", perturb=does_nothing, takes=("table",), access="eyes"),
        "It says what",
        "access is 'eyes'",
    ),
    "the one": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=asks_the_one_model,
            over=("architecture", "recipe"),
        ),
        "On a small",
        "context.fits",
    ),
    "one of many": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=destroys_the_last,
            over=("architecture", "recipe"),
        ),
        "It leaves the model",
        "changed the model",
    ),
    "unescaped": (Report(name="x", render=unescaped, suffix=".html"), "Names with", "<script>"),
    "best": (Report(name="x", render=best), "A run in which", "IndexError"),
    "timed": (Report(name="x", render=timed), "The same run", "different files"),
    "none": (Report(name="x", render=lambda report: None), "It renders", "NoneType"),
    "suffix": (Report(name="x", render=best, suffix="txt"), "The suffix", "'txt'"),
    "engine": (Engine(name="x", start=lambda cluster: None), "It can be started", "cluster"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_item_is_caught_in_words(case):
    item, contract, words = CASES[case]
    found = failures(item)
    (reason,) = [found[name] for name in found if name.startswith(contract)] or [found]
    assert words in str(reason)


def test_every_contract_has_an_item_that_breaks_it():
    import importlib

    from harness.catalogue.kinds import KINDS

    words = []
    for module in ("item", *KINDS):
        for contract in importlib.import_module(f"harness.contracts.{module}").CONTRACTS:
            words.append((module, contract.__doc__.splitlines()[0]))
    broken = {
        (module, sentence)
        for item, start, _ in CASES.values()
        for module, sentence in words
        if sentence.startswith(start) and module in ("item", item.kind)
    }
    missing = {sentence for module, sentence in words if (module, sentence) not in broken}
    assert missing == set()


def test_what_does_not_apply_is_not_checked_with_the_reason():
    class Needs(BaseModel):
        model_config = ConfigDict(extra="forbid")
        path: str = Field(description="a file")

    def refuses(task):
        raise NotApplicable("it is for others")

    for item, reason in (
        (Dataset(name="x", load=table, options=Needs), "it needs the option path"),
        (Architecture(name="x", build=refuses, takes=("image",)), "it is for others"),
        (Optimizer(name="x", build=climber, options=Rate, requires=("cuda",)), "on a GPU only"),
    ):
        results = list(check_item(item, Catalogue([])))
        assert all(result.ok for result in results)
        assert any(reason in result.reason for result in results), item

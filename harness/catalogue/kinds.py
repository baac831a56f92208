"""The kinds of items that plugins provide: plain frozen data, no behaviour.

Every item names a callable, itself or as "package.module:function" so that listing imports no
torch. The callable asks for what it needs by parameter name (see `references.call`); the names
that each kind offers stand in its docstring. An item may carry a pydantic model of its options; the
callable receives the validated model as `options`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from harness.catalogue.charts import Chart
from harness.catalogue.gallery import Gallery
from harness.catalogue.item import Item
from harness.catalogue.references import Reference
from harness.catalogue.run_kinds import Engine, Report
from harness.catalogue.shown import Axis, Floor, Shown
from harness.catalogue.subjects import EXAMPLE, Modality, Problem

SCOPES = ("fit", "architecture", "data")
RANGES = ("architecture", "recipe", "seed")  # over which a measure of fitted models may range
NORMS = ("linf", "l2", "l1", "l0", "edits")
ACCESS = ("gradients", "scores", "decisions")


@dataclass(frozen=True, kw_only=True)
class Architecture(Item):
    """A model that can be built for a task.

    build(task, options, input_shape, in_channels, num_classes, member, pretrained, published) -> nn.Module
        whose input is a tensor ``(batch, *input_shape)`` of the modality's type and whose output is logits
        ``(batch, num_classes)`` (regression: ``(batch, 1)``), or what `task.output_shape` says.
    answers_each: what it can answer for: each "example", or parts of one (see `Problem.answers_each`); of problems
        that ask for other answers its fits are skipped.
    takes: the modalities that it reads; others are adapted where that is possible (an image to a
        sequence of rows or to a flat table), and skipped where it is not.
    wants(task, options, member, published) -> InputSpec, the input that it needs where that is not
        the task's own shape.
    pretrained(member, facts, options) checks, without torch, that published weights can be had here; it
        raises UsageError in words. None: there are none.
    preprocessing(member, facts, options) -> the Preprocessing that published weights expect, without
        torch; data sets that read pictures of any size follow it.
    sizes: known ones, options as they are written -> parameters at 1,000 classes of images of 3 x 224 x 224, such as
        {"depth=50": 25_557_032}; `harness show` tells them, and a contract counts.
    checked_with: options with which contracts build it, where its defaults would take long.

    `published` is true wherever a fit starts from published weights, so also where the fitted ones are
    put in afterwards; for `build`, `pretrained` is true only where the published ones are to be loaded now.
    For `wants` both are the same.
    """

    kind = "architecture"
    build: Reference
    takes: tuple[str, ...]
    answers_each: tuple[str, ...] = (EXAMPLE,)
    wants: Reference | None = None
    pretrained: Reference | None = None
    preprocessing: Reference | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    checked_with: Mapping[str, Any] = field(default_factory=dict)
    offers: ClassVar[tuple[str, ...]] = (  # to build
        *("task", "options", "input_shape", "in_channels", "num_classes"),
        *("member", "pretrained", "published"),
    )
    _callable_fields: ClassVar[tuple[str, ...]] = ("build", "wants")
    _planning_fields: ClassVar[tuple[str, ...]] = (
        "answers_each",
        "pretrained",
        "preprocessing",
        "sizes",
        "checked_with",
    )


@dataclass(frozen=True, kw_only=True)
class Dataset(Item):
    """Labelled examples.

    load(options, preprocessing, reading) -> LoadedData. reading: fields of a Preprocessing, and values that they are to
        have in place of those that it would read pictures with; None: none.
    modality, problem: what it gives; an option of the same name, where there is one, wins. "": the one that is the default.
    files: no more and no less than it reads.
    preprocesses(options) -> whether `load` follows a Preprocessing that published weights expect; not
        where the options say themselves how pictures are read. None: it never does, nor any `reading`.
    opens: what a bare path on the command line must be for this data set to read it: "folder", a suffix such as
        ".csv", or "folder/data_batch_*", a folder with a file of such a name, or "folder/train,meta", with a file of each of
        several, or "folder/images/", with a folder of that name, or "folder of .txt", one all of whose files end so; its option `path` receives the path. Of several data
        sets that open it the one is taken whose `problem` is what the option `problem` says, else the first.
    settle(options) -> {option: value}, read from the files while a plan is made, for an option such as
        `problem` whose default leaves it to them; no jobs depend on more than that.
    check(options): UsageError where an option names what the files do not have, such as a column, as far as headers tell: before
        anything runs.
    outline(options) -> an Outline, what names and headers of its files tell a plan; DataError where they are wrong.
    extent(options) -> (examples, numbers that each is made of), about, as far as options, names and lengths of files tell, or these
        two: by them a plan foretells how long fits take of which none has run.
    shift_of: the data, in a word such as "cifar10", of which this is a shift: models are trained on that and
        measured on this.
    """

    kind = "dataset"
    preloaded = False  # one job reads it, and no other waits for its library
    load: Reference
    modality: str = ""
    problem: str = ""
    preprocesses: Reference | None = None
    opens: tuple[str, ...] = ()
    settle: Reference | None = None
    check: Reference | None = None
    outline: Reference | None = None
    extent: Reference | tuple[int, int] | None = None
    shift_of: str = ""
    _callable_fields: ClassVar[tuple[str, ...]] = ("load",)
    _planning_fields: ClassVar[tuple[str, ...]] = (
        "opens",
        "preprocesses",
        "settle",
        "check",
        "outline",
        "extent",
        "shift_of",
    )


@dataclass(frozen=True, kw_only=True)
class Optimizer(Item):
    """A rule that updates parameters.

    build(parameters, learning_rate, options, member) -> torch.optim.Optimizer. The options model
    must have a field ``learning_rate``; its default is used where a recipe gives none.
    requires: "cuda" where it cannot step on a CPU.
    default: it is used where a recipe names none; one of all.
    """

    kind = "optimizer"
    build: Reference
    requires: tuple[str, ...] = ()
    default: bool = False
    _callable_fields: ClassVar[tuple[str, ...]] = ("build",)
    _planning_fields: ClassVar[tuple[str, ...]] = ("default", "requires")


@dataclass(frozen=True, kw_only=True)
class Schedule(Item):
    """The learning rate over time.

    build(steps, curves, options) -> a function from the step (0 to steps - 1) to the factor, 0 to 1, that
    multiplies the learning rate. curves: a list of what was seen so far, a row for each epoch after which the fit looked:
    epoch, train_loss, validation_loss (None where there are no validation examples) and more; it grows as the fit goes on.
    default: it is used where a recipe names none; one of all.
    """

    kind = "schedule"
    build: Reference
    default: bool = False
    _callable_fields: ClassVar[tuple[str, ...]] = ("build",)
    _planning_fields: ClassVar[tuple[str, ...]] = ("default",)


@dataclass(frozen=True, kw_only=True)
class Technique(Item):
    """A change to how training steps are taken, such as averaged weights or clipped gradients.

    build(options, task) -> a `TrainingHooks`, whose methods a fit calls; each fit has its own. The fitted model has the
        parts, and the names of weights, that it had before.
    of_trained: whether it leaves a network mostly as it was given, and so is for weights that were trained before.
    """

    kind = "technique"
    build: Reference
    of_trained: bool = False
    _callable_fields: ClassVar[tuple[str, ...]] = ("build",)


@dataclass(frozen=True, kw_only=True)
class Augmentation(Item):
    """A random change to training inputs.

    build(task, options) -> a function of (inputs ``(batch, *shape)`` in data space, draws) that
    returns inputs of the same shape and range.
    keeps_places: whether all that an image shows stays at its pixels. moves(task, options, draws) -> how it moves where it does not,
        ``(batch, 3, 3)`` as `Problem.move` takes it. Where neither is said, fits are skipped whose targets say where things are.
    """

    kind = "augmentation"
    build: Reference
    takes: tuple[str, ...]
    keeps_places: bool = False
    moves: Reference | None = None
    _callable_fields: ClassVar[tuple[str, ...]] = ("build", "moves")
    _planning_fields: ClassVar[tuple[str, ...]] = ("keeps_places",)


@dataclass(frozen=True, kw_only=True)
class Objective(Item):
    """What training minimises.

    build(task, teacher, options) -> a function of (model, inputs, targets, draws) that returns (loss, logits);
    the loss is a scalar tensor; logits, ``(batch, outputs)`` for the targets as given, may be None.
    problems, takes: the problems and modalities where it makes sense; elsewhere fits are skipped with
        that reason. Words or globs that mean their names or groups; no problem: the one that is the default.
    default: it is used where a recipe names none; one for each problem and modality.
    joins: whether its loss joins examples of a batch, as mixup does, so that it is not the mean of the losses of the
        batch's parts: a recipe that cuts batches (devices, accumulate) is refused.
    taught: whether its build asks for a `teacher`, a function of inputs ``(batch, *shape)`` that returns the logits, without a gradient, of
        the trial that a recipe names with teacher = { architecture = ..., recipe = ... }.
    holds: what its loss holds on purpose, such as "the teacher's answers", so that its gradient is not the loss's
        derivative; "": nothing.
    """

    kind = "objective"
    build: Reference
    problems: tuple[str, ...] = ()
    takes: tuple[str, ...]
    default: bool = False
    joins: bool = False
    taught: bool = False
    holds: str = ""
    _callable_fields: ClassVar[tuple[str, ...]] = ("build",)
    _planning_fields: ClassVar[tuple[str, ...]] = (
        "default",
        "problems",
        "takes",
        "joins",
        "taught",
        "holds",
    )


@dataclass(frozen=True, kw_only=True)
class Attack(Item):
    """A search for a small perturbation that changes a model's answer.

    perturb(model, inputs, targets, budget, draws, options, prepared) -> perturbed inputs, inside the
        budget's ball and box; the model maps data space to logits. Where `minimum_norm` is not said, its batch norms may be folded
        into convolutions, which is the same but for rounding. One that asks for `larger`, budgets by rising radius, returns
        what it found in each ball, ``(1 + len(larger), batch, *shape)``.
    prepare(context) -> whatever `perturb` receives as `prepared`: it runs once for each model, before the
        examples to attack are there, and has the training examples (an `AttackContext`). A perturbation
        that is the same for all examples, or a substitute model, is made in it.
    norms: those of "linf", "l2", "l1", "l0" and "edits" (see `Budget`) that it is defined for.
    minimum_norm: it looks for the nearest perturbation that changes the answer, whatever epsilon is;
        with an infinite one it returns the nearest that it found, and the input where it found none.
    checked_with: options with which contracts run it, where its defaults would take minutes.
    access: what it learns of the model: "gradients", "scores" (its outputs alone) or "decisions" (its
        answers alone).
    fewest_classes: for which it is what its paper defines; with fewer it uses what is left of that.
    takes: the modalities in which its steps make sense; on others it is left out with that reason. problems: likewise; no problem: the
        one that is the default. One for others, too, asks for the Problem as `problem`, whose `fooled` says what it is after and whose
        `loss` rises where that is near.
    """

    kind = "attack"
    perturb: Reference
    prepare: Reference | None = None
    norms: tuple[str, ...] = ("linf",)
    minimum_norm: bool = False
    checked_with: Mapping[str, Any] = field(default_factory=dict)
    access: str = "gradients"
    fewest_classes: int = 2
    problems: tuple[str, ...] = ()
    takes: tuple[str, ...]
    _callable_fields: ClassVar[tuple[str, ...]] = ("perturb", "prepare")
    _planning_fields: ClassVar[tuple[str, ...]] = ("checked_with", "problems")


@dataclass(frozen=True, kw_only=True)
class Certificate(Item):
    """A proof that no perturbation inside a ball changes a model's right answer.

    certify(model, inputs, targets, budget) -> ``(batch,)`` bool: the answer at each input is the target, and proved to be so
        everywhere in the budget's ball and box. The model maps data space to logits, in evaluation mode. It raises
        NotApplicable for a network that it has no bounds of.
    norms: those of "linf", "l2", "l1" and "l0" (see `Budget`) in which it proves something.
    """

    kind = "certificate"
    certify: Reference
    norms: tuple[str, ...]
    takes: tuple[str, ...]
    _callable_fields: ClassVar[tuple[str, ...]] = ("certify",)


@dataclass(frozen=True, kw_only=True)
class Shift(Item):
    """A change of the data's distribution, in severities 1 to 5.

    apply(inputs, severity, draws, task, options) -> inputs of the same shape, in the task's range.
    keeps_places: whether all that an image shows stays at its pixels, as under noise. moves(severity, draws, task, options) ->
        how it moves where it does not, ``(batch, 3, 3)`` as `Problem.move` takes it. Where neither is said, the shift is left out
        for problems whose targets say where things are.
    eight_bit: whether `apply`, and `saved`, take images kept in 8 bits as such too, uint8, and give such: what they make of them as
        numbers from 0 to 1, rounded, but for a level where that is close to a half.
    saved(inputs, task, options) -> what becomes of changed inputs in a file of a format that loses something; None: nothing.
    groups: words that stand for it and others in a list of shifts, such as "imagenet-c".
    window: pixels of an image, high and wide, that it needs so as to change it at all; smaller images are refused.
    """

    kind = "shift"
    apply: Reference
    takes: tuple[str, ...]
    keeps_places: bool = False
    moves: Reference | None = None
    eight_bit: bool = False
    saved: Reference | None = None
    groups: tuple[str, ...] = ()
    window: int = 1
    _callable_fields: ClassVar[tuple[str, ...]] = ("apply", "moves", "saved")
    _planning_fields: ClassVar[tuple[str, ...]] = ("groups",)


@dataclass(frozen=True, kw_only=True)
class Measure(Item):
    """Something that is measured on a model.

    run(context) yields Metric.
    scope: "fit": a job for each fitted model; "architecture": for each bare model; "data": one for each data
        set, whatever is trained on it, which has no model. A metric of the last that says `architecture` in its
        `where` has a row of that name.
    over: the axes over which it ranges where it is about several fitted models, of "architecture",
        "recipe" and "seed": ("seed",) is one job for all seeds of an architecture under a recipe,
        ("architecture", "recipe") one for all models of a seed. They share the data set, the precision
        and the device, and `context.fits` offers two of them or more: those of which nothing failed that it needs; the
        report names the others.
    exclusive: it times or weighs, so it runs alone, and its fingerprint covers the machine.
    shares_process: it leaves its process as it found it, and neither ends nor hangs it, so that one process may take it with others of
        the same model, one after another: that saves starting a process and loading the model. Only where all of them say so.
        Where the process ends all the same, the one under way runs again alone. Nothing comes of it where it runs alone for another reason.
    trains_again: it follows how its model was trained, with `context.train_again`; of scope "fit", not over several.
    in_ranks: it starts processes of its own with `context.in_ranks`, on all GPUs of a machine or all cores, each with one
        thread.
    floors: the rows that it yields, with scope "data", which any model should beat; it is taken as a matter of
        course where a suite trains models and has their headline measured.
    timed: it keeps timings of calls, to which its metrics point with `Metric.samples`; pytest-benchmark
        is given them.
    problems, takes: the problems and modalities where it makes sense; elsewhere it is skipped with that
        reason. Words or globs that mean their names or groups; no problem: the one that is the default.
    prepares(options) -> the (shift name, severity) pairs whose corrupted copies it reads.
    reads: of one that ranges over several, names of measures whose per-example arrays it can take in place of asking
        the models again (`FittedModel.kept`): those of the suite that read all these copies, on every model.
    seconds(options) -> how long it takes at least by its options, such as those for which it is to time calls.
    check(task, model, options, split): raises NotApplicable where nothing can be measured of such data or such a model, which is
        not trained yet; asked before the first fit. Not of one that ranges over several.
    unfit(options, models, classes) -> why models cannot be compared by it, or "", of one that ranges over several: asked when the plan is
        made, and of one model, too, which is refused where a measure says nothing. models: (architecture, recipe) of each; classes: the number of classes, None where the data do not tell it yet.
    columns(options) -> the columns of the data that it reads (`MeasureContext.column`); without them data are refused.
    classes(options) -> the classes of the data that its options name; without them data are refused.
    axes: what its metrics hold for; a key of `Metric.where` that is not here is an axis of that name.
    shows: which of its metrics are shown in the main table, and how; none: all of them, a column for each
        thing that they hold for, or a chart where these are many.
    charts: what is drawn of its metrics.
    yields: names of metrics beside those that it shows or draws ("*" as in `shows`). Where it says `shows` or `yields`, they are all that there
        are, so that a claim on another one is refused before a run; else nobody knows.
    gallery: what the example pictures are that it keeps with `context.save_gallery`.
    checked_with: options with which contracts run it, where its defaults would take long.
    """

    kind = "measure"
    run: Reference
    scope: str = "fit"
    over: tuple[str, ...] = ()
    exclusive: bool = False
    shares_process: bool = False
    trains_again: bool = False
    in_ranks: bool = False
    floors: tuple[Floor, ...] = ()
    timed: bool = False
    problems: tuple[str, ...] = ()
    takes: tuple[str, ...]
    prepares: Reference | None = None
    reads: tuple[str, ...] = ()
    seconds: Reference | None = None
    check: Reference | None = None
    unfit: Reference | None = None
    columns: Reference | None = None
    classes: Reference | None = None
    axes: tuple[Axis, ...] = ()
    shows: tuple[Shown, ...] = ()
    charts: tuple[Chart, ...] = ()
    yields: tuple[str, ...] = ()
    gallery: Gallery | None = None
    checked_with: Mapping[str, Any] = field(default_factory=dict)
    _callable_fields: ClassVar[tuple[str, ...]] = ("run",)

    def facts(self) -> dict[str, Any]:
        """Return nothing: a job has what `run` is; all else is for plans, pairing and people."""
        return {}


_LAST: tuple[type[Item], ...] = (Report, Engine, Modality, Problem)  # those that few write
KINDS: dict[str, type[Item]] = {
    kind.kind: kind
    for kind in (*(one for one in Item.__subclasses__() if one not in _LAST), *_LAST)
}
"""The one table of kinds; hooks, listings and what is preloaded derive from it."""

PLURALS: dict[str, str] = {name: kind.plural or f"{name}s" for name, kind in KINDS.items()}
"""What several items of a kind are called."""

"""Models that train well and fail when they are measured: every kind of failure under every measure.

The fits are made first, of models that behave. Then the same models are measured in a second run, and
now they misbehave from their first forward pass on. So each failure meets the measures and nothing else.
What hangs has a run of its own meanwhile, whose jobs may take seconds; all else ends by itself, however busy the
machine is.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness_process import (
    PATIENCE,
    HarnessProcess,
    Workplace,
    WorkplaceHere,
    marked,
    outcomes,
    rows,
    until,
)

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import Measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc"),
]

MODELS = """
import ctypes, os, signal, subprocess
import torch
from harness.api import Architecture, Measure, Metric, hookimpl

class Sane(torch.nn.Module):
    def __init__(self, input_shape, num_classes):
        super().__init__()
        size = 1
        for length in input_shape:
            size *= length
        self.layer = torch.nn.Linear(size, num_classes)

    def forward(self, inputs):
        outputs = self.layer(inputs.flatten(1))
        return self.fail(inputs, outputs) if "MISBEHAVE" in os.environ else outputs

    def fail(self, inputs, outputs):
        return outputs

class Hangs(Sane):
    def fail(self, inputs, outputs):
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass  # a signal of the C library's own
        while True:
            ctypes.PyDLL(None).sleep(600)  # with the interpreter's lock, and without a core

class Explodes(Sane):
    def fail(self, inputs, outputs):
        raise ValueError("this model explodes")

class Devours(Sane):
    def fail(self, inputs, outputs):
        blocks = []
        while True:
            blocks.append(torch.ones(16 << 20))  # 64 MiB

class SaysNan(Sane):
    def fail(self, inputs, outputs):
        return outputs * float("nan")

class Leaks(Sane):
    kept = []
    def fail(self, inputs, outputs):
        self.kept.append((inputs, outputs))
        return outputs

class LeaksMuch(Leaks):
    def fail(self, inputs, outputs):
        self.kept.append(torch.empty(48 << 20))  # 192 MiB: three calls are all that a busy machine may make
        return super().fail(inputs, outputs)

class Dies(Sane):
    def fail(self, inputs, outputs):
        os.kill(os.getpid(), signal.SIGKILL)

class Exits(Sane):
    def fail(self, inputs, outputs):
        os._exit(0)

NETS = {"sane": Sane, "hangs": Hangs, "explodes": Explodes, "devours": Devours, "nan": SaysNan,
        "leaks": Leaks, "leaks_much": LeaksMuch, "dies": Dies, "exits": Exits}

def ready():
    yield Metric(name="ready", value=1)

@hookimpl
def harness_register_architectures():
    for name, net in NETS.items():
        yield Architecture(name=name, build=net, takes=("image", "table"))

@hookimpl
def harness_register_measures():
    yield Measure(
        name="ready",
        takes=("image", "sequence", "table"),
        problems=("classification", "regression"),
        run=ready,
    )
"""
KINDS = {
    "digits": (
        "sane",
        "explodes",
        "devours",
        "nan",
        "leaks",
        "leaks_much",
        "dies",
        "exits",
    ),
    "diabetes": (
        "sane",
        "explodes",
        "nan",
        "leaks",
    ),  # how a process ends is no matter of the problem
}
TIMED = ("throughput", "latency", "training_throughput")
RECORDED = {"cost", "time_to_target"}  # of what fits have kept: they call no model, and say times
LIMIT = 100  # seconds that a job may take
HANGING_LIMIT = 3  # of what hangs; what behaves takes a tenth of it on a quiet machine
SMALL: dict[str, Any] = {  # options of measures, by name, so that each takes a moment
    "seconds": 0.1,
    "batch_sizes": [4],
    "examples": 32,
    "attacks": ["pgd:steps=2"],
    "epsilons": ["1/16"],
    "shifts": ["contrast"],
    "severities": [1],
}


def catalogue_measures(problem: str) -> dict[str, Measure]:
    """Return every measure of a single model that the catalogue has for a problem, but for those that
    cannot do without an option, which names data of the user's own.
    """
    entries = Host(PluginChoice()).catalogue.entries("measure")
    found = {name: entry.item for name, entry in entries.items()}
    return {
        name: item
        for name, item in found.items()
        if isinstance(item, Measure)
        and problem in item.problems
        and not item.over
        and item.scope != "data"
        and not any(field.is_required() for field in fields_of(item).values())
    }


def fields_of(measure: Measure) -> dict[str, Any]:
    """Return the options that it has, by name."""
    return dict(measure.options.model_fields) if measure.options else {}


def with_small_options(measure: Measure) -> str:
    """Return the table of a measure in a suite, its options small where it has them."""
    known = fields_of(measure)
    lines = [f"{key} = {json.dumps(value)}" for key, value in SMALL.items() if key in known]
    return "\n".join(["[[measure]]", f'name = "{measure.name}"', *lines, ""])


def suite_text(kinds: Sequence[str], dataset: str, measures: str, limit: int = LIMIT) -> str:
    """Return a suite that measures each kind of model; its jobs may take so many seconds."""
    return f"""
[suite]
name = "failing"
[matrix]
floors = false
architectures = {json.dumps(list(kinds))}
datasets = ["{dataset}"]
recipes = ["plain"]
device = "cpu"
[recipes.plain]
epochs = 1
[hardware]
time_limit = "{limit}s"
memory_limit = "600MB"
exclusive_threads = 1
{measures}"""


@dataclass
class EndedRun:
    """A finished run of models that misbehaved under every measure."""

    kinds: tuple[str, ...]
    store: Path
    code: int
    out: str
    errors: str
    mark: str

    @classmethod
    def of(cls, kinds: tuple[str, ...], store: Path, process: HarnessProcess) -> EndedRun:
        """Wait for its end."""
        out, errors = process.output(4 * PATIENCE)
        return cls(kinds, store, process.wait(), out, errors, process.mark)


@dataclass
class Measured:
    """Runs of models that misbehaved on a data set: of those that end, and of one that hangs, where there is one;
    and the store of the sane one in a run alone.
    """

    dataset: str
    measures: dict[str, Measure]
    run: EndedRun
    hanging: EndedRun | None
    alone: Path

    @property
    def runs(self) -> list[EndedRun]:
        return [run for run in (self.run, self.hanging) if run]

    def outcome(self, kind: str, measure: str, store: Path | None = None) -> dict[str, Any]:
        """Return the outcome of a measure on a kind of model."""
        (run,) = (run for run in self.runs if kind in run.kinds)
        found = outcomes(store or run.store)
        plain = f"{measure} {kind} {self.dataset}"  # of a bare model, or of what is skipped
        return found.get(f"{measure} {kind}#0 {self.dataset}") or found[plain]

    def applicable(self) -> list[str]:
        """Return the measures that this machine has what they need for, by the sane model alone."""
        return [
            name
            for name in self.measures
            if self.outcome("sane", name, self.alone)["status"] != "skipped"
        ]

    def metrics(self, kind: str, measure: str, store: Path | None = None) -> list[dict[str, Any]]:
        """Return the figures of a measure on a kind of model."""
        outcome = self.outcome(kind, measure, store)["id"]
        return rows(
            store or self.run.store,
            "SELECT name, value, low, high, n, exact, holds FROM metrics WHERE outcome = ?"
            " ORDER BY rowid",
            outcome,
        )


def measure_all(folder: Path, dataset: str, problem: str) -> Measured:
    """Fit models that behave, then measure them as they misbehave."""
    measures = catalogue_measures(problem)
    tables = "".join(map(with_small_options, measures.values()))
    here, kinds = WorkplaceHere(folder), KINDS[dataset]
    here.plugins.append(here.write(f"models_of_{dataset}.py", MODELS))
    hang = ("hangs",) if dataset == "digits" else ()

    def behave(kinds: Sequence[str], measures: str, store: str) -> None:
        suite = here.write("behave.toml", suite_text(kinds, dataset, measures))
        code, _, errors = here.run(suite, store)
        assert code == 0, errors

    def misbehave(folder: Path, kinds: Sequence[str], limit: int) -> HarnessProcess:
        place = Workplace(folder, here.plugins)
        suite = place.write("failing.toml", suite_text(kinds, dataset, tables, limit))
        return place.start(suite, "store", environment={"MISBEHAVE": "yes"})

    ready = '[[measure]]\nname = "ready"\n'
    behave(kinds, ready, "store")  # they all train
    if hang:
        behave(hang, ready, "alone")
    behave(["sane"], tables, "alone")
    apart = folder / "hanging"  # with its locks
    shutil.copytree(folder / "alone", apart / "store")  # nothing but what hangs is left to do
    hanging = misbehave(apart, hang, HANGING_LIMIT) if hang else None
    run = EndedRun.of(kinds, folder / "store", misbehave(folder, kinds, LIMIT))
    return Measured(
        dataset=dataset,
        measures=measures,
        run=run,
        hanging=EndedRun.of(hang, apart / "store", hanging) if hanging else None,
        alone=folder / "alone",
    )


DIGITS = pytest.param(("digits", "classification"), id="digits")


@pytest.fixture(
    scope="module",
    params=[DIGITS, pytest.param(("diabetes", "regression"), id="diabetes")],
)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure_all(tmp_path_factory.mktemp("failing"), *request.param)


def test_a_run_ends_by_itself_and_says_that_jobs_failed(measured: Measured) -> None:
    for run in measured.runs:
        assert run.code == 1, run.errors
        assert "Traceback" not in run.errors + run.out
        assert "Report: " in run.out
        last = "SELECT status, counts FROM runs WHERE id = (SELECT MAX(id) FROM runs)"
        (told,) = rows(run.store, last)
        found = outcomes(run.store)
        assert told["status"] == "completed" and all(row["id"] for row in found.values())
        counts = {name: n for name, n in json.loads(told["counts"]).items() if name != "ok"}
        by_status = Counter(row["status"] for row in found.values())
        assert counts.pop("cached") >= len(run.kinds)  # the fits
        assert counts == {status: n for status, n in by_status.items() if status != "ok"}


def test_every_fit_is_from_before(measured: Measured) -> None:
    for run in measured.runs:
        found = outcomes(run.store)
        fits = {label: row["run"] for label, row in found.items() if label.startswith("fit ")}
        assert fits == {f"fit {kind}#0 {measured.dataset}": 1 for kind in run.kinds}


FAILURES = {
    "hangs": ("timeout", f"it took longer than its time limit of {HANGING_LIMIT} s and was killed"),
    "explodes": ("failed", "ValueError: this model explodes"),
    "devours": ("oom", "can't allocate memory: you tried to allocate 67108864 bytes"),
    "nan": ("ok", ""),
    "leaks": ("ok", ""),
    "dies": ("crashed", "it crashed by signal 9 (SIGKILL)"),
    "exits": ("crashed", "its process ended with exit code 0 and left no outcome"),
}


def test_each_failure_has_its_type_and_words_under_every_measure(measured: Measured) -> None:
    names = [name for name in measured.applicable() if name not in RECORDED]
    assert {*TIMED, "memory", "flops"} <= set(names)
    told_in = {kind: run.errors for run in measured.runs for kind in run.kinds}
    for kind in told_in.keys() & FAILURES.keys():
        status, words = FAILURES[kind]
        found = {name: measured.outcome(kind, name) for name in names}
        expected = dict.fromkeys(names, status)
        if kind == "nan":  # outputs none of which is finite have no confidence, and that is said
            expected |= dict.fromkeys({"ood", "uncertainty"} & set(names), "failed")
            expected["generalisation_gap"] = "skipped"  # there is none between losses that are NaN
            reasons = [row["reason"] for row in found.values() if row["status"] == "failed"]
            assert all("the model's outputs are finite" in reason for reason in reasons)
        assert {name: row["status"] for name, row in found.items()} == expected, kind
        assert [row["reason"] for row in found.values() if words not in row["reason"]] == []
        told = [name for name in measured.measures if f"{status}: {name} {kind}" in told_in[kind]]
        assert bool(told) == (status != "ok")  # a reason is said once, of the first job that has it
        assert words in told_in[kind]


def test_what_is_not_for_this_machine_is_skipped_before_the_model_can_fail(
    measured: Measured,
) -> None:
    asks = {"gradient_flow"}  # the model, for layers: these have one
    for name in set(measured.measures) - set(measured.applicable()) - asks:
        for kind in [kind for run in measured.runs for kind in run.kinds]:
            found = measured.outcome(kind, name)
            assert (found["status"], found["reason"] != "") == ("skipped", True)


@pytest.mark.parametrize("measured", [DIGITS], indirect=True)
def test_a_leak_ends_with_a_figure_or_as_out_of_memory(measured: Measured) -> None:
    found = {name: measured.outcome("leaks_much", name) for name in measured.applicable()}
    assert {found[name]["status"] for name in TIMED} == {"oom"}  # they call thousands of times
    assert {row["status"] for row in found.values()} <= {"ok", "oom"}
    for name, row in found.items():
        if row["status"] == "ok":
            assert measured.metrics("leaks_much", name)
        else:
            assert "can't allocate memory" in row["reason"]


def test_a_model_that_says_nan_is_never_right(measured: Measured) -> None:
    by_name: dict[str, list[float | None]] = {}
    for name in measured.applicable():
        for metric in measured.metrics("nan", name):
            by_name.setdefault(metric["name"], []).append(metric["value"])
    assert by_name["nonfinite_share"] == [1.0]
    if measured.dataset == "digits":
        names = ("accuracy", "shifted_accuracy", "clean_accuracy", "robust_accuracy")
        assert {value for name in names for value in by_name[name]} == {0.0}
        assert "cross_entropy" not in by_name
    else:
        assert {value for name in by_name if "r2" in name for value in by_name[name]} <= {None}


def test_neighbours_of_failures_are_as_in_a_run_alone(measured: Measured) -> None:
    """But for what the harness took meanwhile: the run alone is in the tests' own process."""
    for name, measure in measured.measures.items():
        stores = (measured.run.store, measured.alone)
        both = [measured.outcome("sane", name, store) for store in stores]
        assert both[0]["status"] == both[1]["status"], both[0]["reason"]
        here, alone = (
            [one for one in measured.metrics("sane", name, store) if one["name"] != "harness_cpu"]
            for store in stores
        )
        assert [metric["name"] for metric in here] == [metric["name"] for metric in alone]
        for mine, other in zip(here, alone, strict=True):
            if mine["exact"] or not (measure.exclusive or name in RECORDED):
                assert mine == other


def test_no_process_of_any_job_is_left(measured: Measured) -> None:
    for run in measured.runs:
        assert until(lambda run=run: not marked(run.mark), seconds=5)  # type: ignore[misc]


def test_every_timed_record_has_the_harness_own_cpu(measured: Measured) -> None:
    found = {}
    for kind in ("sane", "nan", "leaks"):
        for name in TIMED:
            (own,) = (m for m in measured.metrics(kind, name) if m["name"] == "harness_cpu")
            found[kind, name] = own["value"]
    assert all(0 <= value < 0.02 for value in found.values()), found  # cores

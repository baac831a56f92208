"""Models that train well and fail when they are measured: every kind of failure under every measure.

The fits are made first, of models that behave. Then the same models are measured in a second run, and
now they misbehave from their first forward pass on. So each failure meets the measures and nothing else.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness_process import PATIENCE, Workplace, marked, outcomes, rows, until

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
        "hangs",
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
SHORTEST_LIMIT = 3  # seconds; what behaves takes a tenth of it on a quiet machine
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


def suite_text(kinds: Sequence[str], dataset: str, measures: str, limit: int | None = None) -> str:
    """Return a suite that measures each kind of model; its jobs may take so many seconds."""
    time_limit = "" if limit is None else f'time_limit = "{limit}s"'
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
{time_limit}
memory_limit = "600MB"
exclusive_threads = 1
{measures}"""


@dataclass
class Measured:
    """A finished run of models that misbehaved under every measure, and the sane one in a run alone."""

    dataset: str
    measures: dict[str, Measure]
    code: int
    out: str
    errors: str
    mark: str
    store: Path
    alone: Path
    time_limit: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """The models that were measured on this data set."""
        return KINDS[self.dataset]

    def outcome(self, kind: str, measure: str, store: Path | None = None) -> dict[str, Any]:
        """Return the outcome of a measure on a kind of model."""
        found = outcomes(store or self.store)
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
            store or self.store,
            "SELECT name, value, low, high, n, exact, holds FROM metrics WHERE outcome = ?"
            " ORDER BY rowid",
            outcome,
        )


def measure_all(folder: Path, dataset: str, problem: str) -> Measured:
    """Fit models that behave, then measure them as they misbehave."""
    measures = catalogue_measures(problem)
    tables = "".join(map(with_small_options, measures.values()))
    place = Workplace(folder)
    place.plugins.append(place.write("models.py", MODELS))
    ready = suite_text(KINDS[dataset], dataset, '[[measure]]\nname = "ready"\n')
    code, _, errors = place.run(place.write("ready.toml", ready), "store")
    assert code == 0, errors  # they all train
    alone = place.write("alone.toml", suite_text(["sane"], dataset, tables))
    code, _, errors = place.run(alone, "alone")
    assert code == 0, errors
    slowest = max(row["seconds"] or 0 for row in outcomes(place.folder / "alone").values())
    limit = max(SHORTEST_LIMIT, math.ceil(3 * slowest))  # a busy machine is no hanging model
    suite = place.write("failing.toml", suite_text(KINDS[dataset], dataset, tables, limit))
    process = place.start(suite, "store", environment={"MISBEHAVE": "yes"})
    out, errors = process.output(
        PATIENCE + limit * len(measures)
    )  # one of the models hangs in each
    return Measured(
        dataset=dataset,
        measures=measures,
        code=process.wait(),
        out=out,
        errors=errors,
        mark=process.mark,
        store=place.folder / "store",
        alone=place.folder / "alone",
        time_limit=limit,
    )


DIGITS = pytest.param(("digits", "classification"), id="digits")


@pytest.fixture(
    scope="module",
    params=[DIGITS, pytest.param(("diabetes", "regression"), id="diabetes")],
)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure_all(tmp_path_factory.mktemp("failing"), *request.param)


def test_the_run_ends_by_itself_and_says_that_jobs_failed(measured: Measured) -> None:
    assert measured.code == 1, measured.errors
    assert "Traceback" not in measured.errors + measured.out
    assert "Report: " in measured.out
    (run,) = rows(measured.store, "SELECT status, counts FROM runs WHERE id = 2")
    found = outcomes(measured.store)
    assert run["status"] == "completed" and all(row["id"] for row in found.values())
    counts = {name: n for name, n in json.loads(run["counts"]).items() if name != "ok"}
    by_status = Counter(row["status"] for row in found.values())
    assert counts.pop("cached") >= len(measured.kinds)  # the fits
    assert counts == {status: n for status, n in by_status.items() if status != "ok"}


def test_every_fit_is_from_before(measured: Measured) -> None:
    found = outcomes(measured.store)
    fits = {label: row["run"] for label, row in found.items() if label.startswith("fit ")}
    assert fits == {f"fit {kind}#0 {measured.dataset}": 1 for kind in measured.kinds}


FAILURES = {
    "hangs": ("timeout", "it took longer than its time limit of {limit} s and was killed"),
    "explodes": ("failed", "ValueError: this model explodes"),
    "devours": ("oom", "can't allocate memory: you tried to allocate 67108864 bytes"),
    "nan": ("ok", ""),
    "leaks": ("ok", ""),
    "dies": ("crashed", "it crashed by signal 9 (SIGKILL)"),
    "exits": ("crashed", "its process ended with exit code 0 and left no outcome"),
}


def test_each_failure_has_its_type_and_words_under_every_measure(measured: Measured) -> None:
    names = measured.applicable()
    assert {*TIMED, "memory", "flops"} <= set(names)
    for kind in [kind for kind in measured.kinds if kind in FAILURES]:
        status, words = FAILURES[kind]
        words = words.format(limit=measured.time_limit)
        found = {name: measured.outcome(kind, name) for name in names}
        expected = dict.fromkeys(names, status)
        if kind == "nan":  # outputs none of which is finite have no confidence, and that is said
            expected |= dict.fromkeys({"ood", "uncertainty"} & set(names), "failed")
            reasons = [row["reason"] for row in found.values() if row["status"] == "failed"]
            assert all("the model's outputs are finite" in reason for reason in reasons)
        assert {name: row["status"] for name, row in found.items()} == expected, kind
        assert [row["reason"] for row in found.values() if words not in row["reason"]] == []
        told = [name for name in names if f"{status}: {name} {kind}" in measured.errors]
        assert bool(told) == (status != "ok")  # a reason is said once, of the first job that has it
        assert words in measured.errors


def test_what_is_not_for_this_machine_is_skipped_before_the_model_can_fail(
    measured: Measured,
) -> None:
    for name in set(measured.measures) - set(measured.applicable()):
        for kind in measured.kinds:
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
    for name, measure in measured.measures.items():
        both = [measured.outcome("sane", name, store) for store in (measured.store, measured.alone)]
        assert both[0]["status"] == both[1]["status"], both[0]["reason"]
        here, alone = (
            measured.metrics("sane", name, store) for store in (measured.store, measured.alone)
        )
        assert [metric["name"] for metric in here] == [metric["name"] for metric in alone]
        for mine, other in zip(here, alone, strict=True):
            if mine["exact"] or not measure.exclusive:
                assert mine == other


def test_no_process_of_any_job_is_left(measured: Measured) -> None:
    assert until(lambda: not marked(measured.mark), seconds=5)


def test_every_timed_record_has_the_harness_own_cpu(measured: Measured) -> None:
    found = {}
    for kind in ("sane", "nan", "leaks"):
        for name in TIMED:
            (own,) = (m for m in measured.metrics(kind, name) if m["name"] == "harness_cpu")
            found[kind, name] = own["value"]
    assert all(0 <= value < 0.02 for value in found.values()), found  # cores

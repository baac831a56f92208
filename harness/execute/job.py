"""One job, from its request to an outcome; runs inside the job's own process and never raises."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.import_reads import ImportReads, any_import_reads, read_at_import
from harness.catalogue.in_use import use
from harness.catalogue.reach import Root, reach
from harness.catalogue.roots import Roots
from harness.data.draws import derive
from harness.errors import HarnessError, NotApplicable, PluginError
from harness.execute.files_read import ReadRecorder, recording
from harness.execute.rank_processes import Answer, RankLost, in_ranks
from harness.execute.request import Items, Request
from harness.execute.together import LONGEST_SECONDS, in_turn
from harness.machine.environment import describe_environment
from harness.measure import alternation
from harness.measure.execution import is_out_of_memory
from harness.measure.metric import Metric
from harness.plan.content import is_word, item_files
from harness.plan.jobs import named_items
from harness.store.records import CRASHED, FAILED, OK, OOM, SKIPPED, FileRead, Outcome, now
from harness.train.ranks import Ranks

_HALVES = re.compile("[\ud800-\udfff]")

Run = Callable[[Request, Items, Callable[[Metric], None], dict[str, Any]], None]


def run_request(request: Request, plugins: PluginChoice) -> Outcome:
    """Run a job in this process, with its plugins loaded here; for engines whose workers are their own.

    The job writes into its request's folder, and those that go with it into theirs; what it prints goes to log.txt there.
    What it does to the process, such as using up memory or ending it, is the engine's to bear.
    """
    with _printing_to(Path(request.folder) / "log.txt"):
        return run_together(request, _host(plugins).catalogue)


@contextlib.contextmanager
def _printing_to(path: Path) -> Iterator[None]:
    """Send what this process and its children print to a file, whatever they print it with."""
    kept = [os.dup(number) for number in (1, 2)]
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        _point_output(log, log)
        yield
    finally:
        _point_output(*kept)
        for number in (*kept, log):
            os.close(number)


def _point_output(out: int, err: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(out, 1)
    os.dup2(err, 2)


def run_together(request: Request, catalogue: Catalogue) -> Outcome:
    """Run a job and those that go with it (`Request.also`), whose outcomes are written; return that of the first.

    What is made at once is said to have taken its part of the whole time, and to have read what any of it read.
    """
    if not request.also:
        return run_job(request, catalogue)
    use(catalogue)
    requests = (request, *request.also)
    if in_turn(request.job):
        return _run_in_turn(requests, catalogue)
    started = time.perf_counter()
    run = import_module(f"harness.execute.{request.job.sort}_job").together(requests)
    apart = [one.folder for one in requests]
    outcomes = [run_job(one, catalogue, run=run, apart=apart) for one in requests]
    files = {file: None for outcome in outcomes for file in outcome.files_read}
    modules = {module: None for outcome in outcomes for module in outcome.modules}
    each = (time.perf_counter() - started) / len(requests)
    first, *others = (
        replace(
            outcome,
            seconds=each,
            files_read=tuple(files) if outcome.is_ok else (),
            modules=tuple(modules) if outcome.is_ok else (),
        )
        for outcome in outcomes
    )
    for one, outcome in zip(request.also, others, strict=True):
        write_outcome(outcome, Path(one.folder))
    return first


def _run_in_turn(requests: Sequence[Request], catalogue: Catalogue) -> Outcome:
    """Run jobs one after another until one does not end well, or they have taken long, and write the outcome of each at once.

    Returns that of the first.

    Each finds the process as the first has found it, and prints into its own log. It is said to have read what those before it
    read, too, which it may have found in memory. Those that are left are asked for again.
    """
    # Imports torch, as whoever only reads outcomes does not.
    from harness.execute.process_state import state_kept

    run = import_module(f"harness.execute.{requests[0].job.sort}_job").in_turn()
    folders = [one.folder for one in requests]
    outcomes: list[Outcome] = []
    files: dict[FileRead, None] = {}
    modules: dict[str, None] = {}
    until = time.perf_counter() + LONGEST_SECONDS
    for request in requests:
        with contextlib.ExitStack() as stack:
            if outcomes:
                stack.enter_context(_printing_to(Path(request.folder) / "log.txt"))
            stack.enter_context(state_kept())
            started = now()
            found = run_job(request, catalogue, run=run, apart=folders)
        files |= dict.fromkeys(found.files_read)
        modules |= dict.fromkeys(found.modules)
        if found.is_ok:
            found = replace(found, files_read=tuple(files), modules=tuple(modules))
        outcomes.append(replace(found, started=started))
        write_outcome(outcomes[-1], Path(request.folder))
        if found.status not in (OK, SKIPPED) or time.perf_counter() >= until:
            break
    return outcomes[0]


@lru_cache(maxsize=4)
def _host(plugins: PluginChoice) -> Host:
    """Load plugins once for all jobs of a process."""
    return Host(plugins)


def run_job(
    request: Request,
    catalogue: Catalogue,
    *,
    stop: bool = False,
    run: Run | None = None,
    apart: Iterable[str] = (),
) -> Outcome:
    """Run a job and return how it ended, with reason and traceback where it did not end well.

    stop: open the debugger where it raises (`harness debug --pdb`). run: what does it; None: what its sort does. apart: folders
    that it and those that go with it write to.

    A fit on several devices is done by processes that are forked here; see `harness.execute.rank_processes`.
    """
    use(catalogue)
    if request.job.sort == "fit" and request.job.devices > 1 and not request.trying:
        return _run_on_devices(request, catalogue, stop)
    return _run(request, catalogue, stop, run, apart)


def _seed(seed: int) -> None:
    """Seed numpy's and Python's own generators, from which a plugin may draw; torch's are seeded where models are built."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)


def _run_on_devices(request: Request, catalogue: Catalogue, stop: bool) -> Outcome:
    """Run a fit in a process for each of its devices."""
    job, started = request.job, time.perf_counter()

    def work(ranks: Ranks) -> Answer:
        run = partial(import_module("harness.execute.fit_job").run, ranks=ranks)
        outcome = _run(request, catalogue, stop, run)
        return Answer(outcome_to_text(outcome), None if outcome.is_ok else time.monotonic())

    try:
        return outcome_from_text(in_ranks(job.devices, Path(request.folder), job.device, work))
    except RankLost as lost:
        status, reason = _lost(lost)
        return Outcome(
            fingerprint=job.fingerprint,
            status=status,
            reason=reason,
            traceback=lost.traceback,
            environment=describe_environment(job.device) | {"job_threads": job.threads},
            seconds=time.perf_counter() - started,
        )


def _lost(lost: RankLost) -> tuple[str, str]:
    """Return status and reason of a job one of whose processes has died."""
    if lost.out_of_memory:
        return OOM, f"{lost}, as the machine ran out of memory"
    return CRASHED, str(lost)


def _run(
    request: Request,
    catalogue: Catalogue,
    stop: bool,
    run: Run | None,
    apart: Iterable[str] = (),
) -> Outcome:
    """Run a job in this process; see `run_job`."""
    job = request.job
    started = time.perf_counter()
    status, reason, trace = OK, "", ""
    metrics: list[Metric] = []
    notes: dict[str, Any] = {}
    files_read: tuple[FileRead, ...] = ()
    modules: tuple[str, ...] = ()
    recorder: ReadRecorder | None = None
    try:
        if request.turns:
            alternation.current = alternation.Alternation.open(
                request.turns, Path(request.folder) / "turns.json"
            )
        does: Run = run or import_module(f"harness.execute.{job.sort}_job").run
        items = Items(catalogue)
        _seed(derive(job.spec.get("seed", 0), "job"))
        with recording((request.folder, *apart, *request.needs.values())) as recorder:
            does(request, items, lambda metric: metrics.append(_checked(metric)), notes)
            recorder.read_before(_read_at_import(request, items))
        json.dumps(notes)
        files_read, modules = recorder.files(_named_files(request, items)), recorder.modules()
    except NotApplicable as error:
        status, reason = SKIPPED, str(error)
    except RankLost as lost:
        (status, reason), trace = _lost(lost), lost.traceback
    except BaseException as error:  # a plugin may raise anything, SystemExit too
        status, reason = (OOM if is_out_of_memory(error) else FAILED), explain(error)
        trace = traceback.format_exc()
        if stop:
            import pdb  # noqa: T100 - a person asked for it

            pdb.post_mortem(error.__traceback__)
    if status != OK and apart and recorder:  # it did the work of those that go with it
        with contextlib.suppress(Exception):
            files_read = recorder.files(_named_files(request, Items(catalogue)))
        modules = recorder.modules()
    return Outcome(
        fingerprint=job.fingerprint,
        status=status,
        reason=reason,
        traceback=trace,
        metrics=tuple(metrics),
        notes=notes if status == OK else {},
        environment=describe_environment(job.device) | {"job_threads": job.threads},
        seconds=time.perf_counter() - started,
        files_read=files_read,
        modules=modules,
    )


def _named_files(request: Request, items: Items) -> list[str]:
    """Return the files that the fingerprint covers, as the job's items name them."""
    spec = request.job.spec
    chosen = [items(kind, item) for kind, item in named_items(spec)]
    named = [str(path) for one in chosen for path in item_files(one)]
    weights = spec.get("training", {}).get("weights", "random")
    return named if is_word(weights) else [*named, os.path.expanduser(weights)]


def _read_at_import(request: Request, items: Items) -> ImportReads:
    """Return what the modules behind the job's items have read while they were imported."""
    if not any_import_reads():  # to find out which modules these are takes milliseconds
        return {}
    chosen = [items(kind, item) for kind, item in named_items(request.job.spec)]
    definitions = frozenset[Root]().union(*(Roots(one.item).definitions for one in chosen))
    return read_at_import(reach(definitions).modules)


def _checked(metric: Metric) -> Metric:
    """Return a metric in JSON values, so that what a plugin yields can be kept."""
    try:
        kept = Metric.from_json(json.loads(json.dumps(metric.to_json())))
    except (TypeError, ValueError) as error:
        raise PluginError(f"metric {metric.name!r} cannot be kept: {error}") from error
    if not isinstance(kept.name, str) or not isinstance(kept.unit, str):
        raise PluginError(f"the name and unit of a metric are texts, got {metric!r}")
    return kept


def explain(error: BaseException) -> str:
    """Return an exception as one sentence."""
    try:
        text = str(error).strip()
    except Exception:  # it is a plugin's
        text = "its message cannot be shown"
    if isinstance(error, HarnessError):
        return text or type(error).__name__
    first, rest = _first_line(text), text.partition("\n")[2]
    if first.endswith(":"):  # torch's load_state_dict says what is wrong in the next line
        first = f"{first} {_first_line(rest)}".strip()
    message = first or "no message"
    return f"{type(error).__name__}: {message}"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def outcome_to_text(outcome: Outcome) -> str:
    """Return an outcome as JSON text, which `outcome_from_text` reads.

    Names of files need not be text: of one in Latin-1 Python makes half of a pair of surrogates, which no store and no terminal
    takes. Such a half is spelled out, as \\udcff.
    """
    values = asdict(outcome) | {"metrics": [metric.to_json() for metric in outcome.metrics]}
    text = json.dumps(values, ensure_ascii=False)
    return _HALVES.sub(lambda half: rf"\\u{ord(half[0]):04x}", text)


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write an outcome for the parent process: complete, or not at all."""
    temporary = folder / "outcome.json.part"
    temporary.write_text(outcome_to_text(outcome), encoding="utf-8")
    os.replace(temporary, folder / "outcome.json")


def read_outcome(folder: Path) -> Outcome | None:
    """Read what `write_outcome` wrote; None where the process ended before."""
    try:
        return outcome_from_text((folder / "outcome.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def first_left(requests: Iterable[Request]) -> Request | None:
    """Return which of jobs that are done in turn is the first without an outcome; None where each has left one."""
    return next((one for one in requests if read_outcome(Path(one.folder)) is None), None)


def outcome_from_text(text: str) -> Outcome:
    """Read what `outcome_to_text` returned.

    Raises:
        ValueError: It is something else.
    """
    values = json.loads(text)
    values["files_read"] = tuple(FileRead(**file) for file in values["files_read"])
    values["modules"] = tuple(values["modules"])
    values["metrics"] = tuple(Metric.from_json(metric) for metric in values["metrics"])
    return Outcome(**values)

"""`harness run` as a person starts it: a process of its own, whose descendants can be found."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from as_before import as_before
from here_command import call_here
from here_engine import OPTIONS

PATIENCE = 120.0  # seconds, before a test gives up: machines are slow at times
_MARK = "MODEL_HARNESS_TEST_MARK"

OBSERVER = """
import json, os, time
from harness.api import hookimpl

def say(**facts):
    with open(os.environ["ANNOUNCED"], "a") as file:
        file.write(json.dumps(facts | {"time": time.monotonic(), "process": os.getpid()}) + "\\n")
        file.flush()
        os.fsync(file.fileno())

def facts(event):
    return {"fingerprint": event.fingerprint, "sort": event.sort, "label": event.label}

@hookimpl
def harness_job_started(event):
    say(what="started", **facts(event))

@hookimpl
def harness_job_finished(event):
    say(what="finished", status=event.status, **facts(event))
"""


@dataclass
class HarnessProcess:
    """A running `harness`, its marker in the environment of all that descends from it."""

    process: subprocess.Popen[str]
    mark: str
    announced: Path

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(timeout=seconds)

    def output(self, seconds: float = PATIENCE) -> tuple[str, str]:
        """Wait for its end and return what it wrote to stdout and stderr."""
        try:
            return self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("\n".join(self.process.communicate())) from None

    def descendants(self) -> list[int]:
        """Return the living processes that it started, however far down."""
        return [number for number in marked(self.mark) if number != self.process.pid]

    def jobs(self) -> list[int]:
        """Return the processes of jobs: the sessions that are not the server's."""
        return [n for n in self.descendants() if n != self.server()]

    def server(self) -> int | None:
        """Return the process id of the warm server, when it has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for number in children.read_text().split():
            if b"harness.execute.fork_server" in Path(f"/proc/{number}/cmdline").read_bytes():
                return int(number)
        return None

    def finished(self) -> list[dict[str, Any]]:
        """Return what the observer wrote about finished jobs."""
        return [line for line in announcements(self.announced) if line["what"] == "finished"]


def announcements(path: Path) -> list[dict[str, Any]]:
    """Read the observer's lines; one that a kill cut short does not count."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def marked(mark: str) -> list[int]:
    """Return the living processes with a marker in their environment, or one that begins so."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if f"{_MARK}={mark}".encode() in environment and state not in "ZX":
            found.append(int(folder.name))
    return found


def until(condition: Callable[[], Any], seconds: float = PATIENCE, step: float = 0.01) -> bool:
    """Wait for a condition; return whether it came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return False


@dataclass
class Workplace:
    """A folder with suites, plugins, stores and a place for locks that only this test has."""

    patience = PATIENCE  # seconds that a command may take

    folder: Path
    plugins: list[Path] = field(default_factory=list)
    mark: str = field(
        default_factory=lambda: uuid.uuid4().hex
    )  # with which those of its runs begin

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `harness`."""
        # a shell's background job ignores SIGINT, and so would this process
        program = (
            "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from harness.cli import main; main()"
        )
        return [sys.executable, "-c", program, *arguments]

    def environment(self, mark: str = "", **more: str) -> dict[str, str]:
        """Return the environment: its own locks, and no terminal to please."""
        locks = self.folder / "locks"
        locks.mkdir(exist_ok=True)
        return {
            **os.environ,
            "TMPDIR": str(locks),
            "ANNOUNCED": str(self.folder / "announced.jsonl"),
            _MARK: mark,
            **more,
        }

    def start(
        self,
        suite: str | Path,
        store: str | Path,
        *more: str,
        environment: dict[str, str] | None = None,
        preexec: Callable[[], None] | None = None,
    ) -> HarnessProcess:
        """Start `harness run SUITE --store STORE`."""
        mark = f"{self.mark}-{uuid.uuid4().hex}"
        values = self.environment(mark, **(environment or {}))
        plugins = [word for plugin in self.plugins for word in ("-p", str(plugin))]
        process = subprocess.Popen(
            self.command("run", str(suite), "--store", str(store), *plugins, *more),
            cwd=self.folder,
            env=values,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,  # noqa: PLW1509 - tests start no threads
        )
        return HarnessProcess(process, mark, Path(values["ANNOUNCED"]))

    def run(self, suite: str | Path, store: str | Path, *more: str) -> tuple[int, str, str]:
        """Run a suite to its end and return exit code, stdout and stderr."""
        process = self.start(suite, store, *more)
        out, err = process.output(self.patience)
        return process.wait(), out, err

    def call(self, *arguments: str) -> tuple[int, str]:
        """Run another command and return its exit code and output."""
        done = subprocess.run(
            self.command(*arguments),
            check=False,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=self.patience,
        )
        return done.returncode, done.stdout + done.stderr


class WorkplaceHere(Workplace):
    """A workplace whose runs and jobs are the test's own process: where nothing is said of processes."""

    def run(self, suite: str | Path, store: str | Path, *more: str) -> tuple[int, str, str]:
        """Run a suite to its end and return exit code, stdout and stderr."""
        plugins = [word for plugin in self.plugins for word in ("-p", str(plugin))]
        done = self._call("run", str(suite), "--store", str(store), *plugins, *more, *OPTIONS)
        return done.returncode, done.stdout, done.stderr

    def call(self, *arguments: str) -> tuple[int, str]:
        """Run another command and return its exit code and output."""
        done = self._call(*arguments)
        return done.returncode, done.stdout + done.stderr

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        announced = str(self.folder / "announced.jsonl")
        with as_before():  # `harness debug` does a job here
            return call_here(self.folder, *arguments, ANNOUNCED=announced)


def rows(store: Path, query: str, *values: Any) -> list[dict[str, Any]]:
    """Return the rows of a query on a store."""
    connection = sqlite3.connect(store / "store.sqlite")
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]
    finally:
        connection.close()


def outcomes(store: Path) -> dict[str, dict[str, Any]]:
    """Return {label: outcome} of the latest run; every job of a completed run has one."""
    found = rows(
        store,
        "SELECT run_jobs.label, outcomes.* FROM run_jobs LEFT JOIN outcomes"
        " ON outcomes.id = run_jobs.outcome WHERE run_jobs.run = (SELECT MAX(id) FROM runs)",
    )
    return {row["label"]: row for row in found}


def figures(store: Path) -> list[tuple[Any, ...]]:
    """Return all metrics of the latest run but durations, bit for bit, in the order of its jobs."""
    found = rows(
        store,
        "SELECT run_jobs.label, metrics.name, metrics.value, metrics.unit, metrics.low,"
        " metrics.high, metrics.n, metrics.exact, metrics.holds FROM run_jobs JOIN metrics"
        " ON metrics.outcome = run_jobs.outcome WHERE run_jobs.run = (SELECT MAX(id) FROM runs)"
        " AND metrics.name != 'fit_seconds' ORDER BY run_jobs.position, metrics.rowid",
    )
    return [tuple(row.values()) for row in found]


class EndedRun:
    """A finished run in its workplace."""

    def __init__(self, place: Workplace, suite: Path) -> None:
        self.place, self.store = place, place.folder / "store"
        self.code, self.out, self.errors = place.run(suite, "store")
        self.outcomes = outcomes(self.store)

    def logs(self, job: str) -> str:
        code, text = self.place.call("logs", job, "--store", "store")
        assert code == 0, text
        return text


def done_twice(store: Path) -> list[dict[str, Any]]:
    """Return the jobs that have more than one outcome that is ok."""
    return rows(
        store,
        "SELECT fingerprint, COUNT(*) AS times FROM outcomes WHERE status = 'ok'"
        " GROUP BY fingerprint HAVING times > 1",
    )


def small_suite(
    architectures: Sequence[str] = ("mlp", "lenet"),
    seeds: Sequence[int] = (0, 1),
    more: str = "",
    dataset: str = "digits",
) -> str:
    """Return a suite of a few seconds."""
    return f"""
[suite]
name = "small"
[matrix]
floors = false
architectures = {json.dumps(list(architectures))}
datasets = ["{dataset}"]
recipes = ["plain"]
seeds = {json.dumps(list(seeds))}
[recipes.plain]
epochs = 2
[[measure]]
name = "accuracy"
[[measure]]
name = "flops"
[[measure]]
name = "shift"
shifts = ["contrast"]
severities = [1, 3]
{more}
"""

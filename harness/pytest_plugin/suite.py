"""A suite in a pytest session: its jobs are collected, run once, and judged one by one."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import Measure
from harness.errors import HarnessError
from harness.execute.interrupts import Interrupted
from harness.execute.run import RunSummary, run_plan
from harness.execute.session import open_suite
from harness.plan.jobs import Job, Plan
from harness.plan.plan import make_plan
from harness.plan.suite import Suite
from harness.pytest_plugin.replay import replay
from harness.pytest_plugin.results import NOT_RUN, Result, read_results
from harness.store.records import OK, SKIPPED
from harness.store.store import Store


class SuiteCollector(pytest.Collector):
    """Stands for the suite in the ids of its tests: "quick::fit mlp#0 digits"."""

    def collect(self) -> Iterable[pytest.Item]:
        """Return nothing: the plugin adds the items."""
        return ()


class JobItem(pytest.Function):
    """A job as a test; of a timed one, under one condition such as {"batch_size": 16}.

    It is a function, so that fixtures can be asked for.
    """

    job: Job
    condition: Mapping[str, Any] = MappingProxyType({})
    timed: bool = False

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """Return the name; no line of source is behind it."""
        return self.path, 0, self.name


class SuitePlugin:
    """The hooks of a session with ``--harness-suite``."""

    def __init__(self, config: pytest.Config) -> None:
        """Take the options; without paths of tests, no other tests are collected.

        Raises:
            pytest.UsageError: pytest-xdist is to spread the tests.
        """
        self.config = config
        spread = config.getoption("dist", "no") != "no" or "PYTEST_XDIST_WORKER" in os.environ
        if spread:
            raise pytest.UsageError(
                "--harness-suite runs its jobs in processes of their own, on all cores, and times "
                "them alone; pytest-xdist would disturb the timings: leave out -n, or write -n 0"
            )
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args.clear()
        self.store: str = config.getoption("harness_store")
        self.results: dict[str, Result] = {}
        self.done: RunSummary | None = None

    # -- collecting

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> Generator[None]:
        """Add the jobs before -k and --benchmark-only choose."""
        try:
            self.open()
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from None
        parent = SuiteCollector.from_parent(session, name=self.suite.name, nodeid=self.suite.name)
        jobs = list(self.items(parent))
        items[:0] = jobs
        for item in jobs:
            session.ihook.pytest_itemcollected(item=item)
        found = pytest.CollectReport(parent.nodeid, "passed", None, [*jobs])
        session.ihook.pytest_collectreport(report=found)
        # pytest-benchmark knows benchmarks by this name. The fixture is asked for only once there
        # are timings: one that a failed job left unused would be warned of.
        for item in jobs:
            if item.timed:
                item.fixturenames.append("benchmark")
        yield
        for item in jobs:
            if item.timed:
                item.fixturenames.remove("benchmark")

    def open(self) -> None:
        """Read and plan the suite."""
        option = self.config.getoption
        self.host = Host(PluginChoice(tuple(option("harness_plugin")), ()))
        self.suite: Suite = open_suite(
            self.host,
            option("harness_suite"),
            settings=option("harness_set"),
            only=option("harness_only"),
        )
        self.plan: Plan = make_plan(self.suite, self.host.catalogue)

    def items(self, parent: SuiteCollector) -> Iterator[JobItem]:
        """Yield a test for each job, of timed ones for each condition, in the plan's order."""
        for job in self.plan.jobs:
            timed = is_timed(job, self.host.catalogue)
            for condition, end in conditions(job, self.host.catalogue) if timed else (({}, ""),):
                item: JobItem = JobItem.from_parent(
                    parent, name=job.label + end, callobj=self.judge
                )
                item.job, item.condition, item.timed = job, condition, timed
                yield item

    # -- running

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Run what the chosen tests need, before the first of them."""
        chosen = {
            item.job.fingerprint
            for item in session.items
            if isinstance(item, JobItem) and item.get_closest_marker("skip") is None
        }
        if not chosen or self.config.getoption("collectonly") or session.testsfailed:
            return
        try:
            self.run(chosen)
        except Interrupted as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.INTERRUPTED)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from None

    def run(self, chosen: set[str]) -> None:
        """Run jobs and what they need, and keep how they ended."""
        with Store(self.store) as store:
            self.done = run_plan(
                restrict(self.plan, chosen),
                store,
                self.host,
                written=self.suite.written,
                fresh=self.config.getoption("harness_fresh"),
            )
            self.results = read_results(store, self.done.run)

    def judge(self, request: pytest.FixtureRequest) -> None:
        """Fail, skip or pass the test of a job; what was timed goes through `benchmark`."""
        item = request.node
        result = self.results.get(item.job.fingerprint, NOT_RUN)
        if result.status == SKIPPED:
            pytest.skip(result.reason)
        if result.status != OK:
            pytest.fail(explain(item.job, result), pytrace=False)
        if not item.timed:
            return
        samples = result.samples(item.condition)
        if not samples and item.condition and result.is_timed:
            instead = ", ".join(result.figures(item.condition)) or "nothing"
            pytest.skip(f"{item.name} was not timed, as others were; it has {instead}")
        if samples and self.config.pluginmanager.hasplugin("benchmark"):
            figures = result.figures(item.condition)
            replay(request, samples, str(item.job.axes.get("measure", "")), figures)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report the time that the job took in its process."""
        report = yield
        if isinstance(item, JobItem) and call.when == "call":
            report.duration = self.results.get(item.job.fingerprint, NOT_RUN).seconds
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the results are."""
        if self.done is not None:
            terminalreporter.write_line(
                f"harness: harness report {self.done.name} --store {self.store}"
            )


def is_timed(job: Job, catalogue: Catalogue) -> bool:
    """Tell whether a job keeps timings of calls."""
    if job.sort != "measure" or job.skip:
        return False
    item = catalogue.find("measure", job.spec["measure"]["name"])[0].item
    return isinstance(item, Measure) and item.timed


def conditions(job: Job, catalogue: Catalogue) -> tuple[tuple[dict[str, Any], str], ...]:
    """Return what a measure was told to time, ({"batch_size": 16}, "[batch_16]") each.

    These are the values of the axis whose options list them; one without a condition where the measure
    finds its own.
    """
    item = catalogue.find("measure", job.spec["measure"]["name"])[0].item
    for axis in item.axes if isinstance(item, Measure) else ():
        listed = (job.spec["measure"]["options"].get(option) for option in axis.options)
        values = [v for found in listed if isinstance(found, list | tuple) for v in found]
        if values:
            title = axis.title or axis.name
            return tuple(({axis.name: v}, f"[{title}_{v}]") for v in dict.fromkeys(values))
    return (({}, ""),)


def restrict(plan: Plan, chosen: set[str]) -> Plan:
    """Return the plan of the chosen jobs, by fingerprint, and of what they need."""
    wanted = set(chosen)
    for job in reversed(plan.jobs):  # needs stand before what needs them
        if job.fingerprint in wanted:
            wanted.update(job.needs)
    jobs = tuple(job for job in plan.jobs if job.fingerprint in wanted)
    fits = sum(job.sort == "fit" and "seed" in job.axes for job in jobs)
    return replace(plan, jobs=jobs, trials=fits)


def explain(job: Job, result: Result) -> str:
    """Return what a person reads of a job that did not end ok."""
    lines = [f"{result.status or 'not run'}: {job.label}: {result.reason}"]
    if result.traceback:
        lines += ["", result.traceback.rstrip()]
    if result.folder is not None and (log := result.folder / "log.txt").exists():
        lines += ["", f"what it printed: {log}"]
    return "\n".join(lines)

"""The whole way from words to results, as the command line and notebooks go it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.kinds import Measure
from harness.catalogue.references import call
from harness.errors import UsageError
from harness.plan.one_sided import one_sided
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite
from harness.plan.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from harness.execute.progress import Observer
    from harness.store.run_data import RunData
    from harness.summary.report_data import ReportData

DEFAULT_STORE = "runs"
DEFAULT_SUITE = "default"
_log = logging.getLogger("harness.session")


def open_suite(
    host: Host,
    suite: str | Path | Mapping[str, Any] | None = None,
    *,
    architectures: Sequence[Any] = (),
    datasets: Sequence[Any] = (),
    seeds: Sequence[int] = (),
    measures: Sequence[str] = (),
    settings: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Suite:
    """Read a suite by name, path or table, with what takes the place of its lists.

    Raises:
        ProblemsError: All that is wrong with it.
    """
    catalogue = host.require_usable()
    if suite is None and not (architectures or datasets):
        raise UsageError("name a suite (harness run quick), or give -a ARCHITECTURE and -d DATA")
    matrix = {"architectures": architectures, "datasets": datasets, "seeds": seeds}
    name = DEFAULT_SUITE if suite is None else suite
    written = name if isinstance(name, Mapping) else str(name)
    read = load_suite(written, catalogue, settings=settings, matrix=matrix, measures=measures)
    return read.only(only)


class Run:
    """A run of a store, as tidy pandas frames."""

    def __init__(
        self, store: str | Path, name: str | None = None, host: Host | None = None
    ) -> None:
        """Open a run by name; the latest for None.

        Raises:
            StoreError: There is no store there.
            UsageError: It has no such run.
        """
        from harness.store.run_data import RunData
        from harness.store.store import Store

        self._host = host
        with Store(store, create=False) as opened:
            self.data: RunData = RunData.read(opened, name)

    @property
    def name(self) -> str:
        """The name of the run, such as "quick-0001"."""
        return self.data.name

    @property
    def ok(self) -> bool:
        """Whether every job is ok, or skipped as not applicable."""
        return set(self.data.counts) <= {"ok", "skipped", "cached"}

    @property
    def skipped_all(self) -> bool:
        """Whether it measured nothing: all that its suite asks of models was skipped, or left out for its time budget.

        Where all measures are of fits and no fit can be made, none is planned: then the fits say it.
        """
        items = (entry.item for entry in self.host.catalogue.entries("measure").values())
        floors = {one.name for one in items if isinstance(one, Measure) and one.floors}
        measures = (job for job in self.data.jobs if job.sort == "measure")
        asked = [job for job in measures if job.axes["measure"] not in floors]
        asked = asked or [job for job in self.data.jobs if job.sort == "fit"]
        return bool(asked) and all(job.status == "skipped" for job in asked)

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a metric: axes, name, value, unit, low, high, n and what it holds for."""
        return self.data.metrics

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row a job: label, sort, status, reason, seconds and its axes."""
        return self.data.outcomes

    @cached_property
    def summary(self) -> ReportData:
        """What reports show: rows, curves, verdicts, claims."""
        from harness.summary.summary import summarise

        catalogue = self.host.require_usable()
        report = summarise(self.data, catalogue)
        if not self.data.written.get("claim"):
            return report
        from harness.compare.claims import judge_claims

        return replace(report, claims=judge_claims(self.data, catalogue, report))

    @property
    def table(self) -> pd.DataFrame:
        """One row an architecture and data set; for each figure its value, low and high."""
        import pandas as pd

        rows = []
        for row in self.summary.rows:
            values: dict[str, Any] = {
                "architecture": row.architecture,
                "dataset": row.dataset,
                "recipe": row.recipe,
                "precision": row.precision,
                "device": row.device,
                "seeds": len(row.seeds),
                "group": row.group,
                "rank": row.rank,
            }
            for key, figure in row.figures.items():
                values |= {
                    key: figure.value,
                    f"{key}_low": figure.low,
                    f"{key}_high": figure.high,
                }
            rows.append(values)
        return pd.DataFrame(rows)

    @cached_property
    def host(self) -> Host:
        """The plugins that know how to show the run."""
        return self._host or Host()

    @property
    def folder(self) -> Path:
        """Where its reports are kept."""
        return self.data.store / self.name

    def report(self, format: str = "terminal", path: str | Path | None = None, **how: Any) -> Any:
        """Render the run: text (bytes for binary formats), written to `path` where one is given; its folder is made.

        Raises:
            UsageError: No such format, or the file cannot be written.
        """
        entry, _ = self.host.require_usable().find("report", format)
        rendered = call(entry.item.render, **{"report": self.summary, **how})  # type: ignore[attr-defined]
        if path is not None:
            data = rendered if isinstance(rendered, bytes) else rendered.encode("utf-8")
            try:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_bytes(data)
            except OSError as error:
                raise UsageError(
                    f"the report cannot be written to {str(path)!r}: {error.strerror}; the results "
                    f"are kept: harness report {self.name} --format {format} -o PATH"
                ) from None
        return rendered

    def write_html(self) -> Path:
        """Write the HTML report into the run's folder and return its path."""
        path = self.folder / "report.html"
        self.report("html", path)
        return path

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.data.counts.items())
        return f"<Run {self.name}: {self.data.status}; {counts}>"


def load_run(path: str | Path = DEFAULT_STORE, run: str | None = None) -> Run:
    """Open a run of the store at `path`: the latest, or by its name.

    `path` may also be the folder of one run, such as "runs/quick-0001".
    """
    folder = Path(path)
    if run is None and not os.path.exists(folder / "store.sqlite"):
        inside = folder.parent / "store.sqlite"
        if inside.exists():
            return Run(folder.parent, folder.name)
    return Run(folder, run)


def run(
    suite: str | Path | Mapping[str, Any] | None = None,
    *,
    architectures: Sequence[Any] = (),
    datasets: Sequence[Any] = (),
    seeds: Sequence[int] = (),
    measures: Sequence[str] = (),
    settings: Sequence[str] = (),
    only: Sequence[str] = (),
    fresh: Sequence[str] = (),
    time_budget: str | float | None = None,
    engine: str = "local",
    store: str | Path = DEFAULT_STORE,
    plugins: Sequence[str] = (),
    blocked: Sequence[str] = (),
    observer: Observer | None = None,
    against: RunData | None = None,
    for_claims: bool = False,
) -> Run:
    """Run a suite and return the run; jobs whose outcome is in the store are not done again.

    suite: the name of one that ships, a .toml file, or a dictionary with the same tables.
    architectures, datasets, seeds, measures: take the place of the suite's lists; a measure that the
    suite has keeps its options. settings: texts such as "recipes.plain.epochs=3". only: globs of
    architectures. fresh: measures to take again. time_budget: seconds, or a text such as "30m"; what does
    not fit is skipped, trial by trial, and left to a later run. engine: what runs the jobs, by name, with options.
    plugins: files of plugins. blocked: names of plugins to leave out. against: a run with which this one's timings
    are to be taken in turns. for_claims: refuse a suite that has none.

    Raises:
        ProblemsError, UsageError, PluginError: What was asked for cannot be done as written.
        StoreError: The store cannot be written.
        Interrupted: Ctrl-C; what is finished is kept.
    """
    from harness.execute.engine_start import engine_machines
    from harness.execute.forecast import read_budget
    from harness.execute.run import run_plan
    from harness.store.store import Store

    budget = None if time_budget is None else read_budget(time_budget)
    host = Host(PluginChoice(tuple(plugins), tuple(blocked)))
    opened = open_suite(
        host,
        suite,
        architectures=architectures,
        datasets=datasets,
        seeds=seeds,
        measures=measures,
        settings=settings,
        only=only,
    )
    if for_claims and not opened.written.get("claim"):
        raise UsageError(
            f"--fail-on-contradiction: suite {opened.name!r} has no [[claim]] that a run could contradict; write "
            "one into it, such as expect = 'accuracy(mlp) > accuracy(linear)', or leave the switch out"
        )
    plan = make_plan(opened, host.catalogue, engine_machines(host, engine))
    for caution in one_sided(opened):
        _log.warning("%s", caution)
    if against is not None:
        from harness.execute.paired_timing import require_timed

        require_timed(plan, against)
    with Store(store) as rows:
        summary = run_plan(
            plan,
            rows,
            host,
            written=opened.written,
            fresh=fresh,
            observer=observer,
            engine=engine,
            budget=budget,
        )
    return Run(store, summary.name, host)

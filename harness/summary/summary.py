"""From a run's rows to what reports show: one row an architecture and data set, with intervals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import HEADLINE, Shown
from harness.errors import UsageError
from harness.plan.axes import CONDITION_AXES
from harness.plan.claims import read_claim
from harness.plan.search import SEARCH
from harness.statistics.model_groups import ModelComparison, Scores, compare_models
from harness.store.run_data import JobRow, RunData
from harness.summary.cells import Cells
from harness.summary.chart_rows import ModelNames
from harness.summary.charts import draw_charts
from harness.summary.choice import choices
from harness.summary.dataset_info import describe_dataset
from harness.summary.example_scores import ExampleScores, is_floor
from harness.summary.figure import Figure
from harness.summary.filled_columns import FilledColumns
from harness.summary.findings import gather_findings
from harness.summary.floors import (
    declared_floors,
    floor_findings,
    floor_sentences,
    judge_floors,
)
from harness.summary.galleries import read_galleries
from harness.summary.headline_maps import map_data_sets, map_recipes
from harness.summary.measured_on import MeasuredOn
from harness.summary.metric_rows import (
    MetricRow,
    RowKey,
    RowKeys,
    holding,
    name_models,
    read_metric_rows,
)
from harness.summary.out_of_time import say_left_out, status_of
from harness.summary.provenance import read_provenance, train_share
from harness.summary.report_data import (
    DatasetInfo,
    ReportData,
    Row,
    Unfinished,
)
from harness.summary.run_times import read_times
from harness.summary.same_models import find_same_models
from harness.summary.shown_columns import (
    OF_FITS,
    pick,
    shown_columns,
)
from harness.summary.ties import find_ties
from harness.summary.timing_samples import read_samples
from harness.summary.verdict import verdicts


def summarise(run: RunData, catalogue: Catalogue) -> ReportData:
    """Return what reports show of a run."""
    return _Summary(run, catalogue).report()


class _Summary:
    def __init__(self, run: RunData, catalogue: Catalogue) -> None:
        self.run, self.catalogue = run, catalogue
        self.jobs = {job.fingerprint: job for job in run.jobs}
        self.found = read_metric_rows(run.metrics)
        self.models = self.find_models()
        self.floors = self.find_floors()
        self.places = [*self.models, *self.floors]
        self.of_models, self.of_floors = RowKeys(self.models), RowKeys(self.floors)
        self.series = self.name_series()
        kept = ExampleScores(run)
        self.measured_on = MeasuredOn(run.jobs, run.environments)
        self.cells = Cells(self.jobs, kept, catalogue)
        self.filled = FilledColumns(self.places, self.jobs, self.cells, kept, self.sort)

    def report(self) -> ReportData:
        findings, audited = gather_findings(self.run.jobs, self.series_of)
        findings = (*findings, *find_same_models(self.run.jobs, self.series_of))
        for measure, shown, chosen in self.with_main_quality_first():
            self.filled.fill(measure, shown, chosen)
        for shown in OF_FITS:
            fits = [one for one in self.found if one.name == shown.metric]
            self.filled.fill("fit", shown, fits)
        figures, scores = self.filled.figures, self.filled.scores
        comparisons = {
            key: {dataset: self.compare_models(dataset, found) for dataset in self.datasets()}
            for key, found in scores.items()
        }
        rows = self.rows(figures, comparisons.get(HEADLINE, {}))
        columns = self.filled.shown()
        judged = judge_floors(
            {place: self.series[place] for place in self.models},
            {place: self.series[place] for place in self.floors},
            declared_floors(self.catalogue, self.by_measure()),
            columns,
            figures,
            scores.get(HEADLINE, {}),
            self.on_a_part(),
        )
        infos = tuple(self.dataset_info(name) for name in self.datasets())
        models, asked = [row for row in rows if not row.floor], self.filled.asked()
        return ReportData(
            run=self.run.name,
            suite=self.run.suite,
            status=status_of(self.run.status, self.run.jobs),
            started=self.run.started,
            seconds=self.run.seconds,
            energy=self.run.energy,
            counts=self.run.counts,
            environment=self.run.environment,
            times=read_times(self.run),
            datasets=infos,
            columns=columns,
            rows=rows,
            charts=(
                *map_data_sets(columns, rows),
                *draw_charts(
                    self.catalogue,
                    self.by_measure(),
                    ModelNames(self.series, [row.series for row in rows]),
                    self.cells.figure_of,
                    columns,
                    rows,
                ),
                *map_recipes(columns, rows, self.recipes()),
            ),
            verdicts=(
                *choices(
                    infos,
                    rows,
                    comparisons.get(HEADLINE, {}),
                    judged,
                    findings,
                    self.by_series(scores.get(HEADLINE, {})),
                ),
                *verdicts(models, asked, comparisons, infos),
                *self.left_out(figures),
                *floor_sentences(infos, judged),
                *self.measured_on.sentences(),
            ),
            unfinished=tuple(
                Unfinished(
                    label=job.label,
                    fingerprint=job.fingerprint,
                    status=job.status or "not run",
                    reason=job.reason,
                )
                for job in self.run.jobs
                if job.status != "ok"
            ),
            metrics=self.run.metrics,
            shared={
                axis: values[0]
                for axis in CONDITION_AXES
                if len(values := sorted({getattr(place, axis) for place in self.models})) == 1
            },
            samples=lambda fingerprint: read_samples(self.jobs[fingerprint].folder),
            provenance=read_provenance(self.run, self.series),
            findings=(*findings, *floor_findings(judged)),
            audited=audited,
            ties=tuple(find_ties(models, asked, comparisons, judged)),
            galleries=lambda: read_galleries(self.run.jobs, self.series_of, self.catalogue),
        )

    # -- what the rows are

    def find_models(self) -> list[RowKey]:
        has_fits = any(job.sort == "fit" for job in self.run.jobs)
        # Measured without weights, where a fit was skipped.
        known = {one.at for one in self.found}
        found: dict[RowKey, None] = {}
        for job in self.run.jobs:
            if "architecture" in job.axes and job.axes.get("measure") != SEARCH:
                place = RowKey.of(job.axes)
                skipped = job.status == "skipped" and known.isdisjoint(holding(place))
                if (has_fits and job.sort != "fit") or skipped:
                    continue  # what does not apply is listed, but is no row
                found[place] = None
        return list(found)

    def find_floors(self) -> list[RowKey]:
        """Return the places of what data sets were measured to have without any model of the suite."""
        found = (
            RowKey(*(value or "" for value in one.at))
            for one in self.found
            if one.at[0] is not None and is_floor(self.jobs[one.fingerprint])
        )
        return [place for place in dict.fromkeys(found) if place not in set(self.models)]

    def on_a_part(self) -> set[RowKey]:
        """Return the places of models that were trained on a part of the training examples."""
        fits = (job for job in self.run.jobs if job.sort == "fit")
        return {RowKey.of(job.axes) for job in fits if train_share(job.spec["training"]) < 1}

    def sort(self, found: Iterable[MetricRow]) -> dict[RowKey, list[MetricRow]]:
        """Return the metrics of each place; those of a floor are not of a model that bears its name."""
        sides: dict[bool, list[MetricRow]] = {False: [], True: []}
        for one in found:
            sides[is_floor(self.jobs[one.fingerprint])].append(one)
        return self.of_models.sort(sides[False]) | self.of_floors.sort(sides[True])

    def name_series(self) -> dict[RowKey, str]:
        """Name each place by its architecture, with the axes that vary among the models."""
        named = name_models(self.models)
        taken = set(named.values())
        for place in self.floors:
            name = place.architecture
            named[place] = f"{name} (floor)" if name in taken else name
        return named

    def series_of(self, job: JobRow) -> str | None:
        return self.series.get(RowKey.of(job.axes))

    def recipes(self) -> list[str]:
        return list(dict.fromkeys(place.recipe for place in self.models))

    def datasets(self) -> list[str]:
        return list(dict.fromkeys(place.dataset for place in self.places))

    def dataset_info(self, name: str) -> DatasetInfo:
        return describe_dataset(self.run.jobs, name, self.catalogue)

    def left_out(self, figures: Mapping[RowKey, Mapping[str, Figure]]) -> tuple[str, ...]:
        """Say what a time budget left out of what models are ranked by; without fits, of all that was measured."""
        has_fits = any(job.sort == "fit" for job in self.run.jobs)
        judged = [
            place
            for place in self.models
            if (HEADLINE in figures[place] if has_fits else figures[place])
        ]
        main = {
            measure for measure, shown, _ in self.with_main_quality_first() if shown.key == HEADLINE
        }
        return say_left_out(self.run.jobs, judged, main)

    # -- columns and figures

    def by_measure(self) -> dict[str, list[MetricRow]]:
        """Return the metrics of each measure, in the order in which the suite names them."""
        written = [str(table.get("name")) for table in self.run.written.get("measure", [])]
        found: dict[str, list[MetricRow]] = {}
        for one in self.found:
            if one.measure is not None:
                found.setdefault(one.measure, []).append(one)
        return dict(
            sorted(found.items(), key=lambda pair: _place_in(written, pair[0].partition(":")[0]))
        )

    def claimed(self) -> set[str]:
        """Return the metrics that the suite's claims are about; one that cannot be read is not judged, which the report says."""
        found: set[str] = set()
        for table in self.run.written.get("claim", ()):
            with contextlib.suppress(UsageError):
                found |= {term.metric for term in read_claim(table).terms}
        return found

    def with_main_quality_first(self) -> list[tuple[str, Shown, list[MetricRow]]]:
        """Return what is shown, as (measure, shown, metrics): first what models are ranked by.

        Of several columns that ask to be it, that of the metric by which the problem of a data set is judged
        is it, wherever its measure is named in the suite.
        """
        main = {self.dataset_info(name).headline for name in self.datasets()}
        claimed = self.claimed()
        found = [
            (measure, shown, pick(shown, mine))
            for measure, mine in self.by_measure().items()
            for shown in shown_columns(self.catalogue, measure, mine, claimed)
        ]
        found.sort(key=lambda one: (one[1].key != HEADLINE, one[1].metric not in main))
        return self.measured_on.apart(found)

    # -- comparing and ordering

    def compare_models(self, dataset: str, found: Mapping[RowKey, Scores]) -> ModelComparison:
        """Compare the models of a data set with each other; floors are judged apart."""
        mine = (place for place in self.models if place.dataset == dataset and place in found)
        return compare_models({self.series[place]: found[place] for place in mine})

    def by_series(self, found: Mapping[RowKey, Scores]) -> dict[str, dict[str, Scores]]:
        """Return scores by data set and what their rows are called."""
        return {
            dataset: {self.series[at]: one for at, one in found.items() if at.dataset == dataset}
            for dataset in self.datasets()
        }

    def rows(
        self,
        figures: Mapping[RowKey, Mapping[str, Figure]],
        headline: Mapping[str, ModelComparison],
    ) -> tuple[Row, ...]:
        groups = {dataset: comparison.groups() for dataset, comparison in headline.items()}
        ranks = {dataset: comparison.ranks() for dataset, comparison in headline.items()}
        seeds, floors = self.seeds(), set(self.floors)
        rows = []
        for place in self.places:
            name = self.series[place]
            low, high = ranks.get(place.dataset, {}).get(name, (0, 0))
            rows.append(
                Row(
                    architecture=place.architecture,
                    dataset=place.dataset,
                    recipe=place.recipe,
                    precision=place.precision,
                    device=place.device,
                    seeds=seeds.get(place, ()),
                    group=groups.get(place.dataset, {}).get(name, ""),
                    rank="" if not low else str(low) if low == high else f"{low}-{high}",
                    figures=figures[place],
                    series=name,
                    floor=place in floors,
                )
            )
        order = {name: position for position, name in enumerate(self.datasets())}
        rows.sort(key=lambda row: (order[row.dataset], -self.filled.worth(row), row.architecture))
        return tuple(rows)

    def seeds(self) -> dict[RowKey, tuple[int, ...]]:
        found: dict[RowKey, set[int]] = {}
        for job in self.run.jobs:
            if job.sort == "fit" and job.status == "ok" and "seed" in job.axes:
                found.setdefault(RowKey.of(job.axes), set()).add(int(job.axes["seed"]))
        return {place: tuple(sorted(seeds)) for place, seeds in found.items()}


def _place_in(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else len(names)

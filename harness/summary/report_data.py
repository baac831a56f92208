"""What a renderer is given: a finished run as plain data. A renderer computes nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.catalogue.gallery import Gallery, Sheet
from harness.data.notes import DataNote
from harness.summary.chart_data import ChartData
from harness.summary.figure import Figure
from harness.summary.run_times import RunTimes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the main table.

    key: of `Row.figures`. title: for the header, with the condition ("robust, linf 1/16").
    unit: of the stored values: "fraction" (shown as percent), "s", "bytes", "count", "1/s" ...
    better: "higher", "lower", or "" where neither is.
    meaning: one sentence for a tooltip or a legend.
    datasets: those that it is of, where another column with its key is of others; () for all.
    """

    key: str
    title: str
    unit: str
    better: str
    meaning: str
    datasets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One architecture on one data set, under one recipe, precision and device.

    group: letters; rows of one data set that share a letter cannot be told apart by the headline.
    rank: "1", or "1-3" where the rows cannot be told apart; "" where nothing was measured.
    seeds: the seeds of the fits behind the row. series: its name in the charts. floor: it is no model of the suite, but
    what any other should beat.
    """

    architecture: str
    dataset: str
    recipe: str
    precision: str
    device: str
    seeds: tuple[int, ...]
    group: str
    rank: str
    figures: Mapping[str, Figure]
    series: str = ""
    floor: bool = False


THE_DATA = "the data"


@dataclass(frozen=True, kw_only=True)
class ModelFinding:
    """Something that a reader of a model's figures should know; see `harness.catalogue.finding.Finding`.

    series: as in `Row`; THE_DATA where it is about the data set. flag: a few words for what makes figures doubtful; "" where they are right. seeds: those
    in which it was found, in the words of the lowest; looked: the number of seeds in which it was looked for.
    measures: their labels, where the model has several that looked; else (). of_fit: it is about how the model was trained: its
        figures are those of the model as it is, and are not marked.
    """

    dataset: str
    series: str
    code: str
    flag: str
    sentence: str
    advice: str
    seeds: tuple[int, ...] = ()
    looked: int = 1
    measures: tuple[str, ...] = ()
    of_fit: bool = False


@dataclass(frozen=True, kw_only=True)
class Tie:
    """Two rows of a data set that verdicts or letters do not tell apart by a column.

    column: its key. rows: their `series`, sorted. p_value: corrected by Holm's method for the number of `pairs`; None where two
    intervals reach each other and nothing was tested.
    """

    dataset: str
    column: str
    rows: tuple[str, ...]
    pairs: int = 0
    p_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class ClaimPart:
    """What became of a claim under one condition.

    where: the condition, in words. outcome: "confirmed", "contradicted" or "undecided". left, right: the two sides, in
    `unit`; right includes the claim's factor. value: left - right, or where `relative` left / right - 1; low, high: its
    95 % interval, None where none is known; confirmed where all of it is above `margin`, or where not `greater` below it. method: of the comparison, in words. seeds: that both sides have, of which a floor has
    any. subset: in words, where a side is compared on less than it has. p_value: of this comparison alone, that chance makes it; None where nothing tells.
    tied: where the claim is decided and yet the verdict does not tell the two rows apart, these.
    doubt: what makes a figure doubtful, in words; such ones decide nothing. caution: what was found about the models' training or
    their data, in words: the figures are right of the models as they are, and decide. seeds_needed: how many would decide, should the
    difference and its spread stay; 0 where that is not known, or these do.
    """

    where: str
    outcome: str
    unit: str
    left: float
    right: float
    value: float
    low: float | None
    high: float | None
    relative: bool
    method: str
    seeds: int
    subset: str = ""
    doubt: str = ""
    caution: str = ""
    seeds_needed: int = 0
    p_value: float | None = None
    tied: Tie | None = None
    margin: float = 0.0
    greater: bool = True


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """A claim of the suite, and what the run says of it.

    expect: as it is written. says, source: in words, and whose claim it is. outcome: "confirmed" where the 95 % intervals
    say so under every condition, "contradicted" where one does with a p value corrected for their number, "undecided", or "not judged", with the reason.
    left_out: the run does not have what it is about, so that a switch such as --only left it out, if there was one.
    """

    expect: str
    says: str
    source: str
    outcome: str
    parts: tuple[ClaimPart, ...] = ()
    reason: str = ""
    left_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A job that did not end ok, and why."""

    label: str
    fingerprint: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """About a data set: its headline metric ("accuracy" or "r2"), number of examples, and what it was taken for.

    notes: what its reader took the files for, left out or changed, in tables of words.
    """

    name: str
    headline: str
    counts: Mapping[str, int]
    notes: tuple[DataNote, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainingInfo:
    """How the model of a row came by its weights. facts: (what, text), those without a text left out."""

    dataset: str
    series: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where the figures come from.

    command: as it was typed. commit: of the folder that it was typed in, "with changes" where files
    differ. suite_text: TOML, after what switches have changed. Each "" where it is not known.
    """

    command: str = ""
    commit: str = ""
    suite_text: str = ""
    trainings: tuple[TrainingInfo, ...] = ()

    @property
    def description(self) -> str:
        """What the suite says of itself; "" where it says nothing, or is not known."""
        return str(tomllib.loads(self.suite_text).get("suite", {}).get("description", ""))


_NO_SHEET = Sheet(title="")


@dataclass(frozen=True, kw_only=True)
class ShownSheet:
    """A sheet of examples of one model.

    gallery: what its measure says of it. series: the model, as in the charts. seed: of its fit; others are
    not shown. path: where its picture lies, or else its words. problem: why there is nothing to show, in
    words; "" where there is.
    """

    dataset: str
    series: str
    seed: int
    gallery: Gallery
    path: str
    sheet: Sheet = _NO_SHEET
    problem: str = ""


def _no_samples(fingerprint: str) -> Mapping[str, Any]:
    return {}


def _no_galleries() -> tuple[ShownSheet, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """A finished (or interrupted) run.

    run: its name ("quick-0007"). started: ISO 8601, UTC. seconds: wall time of the run.
    energy: joules that the machine's packages and GPUs took meanwhile; None where it cannot be told.
    counts: number of jobs by status, "cached" among them.
    environment: hardware and versions, for a person to read.
    verdicts: sentences that answer "which model should I take?".
    metrics: the tidy table: one row a metric (see `harness.summary.summary.metrics_frame`).
    shared: the axes that all rows have in common, such as {"recipe": "plain", "device": "cpu"};
        they need not be columns.
    charts: what the measures of the run want drawn, in the order of the suite.
    samples: from a fingerprint of `metrics` to the raw timings of its outcome, {series: seconds a
        call}, such as {"batch_64": ...}; read when asked for, and empty where none were kept.
    findings: what measures noticed that makes figures doubtful, or that is good to know. audited: the number
        of jobs that looked for findings.
    claims: what became of the claims of the suite. ties: the rows that verdicts do not tell apart.
    times: where the wall time went, and what would shorten it; None where no job ran.
    galleries: example pictures that measures kept, of one seed of each model; read when asked for.
    """

    run: str
    suite: str
    status: str
    started: str
    seconds: float
    counts: Mapping[str, int]
    environment: Mapping[str, Any]
    datasets: tuple[DatasetInfo, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    verdicts: tuple[str, ...]
    unfinished: tuple[Unfinished, ...]
    metrics: pd.DataFrame
    charts: tuple[ChartData, ...] = ()
    energy: float | None = None
    shared: Mapping[str, str] = field(default_factory=dict)
    samples: Callable[[str], Mapping[str, Any]] = field(
        default=_no_samples, compare=False, repr=False
    )
    provenance: Provenance = Provenance()
    findings: tuple[ModelFinding, ...] = ()
    audited: int = 0
    times: RunTimes | None = None
    claims: tuple[JudgedClaim, ...] = ()
    ties: tuple[Tie, ...] = ()
    galleries: Callable[[], tuple[ShownSheet, ...]] = field(
        default=_no_galleries, compare=False, repr=False
    )

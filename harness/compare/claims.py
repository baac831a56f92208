"""What a run says of the claims of its suite: confirmed, contradicted or undecided, with intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.shown import Shown
from harness.compare.differences import EXACT, Difference
from harness.compare.method import choose_difference
from harness.compare.run_comparison import timed_spreads
from harness.compare.side import Side, measure_of
from harness.errors import UsageError, nearest
from harness.plan.axes import ROW_AXES
from harness.plan.claims import Claim, Term, is_of, read_claim
from harness.statistics.model_groups import ALPHA
from harness.store.run_data import RunData
from harness.summary.cells import Cells
from harness.summary.metric_rows import MetricRow
from harness.summary.report_data import ClaimPart, JudgedClaim
from harness.summary.shown_columns import pick, shown_metrics

CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"
NOT_MEASURED = "not measured"
_ARCHITECTURE = ROW_AXES.index("architecture")


@dataclass(frozen=True)
class _Condition:
    """What a figure is of beside its architecture: axes, measure and the rest as JSON; None holds for all of an axis.

    A floor is of no measure of the models', and so of any.
    """

    at: tuple[str | None, ...]
    measure: str | None
    where: str

    def fits(self, other: _Condition) -> bool:
        pairs = zip((*self.at, self.measure), (*other.at, other.measure), strict=True)
        return self.where == other.where and all(a == b or None in (a, b) for a, b in pairs)


Figures = dict[_Condition, list[MetricRow]]  # one a seed


def judge_claims(run: RunData, catalogue: Catalogue) -> tuple[JudgedClaim, ...]:
    """Return what became of each claim of a run's suite, in their order.

    A claim holds for every condition under which both sides were measured, of those that it does not narrow down: it is
    confirmed where all are, and contradicted where one is. The two sides are compared as two runs are (`method`): paired by
    seed and example where these are kept, at 95 % for each claim.
    """
    judge = _Judge(run, catalogue)
    return tuple(judge.judge(table) for table in run.written.get("claim", ()))


class _Judge:
    def __init__(self, run: RunData, catalogue: Catalogue) -> None:
        self.side, self.catalogue = Side(run, catalogue), catalogue
        self.cells = Cells(self.side.jobs, self.side.kept, catalogue)
        self.spreads = timed_spreads(run)
        self.varying = [axis for axis in ROW_AXES[1:] if len(self.side.values(axis)) > 1]

    def judge(self, table: Any) -> JudgedClaim:
        judged = JudgedClaim(
            expect=str(table.get("expect", "")),
            says=str(table.get("says", "")),
            source=str(table.get("source", "")),
            outcome=NOT_MEASURED,
        )
        try:
            parts = self.parts(read_claim(table))
        except UsageError as error:
            return replace(judged, reason=str(error))
        outcomes = {part.outcome for part in parts}
        outcome = UNDECIDED
        if CONTRADICTED in outcomes or outcomes == {CONFIRMED}:
            outcome = CONTRADICTED if CONTRADICTED in outcomes else CONFIRMED
        return replace(judged, outcome=outcome, parts=parts)

    def parts(self, claim: Claim) -> tuple[ClaimPart, ...]:
        """Return what became of a claim under each condition.

        Raises:
            UsageError: A side was not measured.
        """
        own = set(claim.left.where) | set(claim.right.where if claim.right else ())
        left = self.figures(claim, claim.left, own)
        if claim.right is None:
            return tuple(self.beside_number(claim, key, rows) for key, rows in left.items())
        right = self.figures(claim, claim.right, own)
        both = [(one, other) for one in left for other in right if one.fits(other)]
        if not both:
            conditions = " and ".join(
                " ".join(filter(None, (*key.at, key.measure, key.where)))
                for key in (min(left, key=repr), min(right, key=repr))
            )
            raise UsageError(
                f"its two sides were measured under different conditions: {conditions}"
            )
        return tuple(self.beside_figure(claim, one, left[one], right[other]) for one, other in both)

    def figures(self, claim: Claim, term: Term, own: set[str]) -> Figures:
        """Return the figures of a side. own: conditions that one side says for itself, which the other need not share.

        Raises:
            UsageError: There are none.
        """
        named = [one for one in self.side.found if one.name == term.metric]
        if not named:
            known = {one.name for one in self.side.found}
            raise UsageError(f"no metric {term.metric!r} was measured{nearest(term.metric, known)}")
        wanted = claim.conditions(term)
        found: Figures = {}
        for measure in dict.fromkeys(map(measure_of, named)):
            mine = [one for one in named if measure_of(one) == measure]
            shown = shown_metrics(self.catalogue, measure).get(term.metric)
            narrowed = any(key in one.where for key in wanted for one in mine)
            if shown is not None and not narrowed:
                mine = pick(shown, mine)  # as the table does
            for one in mine:
                if one.at[_ARCHITECTURE] == term.architecture and _holds(one, wanted):
                    found.setdefault(self.condition(one, own), []).append(one)
        if not found:
            raise UsageError(self.missing(term, wanted, named))
        return found

    def condition(self, one: MetricRow, own: set[str]) -> _Condition:
        """Return what a figure is of beside its architecture and what its side says for itself."""
        at = zip(ROW_AXES, one.at, strict=True)
        axes = self.side.axes(measure_of(one))
        own_keys = {key for name in own for key in (name, *axes.get(name).keys)}
        where = {key: value for key, value in one.where.items() if key not in own_keys}
        free = "measure" in own or self.side.is_floor(one)
        return _Condition(
            tuple(value for axis, value in at if axis not in {*own, "architecture"}),
            None if free else measure_of(one),
            json.dumps(where, sort_keys=True),
        )

    def missing(self, term: Term, wanted: dict[str, str], named: Sequence[MetricRow]) -> str:
        """Say why a side has no figure."""
        its_own = {*map(measure_of, named), None}  # None: of fits
        broken = [
            job
            for job in self.side.run.jobs
            if job.status not in ("ok", "")
            and job.axes.get("architecture") == term.architecture
            and job.axes.get("measure") in its_own
        ]
        what = f"{term.metric} of {term.architecture!r}"
        if wanted:
            what += " where " + ", ".join(f"{key} is {value}" for key, value in wanted.items())
        if broken:
            return (
                f"there is no {what}: {broken[0].label} is {broken[0].status}, {broken[0].reason}"
            )
        names = {str(one.at[_ARCHITECTURE]) for one in named if one.at[_ARCHITECTURE]}
        near = "" if term.architecture in names else nearest(term.architecture, names)
        return f"there is no {what}{near}"

    def beside_figure(
        self, claim: Claim, key: _Condition, left: list[MetricRow], right: list[MetricRow]
    ) -> ClaimPart:
        if claim.factor != 1.0:
            right = [_times(one, claim.factor) for one in right]
        shown = self.shown(left[0])
        found = choose_difference((self.side, self.side), shown, right, left, self.spreads)
        if found.relative and claim.margin:
            raise UsageError(
                f"a margin is for shares and losses; {left[0].name} is in {left[0].unit}, where sides are compared by their "
                "ratio: write a factor, such as 1.1 * ..."
            )
        return self.part(claim, key, left, right, found)

    def beside_number(self, claim: Claim, key: _Condition, left: list[MetricRow]) -> ClaimPart:
        figure = self.cells.figure_of(left)
        ends = (figure.low, figure.high)
        if figure.exact:
            ends = (figure.value, figure.value)
        low, high = (None if end is None else end - claim.margin for end in ends)
        found = Difference(
            a=claim.margin,
            b=figure.value,
            value=figure.value - claim.margin,
            relative=False,
            method=EXACT if figure.exact else "the interval of the figure",
            low=low,
            high=high,
        )
        return self.part(replace(claim, margin=0.0), key, left, left, found)

    def part(
        self,
        claim: Claim,
        key: _Condition,
        left: Sequence[MetricRow],
        right: Sequence[MetricRow],
        found: Difference,
    ) -> ClaimPart:
        doubts = dict.fromkeys(one.flag for one in (*left, *right) if one.flag)
        seeds = [len(self.side.by_seed(rows)) or 1 for rows in (left, right)]
        return ClaimPart(
            where=self.words(key, left[0]),
            outcome=UNDECIDED if doubts else decide(found, claim),
            unit=left[0].unit,
            left=found.b,
            right=found.a,
            value=found.value,
            low=found.low,
            high=found.high,
            relative=found.relative,
            method=found.method,
            seeds=min(seeds),
            doubt="; ".join(doubts),
        )

    def words(self, key: _Condition, one: MetricRow) -> str:
        """Return the condition of a figure: its data set where there are several, and so on."""
        at = zip(ROW_AXES, one.at, strict=True)
        said = [value for axis, value in at if axis in self.varying and value in key.at and value]
        where = json.loads(key.where)
        return ", ".join([*said, *self.side.axes(measure_of(one)).said(where, without="")])

    def shown(self, one: MetricRow) -> Shown:
        return shown_metrics(self.catalogue, measure_of(one)).get(one.name) or Shown(
            metric=one.name
        )


def decide(found: Difference, claim: Claim) -> str:
    """Return whether a difference (left - right) confirms a claim: where its whole interval is on one side of the margin."""
    if found.low is None or found.high is None:
        return UNDECIDED
    if found.method == EXACT:
        holds = found.value > claim.margin if claim.greater else found.value < claim.margin
        return CONFIRMED if holds else CONTRADICTED
    if not claim.margin and found.p_value is not None and found.p_value >= ALPHA:
        return UNDECIDED
    above, below = found.low > claim.margin, found.high < claim.margin
    if not (above or below):
        return UNDECIDED
    return CONFIRMED if above == claim.greater else CONTRADICTED


def _holds(one: MetricRow, wanted: dict[str, str]) -> bool:
    for key, value in wanted.items():
        if key in ROW_AXES:
            is_value = one.at[ROW_AXES.index(key)] in (value, None)
        elif key == "measure":
            is_value = one.measure is not None and value in (
                one.measure,
                one.measure.partition(":")[0],
            )
        else:
            is_value = key in one.where and is_of(one.where[key], value)
        if not is_value:
            return False
    return True


def _times(one: MetricRow, factor: float) -> MetricRow:
    """Return a figure times a factor; without its examples, whose scores are not."""
    low, high = (None if end is None else end * factor for end in (one.low, one.high))
    return replace(one, value=one.value * factor, low=low, high=high, examples=(), samples="")

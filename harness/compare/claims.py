"""What a run says of the claims of its suite: confirmed, contradicted or undecided, with intervals."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.finding import Finding, read_findings
from harness.catalogue.shown import Shown
from harness.compare.absent import Absence, LeftOutError
from harness.compare.beside_verdict import BesideVerdict
from harness.compare.decision import CONFIRMED, CONTRADICTED, UNDECIDED, chance, decide
from harness.compare.differences import EXACT, Difference, of_one_run, of_single
from harness.compare.method import choose_difference
from harness.compare.run_comparison import timed_spreads
from harness.compare.side import Side, measure_of
from harness.errors import UsageError
from harness.measure.units import unit_of
from harness.plan.axes import ROW_AXES
from harness.plan.claims import Claim, Term, is_of, read_claim
from harness.plan.jobs import also_recipes
from harness.statistics.inference import holm
from harness.statistics.model_groups import ALPHA
from harness.statistics.spread import DEFAULT_SD, Spread
from harness.store.run_data import JobRow, RunData
from harness.summary.cells import Cells
from harness.summary.metric_rows import MetricRow
from harness.summary.report_data import ClaimPart, JudgedClaim, ReportData
from harness.summary.shown_columns import BESIDE_OTHERS, pick, shown_metrics

NOT_JUDGED = "not judged"
_ARCHITECTURE = ROW_AXES.index("architecture")
_AXES = tuple(axis for axis in ROW_AXES if axis != "architecture")


@dataclass(frozen=True)
class _Condition:
    """What a figure is of beside its architecture: axes, measure, and the rest as the metric has it.

    None holds for all of an axis; a floor is of no measure of the models', and so of any.
    """

    at: tuple[str | None, ...]  # by ROW_AXES without the architecture
    measure: str | None
    where: str  # JSON

    def fits(self, other: _Condition, own: Collection[str]) -> bool:
        """Whether two figures may be compared. own: what a side says for itself, in which they may differ."""
        axes = [place for place, axis in enumerate(_AXES) if axis not in own]
        pairs = [(self.at[place], other.at[place]) for place in axes]
        if "measure" not in own:
            pairs.append((self.measure, other.measure))
        return all(a == b or None in (a, b) for a, b in pairs) and (
            _without(self.where, own) == _without(other.where, own)
        )


Figures = dict[_Condition, list[MetricRow]]  # one a seed


def judge_claims(run: RunData, catalogue: Catalogue, report: ReportData) -> tuple[JudgedClaim, ...]:
    """Return what became of each claim of a run's suite, in their order. report: of the run, for what its verdicts say.

    A claim is about every condition under which both sides were measured, of those that it leaves open. Under each the sides
    are compared as two runs are (`method`), at 95 %. It is confirmed where it is under all, and contradicted where it is
    under one with a p value that is corrected for their number (Holm's method).
    """
    judge = _Judge(run, catalogue, report)
    return tuple(judge.judge(table) for table in run.written.get("claim", ()))


class _Judge:
    def __init__(self, run: RunData, catalogue: Catalogue, report: ReportData) -> None:
        self.side, self.catalogue = Side(run, catalogue), catalogue
        self.beside_verdict = BesideVerdict(self.side, catalogue, report)
        self.cells = Cells(self.side.jobs, self.side.kept, catalogue)
        self.spreads = timed_spreads(run)
        self.flagged: dict[str, tuple[str, ...]] = {}
        self.also = {
            tuple(job.axes.get(axis) for axis in ROW_AXES): also_recipes(job.axes)
            for job in run.jobs
            if job.sort == "fit"
        }
        self.varying = [axis for axis in _AXES if len(self.side.values(axis)) > 1]

    def judge(self, table: Any) -> JudgedClaim:
        judged = JudgedClaim(
            expect=str(table.get("expect", "")),
            says=str(table.get("says", "")),
            source=str(table.get("source", "")),
            outcome=NOT_JUDGED,
        )
        try:
            parts = self.parts(read_claim(table))
        except UsageError as error:
            return replace(judged, reason=str(error), left_out=isinstance(error, LeftOutError))
        against = [p_value for part, p_value in parts if part.outcome == CONTRADICTED]
        contradicted = any(p_value < ALPHA for p_value in _corrected(against, len(parts)))
        confirmed = all(part.outcome == CONFIRMED for part, _ in parts)
        outcome = CONTRADICTED if contradicted else CONFIRMED if confirmed else UNDECIDED
        return replace(judged, outcome=outcome, parts=tuple(part for part, _ in parts))

    def parts(self, claim: Claim) -> list[tuple[ClaimPart, float]]:
        """Return what became of a claim under each condition, with its p value.

        Raises:
            UsageError: A side was not measured, or the two cannot be compared as the claim is written.
        """
        own = set(claim.left.where) | set(claim.right.where if claim.right else ())
        left = self.figures(claim, claim.left)
        if claim.right is None:
            alone = {tuple(map(id, rows)): key for key, rows in reversed(left.items())}
            return [self.beside_number(claim, key, left[key]) for key in reversed(alone.values())]
        right = self.figures(claim, claim.right)
        fitting = [
            (one, other)
            for one, of_one in left.items()
            for other in right
            if one.fits(other, self.keys(own, of_one[0]))
        ]
        # Recipes that come to the same fits on both sides are one condition.
        same = {
            tuple(map(id, (*left[one], *right[other]))): (one, other)
            for one, other in reversed(fitting)
        }
        both = list(reversed(same.values()))
        if not both:
            keys = " and ".join(self.words((min(side, key=repr),), side) for side in (left, right))
            raise UsageError(f"its two sides were measured under different conditions: {keys}")
        _check_units(claim, *(next(iter(side.values()))[0].unit for side in (left, right)))
        return [
            self.beside_figure(claim, (one, other), left[one], right[other]) for one, other in both
        ]

    def figures(self, claim: Claim, term: Term) -> Figures:
        """Return the figures of a side: of the floor of that name only where no model bears it.

        Raises:
            UsageError: There are none.
        """
        wanted = claim.conditions(term)
        is_model = term.architecture in self.side.values("architecture")
        named = [
            one
            for one in self.side.found
            if one.name == term.metric and not (is_model and self.side.is_floor(one))
        ]
        if not named:
            raise self.absence(term, wanted).not_measured()
        found: Figures = {}
        for measure in dict.fromkeys(map(measure_of, named)):
            mine = [one for one in named if measure_of(one) == measure]
            shown = shown_metrics(self.catalogue, measure).get(term.metric)
            narrowed = any(key in one.where for key in wanted for one in mine)
            if shown is not None and not narrowed:
                mine = pick(shown, mine)  # as the table does
            for one in mine:
                for at in self.places(one) if one.at[_ARCHITECTURE] == term.architecture else ():
                    if _holds(one, at, wanted):
                        found.setdefault(self.condition(one, at), []).append(one)
        if not found:
            raise self.absence(term, wanted).missing(named)
        return found

    def absence(self, term: Term, wanted: Mapping[str, str]) -> Absence:
        """Return what can be said of a side that has no figures."""
        return Absence(self.side, self.catalogue, term, wanted, tuple(self.also.values()))

    def places(self, one: MetricRow) -> list[tuple[str | None, ...]]:
        """Return where a figure stands, and under which other recipes, that come to the same fit there."""
        recipe = ROW_AXES.index("recipe")
        others = self.also.get(one.at, ())
        return [one.at, *((*one.at[:recipe], name, *one.at[recipe + 1 :]) for name in others)]

    def condition(self, one: MetricRow, at: tuple[str | None, ...]) -> _Condition:
        """Return what a figure is of beside its architecture. at: one of its `places`."""
        rest = tuple(value for place, value in enumerate(at) if place != _ARCHITECTURE)
        measure = None if self.side.is_floor(one) else measure_of(one)
        return _Condition(rest, measure, json.dumps(one.where, sort_keys=True))

    def keys(self, own: Collection[str], one: MetricRow) -> set[str]:
        """Return conditions with the other keys that say the same (epsilon and how it was written)."""
        axes = self.side.axes(measure_of(one))
        return {key for name in own for key in (name, *axes.get(name).keys)}

    def beside_figure(
        self,
        claim: Claim,
        keys: tuple[_Condition, _Condition],
        left: list[MetricRow],
        right: list[MetricRow],
    ) -> tuple[ClaimPart, float]:
        if claim.factor != 1.0:
            right = [_times(one, claim.factor) for one in right]
        shown = self.shown(left[0])
        found = choose_difference((self.side, self.side), shown, right, left, self.spreads)
        return self.part(claim, keys, left, right, found)

    def beside_number(
        self, claim: Claim, key: _Condition, left: list[MetricRow]
    ) -> tuple[ClaimPart, float]:
        figure, number = self.cells.figure_of(left), claim.margin
        one, unit = left[0], left[0].unit
        if unit_of(unit).timed and any(self.side.jobs[row.fingerprint].shared for row in left):
            found = of_single(number, figure.value, unit, BESIDE_OTHERS)
        elif unit_of(unit).timed and len(left) == 1:
            noise = self.shown(one).noise or DEFAULT_SD
            spread = self.spreads.get(one.name) or Spread(noise)
            found = of_one_run(number, (one.value, one.low, one.high), unit, spread)
        else:
            ends = (figure.value,) * 2 if figure.exact else (figure.low, figure.high)
            low, high = (None if end is None else end - number for end in ends)
            found = Difference(
                a=number,
                b=figure.value,
                value=figure.value - number,
                relative=False,
                method=EXACT if figure.exact else "the interval of the figure",
                low=low,
                high=high,
            )
        return self.part(replace(claim, margin=0.0), (key,), left, (), found)

    def part(
        self,
        claim: Claim,
        keys: Sequence[_Condition],
        left: Sequence[MetricRow],
        right: Sequence[MetricRow],
        found: Difference,
    ) -> tuple[ClaimPart, float]:
        """Return what a difference says of a claim, and how likely it would be by chance."""
        doubts = dict.fromkeys(one.flag for one in (*left, *right) if one.flag)
        seeds = [
            of for rows in (left, right) if (of := self.side.seeds_behind(rows))
        ]  # floors: none
        common = set.intersection(*seeds) if seeds else set()
        outcome = UNDECIDED if doubts else decide(found, claim)
        open_yet = outcome == UNDECIDED and not doubts and not claim.margin
        where = self.words(keys, {keys[0]: left})
        where = ", ".join(filter(None, [where, *self.merged(keys, left, right)]))
        p_value = chance(found, claim)
        part = ClaimPart(
            where=where,
            outcome=outcome,
            unit=left[0].unit,
            left=found.b,
            right=found.a,
            value=found.value,
            low=found.low,
            high=found.high,
            relative=found.relative,
            method=found.method,
            seeds=len(common) or min(map(len, seeds), default=1),
            subset=found.subset,
            doubt="; ".join(doubts),
            seeds_needed=found.seeds_needed if open_yet else 0,
            caution="; ".join(filter(None, dict.fromkeys(map(self.caution, (*left, *right))))),
            p_value=None if found.low is None or found.high is None else p_value,
            margin=claim.margin,
            greater=claim.greater,
        )
        asks_the_same = right and not claim.margin and claim.factor == 1.0
        if asks_the_same and outcome != UNDECIDED:
            part = replace(part, tied=self.beside_verdict.tie(left, right))
        return part, p_value

    def caution(self, row: MetricRow) -> str:
        """Return what was found about the training or the data behind a figure and makes it doubtful, such as "lstm: ..."."""
        job, model = self.side.jobs[row.fingerprint], row.at[_ARCHITECTURE]
        behind = (self.side.jobs.get(need) for need in job.needs)
        flags = {
            flag: None
            for one in (job, *filter(None, behind))
            if one.sort == "prepare" or (one.sort == "fit" and one.axes["architecture"] == model)
            for flag in self.flags(one)
        }
        recipe = row.at[ROW_AXES.index("recipe")] if "recipe" in self.varying else None
        name = " ".join(filter(None, (model, recipe)))
        return f"{name}: {', '.join(flags)}" if flags else ""

    def flags(self, job: JobRow) -> tuple[str, ...]:
        """Return the flags of what was found in a job."""
        if job.fingerprint not in self.flagged:
            found: tuple[Finding, ...] = ()
            with contextlib.suppress(OSError, ValueError, TypeError):  # the report says so
                found = read_findings(job.folder) or ()
            self.flagged[job.fingerprint] = tuple(one.flag for one in found if one.flag)
        return self.flagged[job.fingerprint]

    def words(
        self, keys: Sequence[_Condition], rows: Mapping[_Condition, Sequence[MetricRow]]
    ) -> str:
        """Return what figures are of, as far as it varies in the run: "digits, long against plain, epsilon 1/16"."""
        said = []
        for place, axis in enumerate(_AXES):
            values = list(dict.fromkeys(key.at[place] for key in keys if key.at[place]))
            if axis in self.varying and values:
                said.append(" against ".join(map(str, values)))
        axes = self.side.axes(measure_of(rows[keys[0]][0]))
        wheres = [axes.said(json.loads(key.where), without="") for key in keys]
        said += [words for words in wheres[0] if all(words in where for where in wheres)]
        rest = [", ".join(words for words in where if words not in said) for where in wheres]
        return ", ".join([*said, *filter(None, [" against ".join(filter(None, rest))])])

    def merged(self, keys: Sequence[_Condition], *sides: Sequence[MetricRow]) -> Iterator[str]:
        """Yield under which recipe the row of a side stands, where that is another one, which comes to the same."""
        for key, rows in zip(keys, sides, strict=False):  # a number is no side
            recipe = rows[0].at[ROW_AXES.index("recipe")]
            if key.at[_AXES.index("recipe")] != recipe:
                yield f"for {rows[0].at[_ARCHITECTURE]} the same as {recipe}"

    def shown(self, one: MetricRow) -> Shown:
        return shown_metrics(self.catalogue, measure_of(one)).get(one.name) or Shown(
            metric=one.name
        )


def _corrected(p_values: Sequence[float], conditions: int) -> list[float]:
    return holm([*p_values, *(1.0 for _ in range(conditions - len(p_values)))])


def _check_units(claim: Claim, left: str, right: str) -> None:
    """Check that two units, and the claim's factor or margin, make sense together.

    Raises:
        UsageError: They do not.
    """
    if left != right:
        raise UsageError(
            f"its left side is in {left or 'no unit'}, its right one in {right or 'no unit'}"
        )
    if claim.margin and unit_of(left).scales:
        raise UsageError(
            f"figures in {left} are compared by their ratio: write a factor, such as 1.1 * ..."
        )
    if claim.factor != 1.0 and not unit_of(left).scales:
        raise UsageError(
            "shares and losses are compared by their difference: write a margin, such as ... + 0.02"
        )


def _without(where: str, keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in json.loads(where).items() if key not in keys}


def _holds(one: MetricRow, at: tuple[str | None, ...], wanted: dict[str, str]) -> bool:
    for key, value in wanted.items():
        if key in ROW_AXES:
            is_value = at[ROW_AXES.index(key)] in (value, None)
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

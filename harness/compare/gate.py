"""Gates: conditions on a comparison that fail a build, such as "throughput < -5%"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.catalogue.counts import list_some
from harness.compare.run_comparison import PairedFigure, RunComparison
from harness.errors import UsageError, nearest
from harness.measure.units import TIMED_UNITS
from harness.statistics.inference import holm
from harness.statistics.paired_ratio import ALPHA

_WRITTEN = re.compile(
    r"\s*(?P<name>[\w*?/.\- ]*[\w*?])\s*(?P<sign>[<>])\s*"
    r"(?P<limit>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>%|pt)?\s*"
)


@dataclass(frozen=True)
class Gate:
    """A limit on the change of a figure from A to B.

    name: of the metric, or a glob. unit: "%" for the relative change, "pt" for points
    (hundredths of a share), "" for a change in the figure's own unit.
    """

    text: str
    name: str
    sign: str
    limit: float
    unit: str

    @classmethod
    def read(cls, text: str) -> Gate:
        """Read "NAME < LIMIT" or "NAME > LIMIT".

        Raises:
            UsageError: It is none.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise UsageError(
                f"--fail-if {text!r} is no condition: write NAME < LIMIT or NAME > LIMIT, with a "
                "change in %, in pt (points of a share) or in the figure's unit, such as "
                "'throughput < -5%', 'accuracy < -1pt' or 'parameters > 0'"
            )
        return cls(
            text.strip(), found["name"], found["sign"], float(found["limit"]), found["unit"] or ""
        )

    def passed_by(self, change: float) -> bool:
        """Whether a change, in the limit's own unit, lies beyond the limit."""
        return change < self.limit if self.sign == "<" else change > self.limit

    def matches(self, name: str) -> bool:
        """Whether it is about a metric of this name."""
        return fnmatchcase(name, self.name)


@dataclass(frozen=True)
class Breach:
    """What a gate says of one figure.

    fails: beyond the limit, and not by chance: the difference's p value, corrected for all
    figures that gates are about, is below `paired_ratio.ALPHA`; or the figure is gone
    because its job failed, or is undefined in B alone.
    doubtful: beyond the limit, though maybe by chance, or against a figure of A that a measure has marked; or within
    it by a figure of B that is marked.
    """

    gate: str
    label: str
    words: str
    fails: bool
    doubtful: bool = False


def judge(gates: Sequence[Gate], comparison: RunComparison) -> list[Breach]:
    """Hold a comparison to the gates; a finding for each figure beyond a limit, or gone.

    Floors are of the data and no model's: no gate is about them.

    Raises:
        UsageError: A gate is about no figure that a model has in both runs.
    """
    models = [pair for pair in comparison.pairs if not pair.floor]
    concerned = [[pair for pair in models if gate.matches(pair.name)] for gate in gates]
    corrected = _correct([pair for pairs in concerned for pair in pairs])
    found: list[Breach] = []
    for gate, pairs in zip(gates, concerned, strict=True):
        gone = [
            one
            for one in comparison.lost
            if one.missing_in == "B" and one.reason and not one.floor and gate.matches(one.name)
        ]
        if not pairs and not gone:
            if alone := in_one_run_only([gate], comparison):
                raise UsageError(
                    f"--fail-if {gate.text!r} cannot be judged: no model has such a figure in both runs; {alone}"
                )
            known = {pair.name for pair in models}
            raise UsageError(
                f"--fail-if {gate.text!r}: both runs have no figure named {gate.name!r}"
                f"{nearest(gate.name, known)}"
            )
        for pair in pairs:
            finding = _judge(gate, pair, corrected.get(id(pair)))
            found += [finding] if finding else []
        found += [
            Breach(gate.text, one.label, f"{one.name} is gone from B: {one.reason}", fails=True)
            for one in gone
        ]
    return found


def in_one_run_only(gates: Sequence[Gate], comparison: RunComparison) -> str:
    """Name the models whose figures that gates are about are in one run only, though nothing failed; "" for none."""
    said = []
    for missing_in, run in (("B", f"A ({comparison.a})"), ("A", f"B ({comparison.b})")):
        labels = {
            one.label: None
            for one in sorted(comparison.lost, key=lambda one: one.label)
            if one.missing_in == missing_in
            and not one.reason
            and not one.floor
            and any(gate.matches(one.name) for gate in gates)
        }
        said += [f"in {run} alone: {list_some(list(labels))}"] if labels else []
    return "; ".join(said)


def _correct(pairs: Sequence[PairedFigure]) -> dict[int, float]:
    """Return the p values of pairs, corrected for those that gates are about: these were chosen before."""
    claimed = {id(pair): pair for pair in pairs if pair.difference.p_value is not None}
    raw = {key: pair.difference.p_value or 0.0 for key, pair in claimed.items()}
    noisy = [key for key, pair in claimed.items() if not pair.is_exact]
    return raw | dict(zip(noisy, holm([raw[key] for key in noisy]), strict=True))


def _judge(gate: Gate, pair: PairedFigure, p_value: float | None) -> Breach | None:
    change = change_of(pair.a, pair.b, pair.difference.value, pair.difference.relative, gate.unit)
    if change is None:
        raise UsageError(
            f"--fail-if {gate.text!r}: the change of {pair.name} in % is not known, as A is 0; give "
            "a limit in its own unit"
        )
    if not math.isfinite(change):
        words = f"{pair.title}: {pair.a:.4g} in A and {pair.b:.4g} in B ({pair.difference.method})"
        lost = math.isfinite(pair.a)
        return Breach(gate.text, pair.label, words, fails=lost, doubtful=not lost)
    beyond = gate.passed_by(change)
    timed = pair.unit in TIMED_UNITS  # marked on every busy machine, which p values know
    marks = [] if timed else [mark for mark in pair.flags if beyond or mark.startswith("B")]
    if not beyond and not marks:
        return None
    fails = beyond and p_value is not None and p_value < ALPHA
    fails &= not any(mark.startswith("A") for mark in marks)
    shown = f"{change:+.2f} {gate.unit}".strip() if gate.unit else f"{change:+g} {pair.unit}"
    chance = "nothing is claimed" if p_value is None else f"p = {p_value:.2g}"
    marked = "".join(f"; {mark}" for mark in marks)
    words = f"{pair.title}: {shown} ({chance}; {pair.difference.method}{marked})"
    return Breach(gate.text, pair.label, words, fails=fails, doubtful=not fails)


@dataclass(frozen=True)
class Timed:
    """A figure that was timed in turns: its relative change, with a corrected p value.

    reason: why there is none.
    """

    name: str
    label: str
    change: float
    p_value: float
    reason: str = ""


def judge_timed(gates: Sequence[Gate], timed: Sequence[Timed]) -> tuple[list[Breach], list[Gate]]:
    """Hold figures that were timed in turns to the gates; also return the gates that are not of them.

    Raises:
        UsageError: A gate's limit on such a figure is not in %.
    """
    found, rest = list[Breach](), list[Gate]()
    for gate in gates:
        mine = [one for one in timed if gate.matches(one.name)]
        if not mine:
            rest.append(gate)
            continue
        if gate.unit != "%":
            raise UsageError(
                f"--fail-if {gate.text!r}: what is timed in turns is known by its ratio; give %"
            )
        for one in mine:
            if one.reason:
                found.append(Breach(gate.text, one.label, one.reason, fails=True))
            elif gate.passed_by(100 * one.change):
                fails = one.p_value < ALPHA
                words = f"{one.name} {one.change:+.2%} (p = {one.p_value:.2g}; timed in turns)"
                found.append(Breach(gate.text, one.label, words, fails, doubtful=not fails))
    return found, rest


def change_of(a: float, b: float, difference: float, relative: bool, unit: str) -> float | None:
    """Return a change in a gate's unit; None where it has none there.

    difference: as it was estimated (relative: B / A - 1, else B - A), which may rest on fewer examples
    or seeds than the means `a` and `b`.
    """
    if unit == "%":
        if relative:
            return 100.0 * difference
        return 100.0 * difference / abs(a) if a else None
    absolute = b - a if relative else difference
    return 100.0 * absolute if unit == "pt" else absolute

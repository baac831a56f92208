"""How a measure says what it yields: the axes that its metrics hold for, and how each metric is shown.

Plain frozen data. Everything that pairs, orders or shows metrics reads this one list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HEADLINE = "headline"  # the key of the column that models are ranked by
GRADED = (
    "*"  # a metric's name: the headline of any problem that says what of each example it is made of
)
FLAG = "flag"  # a key of `Metric.where` that is no axis: words for what makes a figure doubtful


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A key of `Metric.where`: something that metrics hold for.

    name: the key. title: what stands before a value, or beside a chart ("batch" 64); "" is the name.
    text: another key of `where`, that has the value as a person wrote it ("1/16" for 0.0625).
    usual: a value that goes without saying.
    setting: it is how all of a measure was run (threads, a back end): it goes without saying, and two runs
        that differ in it as a whole are compared all the same.
    models: its values are architectures; their recipe, where a suite has several, is in `<name>_recipe`.
    options: the measure's options that list its values, as far as it has them, and `also` what else it may be: so they are
        known before it runs, and a claim about another one is refused.
    """

    name: str
    title: str = ""
    text: str = ""
    usual: Any = None
    setting: bool = False
    models: bool = False
    options: tuple[str, ...] = ()
    also: tuple[Any, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of `where` that it covers."""
        recipe = (f"{self.name}_recipe",) if self.models else ()
        return tuple(filter(None, (self.name, self.text, *recipe)))

    def words(self, where: Mapping[str, Any]) -> str:
        """Return its value as a person reads it: "1/16"; "" where it has none."""
        if self.name not in where:
            return ""
        if self.models:
            found = (where[self.name], where.get(f"{self.name}_recipe", ""))
            return " ".join(str(part) for part in found if part != "")
        return _words(where.get(self.text, where[self.name]))

    def said(self, where: Mapping[str, Any]) -> str:
        """Return its title and value, "batch 64"; "" where it has none or goes without saying."""
        if self.setting or self.name not in where or where[self.name] == self.usual:
            return ""
        return f"{self.title or self.name.replace('_', ' ')} {self.words(where)}"


BEAT, REACH, COMPARE = "beat", "reach", "compare"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What any model of a suite should beat, by the headline: a row that a measure of scope "data" yields.

    name: of the row, as in `where["architecture"]`. asks: "beat": a model that is not surely better is a finding;
        "reach": one that is surely worse is; "compare": none is, and the verdict says where it is better than
        every model, as it does of all floors.
    words: what it is, after "than" or "of". advice: what to do about a finding.
    """

    name: str
    asks: str = COMPARE
    words: str = ""
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A sentence that names the best model by a metric: "Most robust (linf 1/16): vit, 61.2 %".

    words: what the best one is; {fields} of the metric's `where` may stand in it.
    figure: a format of its value, such as "{:,.0f} a second"; "" is a percentage, or title and value.
    of_contenders: it is sought among the models that may be ranked first alone; else among all.
    tied: what is said of the contenders whose intervals reach the best one's ("may be as fast"); "": nothing.
        Among all, those that a paired test cannot tell from the best one are named.
    """

    words: str
    figure: str = ""
    of_contenders: bool = False
    tied: str = ""

    def __post_init__(self) -> None:
        """Refuse a format that is none."""
        try:
            self.figure.format(0.5)
        except (ValueError, LookupError) as error:
            raise ValueError(
                f"figure {self.figure!r} is no format of one number: {error}"
            ) from None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How a metric is shown.

    metric: its name; "*" is the mean of what problems grade examples by, the headline of each that is not named
        beside it, and the rest is what the problem says. key: of its column; "headline" is what models are ranked by, before which the metric goes that the problem
        of a data set is judged by (accuracy, R2); "" is one of its own.
    title: of the column; {fields} of the metric's `where` may stand in it; "" is the metric's name.
    better: "higher", "lower" or "". meaning: one sentence for a reader.
    where: only metrics that hold there. pick: (axis, "first" | "smallest" | "largest") settles which of
        several is shown.
    bounds: the least and the most that the figure can be, where its unit does not say so.
    noise: the standard deviation of its logarithm between two runs of the same thing, where it is a timing
        that is known to differ by more than timings do.
    optional: it is measured with some options or data alone, and does not count as missing elsewhere.
    column: whether it has a column in the main table; else this says what comparisons and gates need.
    verdict: the sentence that names the best model by it.
    """

    metric: str
    key: str = ""
    title: str = ""
    better: str = ""
    meaning: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    pick: tuple[str, str] | None = None
    bounds: tuple[float, float] = (-math.inf, math.inf)
    noise: float | None = None
    optional: bool = False
    column: bool = True
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Axes:
    """The axes of a measure; a key that it does not declare is an axis with nothing to say of it."""

    declared: tuple[Axis, ...] = ()

    def of(self, where: Mapping[str, Any]) -> tuple[Axis, ...]:
        """Return the axes that a metric holds for: those declared in their order, then the others."""
        known = {key for axis in self.declared for key in axis.keys}
        return (
            *(axis for axis in self.declared if axis.name in where),
            *(Axis(name=key) for key in where if key not in known and key != FLAG),
        )

    def get(self, name: str) -> Axis:
        """Return an axis by its name."""
        return next((axis for axis in self.declared if axis.name == name), Axis(name=name))

    def said(self, where: Mapping[str, Any], without: str = "") -> list[str]:
        """Return what a metric holds for in words, ["batch 64", "part forward"].

        without: a text, such as a title; values that stand in it already are left out.
        """
        return [
            words
            for axis in self.of(where)
            if (words := axis.said(where)) and not _stands_in(axis.words(where), without)
        ]


def fill_in(title: str, where: Mapping[str, Any]) -> str:
    """Fill the {fields} of a title from where a metric holds; an unknown field stays as it is."""
    for key, value in where.items():
        title = title.replace("{" + key + "}", _words(value))
    return title


def _stands_in(words: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Pictures of what an attack did to a model, as plain data for a renderer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The class that a model took an input for; confidence: its softmax, None where that is no number."""

    name: str
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class FeatureCurve:
    """A feature of a sequence over its `steps`, before and after; values at equal distances of time.

    name: of the feature; "" where it has none but its number.
    """

    feature: int
    steps: int
    clean: tuple[float, ...]
    adversarial: tuple[float, ...]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A feature of a row of a table before and after; share: the change over the feature's range; name: as above."""

    feature: int
    clean: float
    adversarial: float
    share: float
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class FooledExample:
    """A test example whose answer an attack changed.

    true: the name of its class. size: of the perturbation, in the gallery's norm.
    factor: an image's: how many times stronger the perturbation is drawn than it is; None where there
        is none. curves, changes: a sequence's, a table's: the features that changed most, of all `changed`.
    """

    id: int
    true: str
    clean: Answer
    adversarial: Answer
    size: float
    factor: float | None = None
    changed: int = 0
    curves: tuple[FeatureCurve, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """How a PNG is cut: clean, perturbation and adversarial side by side, a row for each example.

    width, height, gap: pixels of each of the images, and between them both ways. enlarged: points of the
    data are squares of pixels, to be shown with their edges. averaged: over an image's channels.
    """

    width: int
    height: int
    gap: int
    enlarged: bool
    averaged: bool

    def size(self, rows: int) -> tuple[int, int]:
        """Return the (width, height) of the whole with so many rows."""
        return (
            3 * (self.width + self.gap) - self.gap,
            rows * (self.height + self.gap) - self.gap,
        )


def _no_picture() -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A few of the examples that one attack fooled one model with, those with the lowest ids.

    series: the model, as among the points of the charts. seed: of its fit; others are not shown.
    epsilon_text: as the suite wrote it; "" for the nearest perturbations that the attack found.
    fooled: how many examples it fooled in all. path: where the picture lies, or else the numbers.
    picture: None for sequences and tables. png() -> its bytes, read when asked for; None where the file
        is missing or is no such picture.
    problem: why there is nothing to show, in words; "" where there is.
    """

    dataset: str
    series: str
    seed: int
    path: str
    attack: str = ""
    norm: str = ""
    epsilon_text: str = ""
    fooled: int = 0
    examples: tuple[FooledExample, ...] = ()
    picture: Picture | None = None
    png: Callable[[], bytes | None] = field(default=_no_picture, compare=False, repr=False)
    problem: str = ""

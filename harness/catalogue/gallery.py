"""Example pictures that a measure keeps beside its metrics: plain data, in which nothing says how they are drawn.

A measure declares a `Gallery` and gives its sheets to `MeasureContext.save_gallery`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """What a measure declares of the example pictures that it keeps.

    title: the heading under which they are shown; measures with the same one are shown together.
    caption: how a reader should take them.
    """

    title: str
    caption: str = ""


def _nothing() -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A PNG with a row of images for each example of a sheet, all of one size; `draw_picture` makes it.

    columns: images of an example, side by side. width, height, gap: pixels of each of them, and between
    them both ways. enlarged: points of the data are squares of pixels, to be shown with their edges.
    png() -> its bytes; None where the file is missing, or is no picture of that size.
    """

    columns: int
    width: int
    height: int
    gap: int
    enlarged: bool = False
    png: Callable[[], bytes | None] = field(default=_nothing, compare=False, repr=False)

    def size(self, rows: int) -> tuple[int, int]:
        """Return the (width, height) in pixels of the whole with so many rows."""
        return (
            self.columns * (self.width + self.gap) - self.gap,
            rows * (self.height + self.gap) - self.gap,
        )


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A part of an example: an image of the picture, or an answer over lines and bars.

    title: what it is ("clean"). name: set in bold, such as the class that was answered. words: what
        follows it, such as a confidence. said: the whole for who cannot look at it; "" is those three.
    """

    title: str
    name: str = ""
    words: str = ""
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A feature over the `steps` of a sequence; lines: {title of a pane: values at equal distances}."""

    title: str
    steps: int
    lines: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A share, positive or negative, drawn beside those of the same example; words: stand beside it."""

    title: str
    share: float
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class GalleryExample:
    """An example of a sheet.

    caption: which one it is. panes: one for each column of the sheet's picture, or words alone.
    note: what else is to be said of it.
    """

    caption: str
    panes: tuple[Pane, ...] = ()
    traces: tuple[Trace, ...] = ()
    bars: tuple[Bar, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Examples that are shown together, such as those that one attack fooled.

    title: what they have in common ("pgd, linf 1/16"). count: how many there are ("the first 6 of 61").
    notes: sentences on how to read them, shown once for all sheets that have them.
    """

    title: str
    count: str = ""
    notes: tuple[str, ...] = ()
    examples: tuple[GalleryExample, ...] = ()
    picture: Picture | None = None

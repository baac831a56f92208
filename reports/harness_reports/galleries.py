"""Example pictures of a run for the page: pictures as data in the page, with lines and bars."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from harness.api.measuring import GalleryExample, Picture, Sheet
from harness.api.reporting import ReportData, ShownSheet
from harness_reports.colours import Colouring
from harness_reports.gallery_charts import DrawnBar, DrawnTrace, draw_bars, draw_trace
from harness_reports.layout import Table

MOST_LETTERS = 8_000_000  # of all pictures in a page, as base64; more are named, not shown


@dataclass(frozen=True)
class DrawnPane:
    """A part of an example with its words. view: of the picture; "" where there is none."""

    title: str
    name: str
    words: str
    said: str
    view: str


@dataclass(frozen=True)
class DrawnExample:
    """An example: panes of a picture, or of words over lines or bars. note: below them."""

    caption: str
    panes: tuple[DrawnPane, ...]
    traces: tuple[DrawnTrace, ...]
    bars: tuple[DrawnBar, ...]
    note: str


@dataclass(frozen=True)
class DrawnSheet:
    """A sheet of one model. uri: of its picture; "" where there is none. key: a name for its element."""

    key: str
    title: str
    count: str
    picture: Picture | None
    uri: str
    size: tuple[int, int]
    examples: tuple[DrawnExample, ...]


@dataclass
class DrawnModel:
    """The sheets of one model. colour: its place in the palette."""

    series: str
    architecture: str
    colour: int
    seed: int
    sheets: list[DrawnSheet] = field(default_factory=list)

    @property
    def brief(self) -> bool:
        """Whether it is one example without a picture, which is shown at once."""
        drawn = sum(len(sheet.examples) for sheet in self.sheets)
        return drawn == 1 and not any(sheet.uri for sheet in self.sheets)


@dataclass(frozen=True)
class DrawnGallery:
    """A section: models by data set, in the table's order; how to read it; what is not shown, and why."""

    title: str
    explained: str
    datasets: dict[str, list[DrawnModel]]
    left_out: list[str]


def draw_galleries(
    report: ReportData, shown: tuple[Table, ...], colours: Colouring
) -> list[DrawnGallery]:
    """Return a section for each title of a gallery, in the order of the run's measures."""
    order = {
        (table.dataset.name, row.series): (place, position)
        for place, table in enumerate(shown)
        for position, row in enumerate(table.rows)
    }
    last = (len(shown), 0)
    titles: dict[str, list[ShownSheet]] = {}
    for one in report.galleries():
        titles.setdefault(one.gallery.title, []).append(one)
    room = _Room(MOST_LETTERS)
    return [
        _gallery(
            title,
            f"gallery-{place}",
            sorted(sheets, key=lambda one: order.get((one.dataset, one.series), last)),
            colours,
            room,
        )
        for place, (title, sheets) in enumerate(titles.items())
    ]


class _Room:
    """How many letters of pictures the page still takes."""

    def __init__(self, letters: int) -> None:
        self.letters = letters

    def take(self, uri: str) -> bool:
        """Whether a picture fits; then its letters are taken."""
        if fits := len(uri) <= self.letters:
            self.letters -= len(uri)
        return fits


def _gallery(
    title: str, key: str, sheets: list[ShownSheet], colours: Colouring, room: _Room
) -> DrawnGallery:
    datasets: dict[str, dict[str, DrawnModel]] = {}
    left_out: list[str] = []
    for place, one in enumerate(sheets):
        who = f"{one.series}, seed {one.seed}"
        if one.problem:
            left_out.append(f"{who}: {one.path} {one.problem}.")
            continue
        uri = ""
        if one.sheet.picture:
            png = one.sheet.picture.png()
            if png is None:
                left_out.append(f"{who}: {one.path} is missing, or is not the picture it was.")
                continue
            uri = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
            if not room.take(uri):
                left_out.append(f"{who}: {one.path} is not shown, to keep this page small.")
                continue
        models = datasets.setdefault(one.dataset, {})
        architecture = colours.architecture(one.series)
        model = models.setdefault(
            one.series,
            DrawnModel(one.series, architecture, colours.index(architecture), one.seed),
        )
        model.sheets.append(_sheet(f"{key}-{place}", one.sheet, uri))
    captions = dict.fromkeys(one.gallery.caption for one in sheets)
    notes = dict.fromkeys(note for one in sheets for note in one.sheet.notes)
    return DrawnGallery(
        title=title,
        explained=" ".join(filter(None, (*captions, *notes))),
        datasets={dataset: list(models.values()) for dataset, models in datasets.items()},
        left_out=left_out,
    )


def _sheet(key: str, sheet: Sheet, uri: str) -> DrawnSheet:
    return DrawnSheet(
        key=key,
        title=sheet.title,
        count=sheet.count,
        picture=sheet.picture,
        uri=uri,
        size=sheet.picture.size(len(sheet.examples)) if sheet.picture else (0, 0),
        examples=tuple(_example(sheet.picture, one, row) for row, one in enumerate(sheet.examples)),
    )


def _example(picture: Picture | None, one: GalleryExample, row: int) -> DrawnExample:
    return DrawnExample(
        caption=one.caption,
        panes=tuple(
            DrawnPane(
                title=pane.title,
                name=pane.name,
                words=pane.words,
                said=pane.said or " ".join(filter(None, (pane.title, pane.name, pane.words))),
                view=_view(picture, column, row),
            )
            for column, pane in enumerate(one.panes)
        ),
        traces=tuple(map(draw_trace, one.traces)),
        bars=draw_bars(one.bars),
        note=one.note,
    )


def _view(cut: Picture | None, column: int, row: int) -> str:
    """Return the viewBox of a part of the picture."""
    if cut is None:
        return ""
    left, top = column * (cut.width + cut.gap), row * (cut.height + cut.gap)
    return f"{left} {top} {cut.width} {cut.height}"

"""What attacks did, for the page: pictures as data in the page, and charts of what changed."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from harness.api.reporting import Answer, FooledExample, Gallery, ReportData, counted
from harness_reports.colours import Colouring
from harness_reports.format import quantity, significant
from harness_reports.gallery_charts import Bar, Lines, draw_bars, draw_lines
from harness_reports.layout import Table, attack_condition

MOST_LETTERS = 8_000_000  # of all pictures in a page, as base64; more are named, not shown
SHOWN = (
    "Test examples that a model gets right until an attack changes them, those with the lowest ids, "
    "with the answer and its confidence before and after; of one seed of each model."
)


@dataclass(frozen=True)
class Pane:
    """A part of a picture, or of a curve, with its words. said: for who cannot see it."""

    title: str
    name: str
    words: str
    said: str
    view: str = ""


@dataclass(frozen=True)
class ShownExample:
    """An example: three panes of an image, or two answers over lines or bars. note: below them."""

    heading: str
    panes: tuple[Pane, ...]
    lines: tuple[Lines, ...]
    bars: tuple[Bar, ...]
    note: str


@dataclass(frozen=True)
class AttackShown:
    """What one attack did. uri: of its picture; "" where there is none. key: a name for its element."""

    key: str
    attack: str
    condition: str
    count: str
    gallery: Gallery
    uri: str
    size: tuple[int, int]
    examples: tuple[ShownExample, ...]


@dataclass(frozen=True)
class Attacked:
    """The section: models by data set, in the table's order; what is seen; and what is not, and why."""

    models: dict[str, list[ModelShown]]
    explained: str
    left_out: list[str]


@dataclass
class ModelShown:
    """The attacks on one model. colour: its place in the palette."""

    series: str
    architecture: str
    colour: int
    seed: int
    attacks: list[AttackShown] = field(default_factory=list)


def show_galleries(report: ReportData, shown: tuple[Table, ...], colours: Colouring) -> Attacked:
    """Return what the attacks of a run did, in pictures and charts."""
    order = {
        (table.dataset.name, row.series): (place, position)
        for place, table in enumerate(shown)
        for position, row in enumerate(table.rows)
    }
    last = (len(shown), 0)
    galleries = sorted(report.galleries(), key=lambda g: order.get((g.dataset, g.series), last))
    found: dict[str, dict[str, ModelShown]] = {}
    left_out: list[str] = []
    letters = 0
    for place, gallery in enumerate(galleries):
        who = f"{gallery.series}, seed {gallery.seed}"
        if gallery.problem:
            left_out.append(f"{who}: {gallery.path} {gallery.problem}.")
            continue
        uri = ""
        if gallery.picture:
            png = gallery.png()
            if png is None:
                left_out.append(f"{who}: {gallery.path} is missing, or is not the picture it was.")
                continue
            uri = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
            if letters + len(uri) > MOST_LETTERS:
                left_out.append(f"{who}: {gallery.path} is not shown, to keep this page small.")
                continue
            letters += len(uri)
        models = found.setdefault(gallery.dataset, {})
        architecture = colours.architecture(gallery.series)
        model = models.setdefault(
            gallery.series,
            ModelShown(gallery.series, architecture, colours.index(architecture), gallery.seed),
        )
        model.attacks.append(_attack(f"picture-{place}", gallery, uri))
    return Attacked(
        {dataset: list(models.values()) for dataset, models in found.items()},
        _explain(galleries),
        left_out,
    )


def _explain(galleries: list[Gallery]) -> str:
    sentences = [SHOWN]
    examples = [example for gallery in galleries for example in gallery.examples]
    if any(gallery.picture for gallery in galleries):
        sentences.append(
            "A perturbation is grey where an image stays as it is, and drawn stronger than it is by the "
            "factor below it."
        )
    if any(example.curves or example.changes for example in examples):
        sentences.append("Features are numbered from 0; those that changed most are shown.")
    if any(example.changes for example in examples):
        sentences.append("A bar is a change as a share of the feature’s range.")
    return " ".join(sentences)


def _attack(key: str, gallery: Gallery, uri: str) -> AttackShown:
    number = len(gallery.examples)
    count = (
        f"the first {number} of {gallery.fooled:,} that it fooled"
        if number
        else "no example was fooled"
    )
    return AttackShown(
        key=key,
        attack=gallery.attack,
        condition=attack_condition(gallery),
        count=count,
        gallery=gallery,
        uri=uri,
        size=gallery.picture.size(number) if gallery.picture else (0, 0),
        examples=tuple(_example(gallery, row) for row in range(number)),
    )


def _example(gallery: Gallery, row: int) -> ShownExample:
    one = gallery.examples[row]
    heading = f"example {_name(one.id)}, {gallery.norm} {significant(one.size, 3)}"
    hidden = one.changed - max(len(one.curves), len(one.changes))
    return ShownExample(
        heading=heading,
        panes=_panes(gallery, one, row),
        lines=tuple(draw_lines(curve) for curve in one.curves),
        bars=draw_bars(one.changes),
        note=f"and {counted(hidden, 'more feature')} changed"
        if (one.curves or one.changes) and hidden > 0
        else "",
    )


def _name(identity: int) -> str:
    """Return the first eight digits of an id, which is a digest; whole, where it is a row of an older run."""
    return str(identity) if identity < 2**32 else f"{identity:016x}"[:8]


def _panes(gallery: Gallery, one: FooledExample, row: int) -> tuple[Pane, ...]:
    clean, after = _confidence(one.clean), _confidence(one.adversarial)
    times = "none" if one.factor is None else f"× {significant(one.factor, 2)}"
    first = Pane(
        "clean",
        one.clean.name,
        clean,
        f"Example {_name(one.id)} of class {one.true}, taken for {one.clean.name}, {clean}",
        _view(gallery, 0, row),
    )
    middle = Pane("perturbation", "", times, f"The perturbation, {times}", _view(gallery, 1, row))
    last = Pane(
        "adversarial",
        one.adversarial.name,
        after,
        f"Both together, taken for {one.adversarial.name}, {after}",
        _view(gallery, 2, row),
    )
    return (first, middle, last) if gallery.picture else (first, last)


def _view(gallery: Gallery, column: int, row: int) -> str:
    """Return the viewBox of a part of the picture."""
    if (cut := gallery.picture) is None:
        return ""
    left, top = column * (cut.width + cut.gap), row * (cut.height + cut.gap)
    return f"{left} {top} {cut.width} {cut.height}"


def _confidence(answer: Answer) -> str:
    if answer.confidence is None:
        return "no number"
    return f"{quantity(answer.confidence, 'fraction')} %"

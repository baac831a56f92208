"""Invented galleries: images, a sequence, a table, and what can be wrong with them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from harness.api.declaring import Gallery
from harness.api.measuring import Bar, GalleryExample, Pane, Sheet, Trace, draw_picture
from harness.api.reporting import ShownSheet

FOOLED = Gallery(title="Adversarial examples", caption="What attacks did.")
GREY = "A perturbation is grey where an image stays as it is."
SHARE = "A bar is a change as a share of the feature\u2019s range."


def png(rows: int, shade: int = 90) -> bytes:
    """Return a picture of as many rows of three images, in one grey."""
    return draw_picture(np.full((rows, 3, 96, 96), shade, np.uint8)).png() or b""


def example(name: str, times: str = "\u00d7 8", **more: Any) -> GalleryExample:
    """Return a seven that is taken for a nine."""
    made = GalleryExample(
        caption=f"example {name}, linf 0.0625",
        panes=(
            Pane(
                title="clean", name="seven", words="98.7 %", said=f"Example {name} of class seven"
            ),
            Pane(title="perturbation", words=times),
            Pane(title="adversarial", name="nine", words="54.3 %"),
        ),
    )
    return dataclasses.replace(made, **more)


def gallery(series: str = "lenet", title: str = "pgd, linf 1/16", **more: Any) -> ShownSheet:
    """Return two pictured examples of one model under one attack."""
    sheet = Sheet(
        title=title,
        count="the first 2 of 31 that it fooled",
        notes=(GREY,),
        examples=(example("12"), example("40", "none")),
        picture=draw_picture(np.full((2, 3, 96, 96), 90, np.uint8)),
    )
    of = {key: more.pop(key) for key in ("dataset", "path", "problem", "gallery") if key in more}
    made = ShownSheet(
        dataset="digits",
        series=series,
        seed=0,
        gallery=FOOLED,
        path="runs/jobs/0a1b/1/gallery_0.png",
        sheet=dataclasses.replace(sheet, **more),
    )
    return dataclasses.replace(made, **of)


def without_picture() -> ShownSheet:
    """Return a gallery whose file is gone."""
    cut = gallery().sheet.picture
    assert cut is not None
    return gallery(title="fgsm", picture=dataclasses.replace(cut, png=lambda: None))


def sample_galleries() -> tuple[ShownSheet, ...]:
    """Return two attacks on one model and one on another."""
    nearest = gallery("resnet", "deepfool, l2 (nearest)")
    none = gallery("resnet", "fgsm, linf 1/16", count="none", examples=(), picture=None, notes=())
    return (gallery(), nearest, none)


def numbers(one: GalleryExample, **more: Any) -> ShownSheet:
    """Return what a gallery of a sequence or a table has in place of pictures."""
    clean, _, after = one.panes
    one = dataclasses.replace(one, panes=(clean, after))
    path = "runs/jobs/2c/1/gallery.json"
    return gallery(picture=None, path=path, examples=(one,), **more)


def sequence_gallery() -> ShownSheet:
    """Return an example of which one of nine changed features is kept."""
    lines = {"clean": (0.0, 1.0, -1.0), "adversarial": (0.5, 1.0, -3.0)}
    trace = Trace(title="feature 2", steps=1500, lines=lines)
    note = "and 8 more features changed"
    return numbers(example("3", traces=(trace,), note=note), notes=())


def table_gallery() -> ShownSheet:
    """Return an example of which both changed features are kept."""
    bars = (
        Bar(title="feature 4", share=-0.05, words="0.128 \u2192 0.122"),
        Bar(title="feature 7", share=0.025, words="\u22123 \u2192 \u22121"),
    )
    return numbers(example("5", bars=bars), notes=(SHARE,))


def hostile_galleries(names: tuple[str, ...], dataset: str) -> tuple[ShownSheet, ...]:
    """Return galleries in which every text tries to break out."""
    return tuple(
        gallery(
            name,
            name,
            dataset=dataset,
            count=name,
            notes=(name,),
            path=name,
            gallery=Gallery(title=names[0], caption=name),
            problem=name if place == len(names) - 1 else "",
            examples=tuple(
                example(
                    name,
                    panes=tuple(
                        Pane(title=name, name=name, words=name, said=f"Said {name}")
                        for _ in range(3)
                    ),
                    traces=(Trace(title=name, steps=2, lines={name: (0.0, 1.0)}),),
                    bars=(Bar(title=name, share=0.5, words=name),),
                    note=name,
                )
                for _ in range(2)
            ),
        )
        for place, name in enumerate(names)
    )

"""Pictures of invented attacks: images, a sequence, a table, and what can be wrong with them."""

from __future__ import annotations

import dataclasses
import io

from PIL import Image

from harness.api.reporting import Answer, Change, FeatureCurve, FooledExample, Gallery, Picture

PICTURE = Picture(width=96, height=96, gap=8, enlarged=True, averaged=False)


def png(rows: int, shade: int = 90) -> bytes:
    """Return a picture of as many rows, in one grey."""
    file = io.BytesIO()
    Image.new("L", PICTURE.size(rows), shade).save(file, "PNG")
    return file.getvalue()


def fooled(identity: int, **more: object) -> FooledExample:
    """Return a seven that is taken for a nine."""
    made = FooledExample(
        id=identity,
        true="seven",
        clean=Answer(name="seven", confidence=0.987),
        adversarial=Answer(name="nine", confidence=0.5432),
        size=0.0625,
        factor=7.9686,
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def gallery(series: str = "lenet", attack: str = "pgd", **more: object) -> Gallery:
    """Return two pictured examples of one model under one attack."""
    made = Gallery(
        dataset="digits",
        series=series,
        seed=0,
        path="runs/jobs/0a1b/1/gallery_0.png",
        attack=attack,
        norm="linf",
        epsilon_text="1/16",
        fooled=31,
        examples=(fooled(12), fooled(40, factor=None)),
        picture=PICTURE,
        png=lambda: png(2),
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def numbers(**more: object) -> Gallery:
    """Return what a gallery of a sequence or a table has in place of pictures."""
    return gallery(picture=None, png=lambda: None, path="runs/jobs/2c/1/gallery.json", **more)


def sample_galleries() -> tuple[Gallery, ...]:
    """Return two attacks on one model and one on another."""
    nearest = gallery("resnet", "deepfool", norm="l2", epsilon_text="")
    return (gallery(), nearest, gallery("resnet", "fgsm", fooled=0, examples=(), picture=None))


def sequence_gallery() -> Gallery:
    """Return an example of which one of nine changed features is kept."""
    curve = FeatureCurve(
        feature=2, steps=1500, clean=(0.0, 1.0, -1.0), adversarial=(0.5, 1.0, -3.0)
    )
    return numbers(examples=(fooled(3, factor=None, changed=9, curves=(curve,)),))


def table_gallery() -> Gallery:
    """Return an example of which both changed features are kept."""
    changes = (
        Change(feature=4, clean=0.128, adversarial=0.122, share=-0.05),
        Change(feature=7, clean=-3.0, adversarial=-1.0, share=0.025),
    )
    return numbers(examples=(fooled(5, factor=None, changed=2, changes=changes),))


def hostile_galleries(names: tuple[str, ...], dataset: str) -> tuple[Gallery, ...]:
    """Return galleries in which every text tries to break out."""
    return tuple(
        gallery(
            name,
            name,
            dataset=dataset,
            norm=name,
            epsilon_text=name,
            path=name,
            problem=name if place == len(names) - 1 else "",
            examples=tuple(
                fooled(
                    identity,
                    true=name,
                    clean=Answer(name=name, confidence=0.5),
                    adversarial=Answer(name=name, confidence=None),
                )
                for identity in range(2)
            ),
        )
        for place, name in enumerate(names)
    )

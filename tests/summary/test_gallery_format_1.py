"""Galleries that were written before a measure could declare its own are shown as they were."""

from typing import Any

import pytest

from harness.catalogue.gallery_file import parse_gallery
from harness.summary.gallery_format_1 import upgrade


def example(identity: int, **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "true": {"class": 1, "name": "<one>"},
        "clean": {"class": 1, "name": "<one>", "confidence": 0.75},
        "adversarial": {"class": 0, "name": "zero", "confidence": None},
        "size": 0.0625,
    } | more


def entry(*examples: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "attack": "pgd:steps=3",
        "norm": "linf",
        "epsilon_text": "1/2",
        "fooled": 1234,
        "examples": list(examples),
    } | more


PICTURE = {
    "file": "../secret.png",
    "width": 8,
    "height": 6,
    "gap": 4,
    "enlarged": True,
    "averaged": True,
}


def read(*entries: dict[str, Any], folder: Any) -> Any:
    return parse_gallery(upgrade({"format_version": 1, "galleries": entries}), folder)


def test_a_picture_and_its_answers(tmp_path):
    shown = entry(example(3, factor=7.9686), example(2**60 + 5, factor=None), picture=PICTURE)
    none, sheet = read(entry(epsilon_text=""), shown, folder=tmp_path)
    assert (none.title, none.count) == ("pgd:steps=3, linf (nearest)", "no example was fooled")
    assert sheet.title == "pgd:steps=3, linf 1/2"
    assert sheet.count == "the first 2 of 1,234 that it fooled; mean of the channels"
    assert [note[:15] for note in sheet.notes] == ["A perturbation "]
    assert sheet.picture.size(2) == (3 * 12 - 4, 2 * 10 - 4)
    first, second = sheet.examples
    assert first.caption == "example 3, linf 0.0625"
    assert [(pane.title, pane.name, pane.words) for pane in first.panes] == [
        ("clean", "<one>", "75.0 %"),
        ("perturbation", "", "× 8"),
        ("adversarial", "zero", "no number"),
    ]
    assert first.panes[0].said == "Example 3 of class <one>, taken for <one>, 75.0 %"
    assert second.caption == "example 10000000, linf 0.0625"
    assert second.panes[1].words == "none"


def test_numbers_of_sequences_and_tables(tmp_path):
    curve = {"feature": 2, "steps": 9, "clean": [1, 2.5], "adversarial": [1, 3]}
    change = {"feature": 0, "name": "age", "clean": 0.1281, "adversarial": 0.12814, "share": -0.25}
    sequence, table = read(
        entry(example(1, changed=4, curves=[curve])),
        entry(example(1, changed=1, changes=[change])),
        folder=tmp_path,
    )
    (one,) = sequence.examples
    assert (one.traces[0].title, one.traces[0].lines) == (
        "feature 2",
        {"clean": (1.0, 2.5), "adversarial": (1.0, 3.0)},
    )
    assert one.note == "and 3 more features changed" and len(one.panes) == 2
    assert [note[:8] for note in sequence.notes] == ["Features"]
    (one,) = table.examples
    assert (one.bars[0].title, one.bars[0].words) == ("age", "0.1281 → 0.12814")
    assert (one.bars[0].share, one.note) == (-0.25, "")
    assert [note[:5] for note in table.notes] == ["Featu", "A bar"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"fooled": "many"},
        {"fooled": float("inf")},
        {"examples": [example(1, size=float("nan"))]},
        {"examples": [example(1, clean={"name": "x"})]},
        {"picture": PICTURE | {"width": 10**9}},
    ],
)
def test_a_broken_entry_cannot_be_read(tmp_path, spoil):
    with pytest.raises((ValueError, LookupError, TypeError, OverflowError)):
        read(entry(example(1)) | spoil, folder=tmp_path)


@pytest.mark.parametrize("data", [[], {}, {"format_version": 2, "sheets": []}])
def test_what_is_not_of_format_1_is_left_alone(data):
    assert upgrade(data) is data

"""What is written of a gallery is read again; what could not be read is not written."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.catalogue.gallery import Bar, GalleryExample, Pane, Picture, Sheet, Trace
from harness.catalogue.gallery_file import MOST_BYTES, parse_gallery, write_gallery
from harness.measure.picture import draw_picture

EXAMPLE = GalleryExample(
    caption="example <1>",
    panes=(Pane(title="clean", name="cat", words="98 %", said="a cat"), Pane(title="after")),
    traces=(Trace(title="pulse", steps=9, lines={"clean": (0.0, 1.5), "after": (2.0,)}),),
    bars=(Bar(title="age", share=-0.25, words="3 to 4"),),
    note="and more",
)
WORDS = Sheet(title="worst", count="1 of 3", notes=("Read it.",), examples=(EXAMPLE,))
PICTURED = replace(WORDS, title="drawn", picture=draw_picture(np.zeros((1, 2, 8, 6), np.uint8)))


def read(folder: Path) -> tuple[Sheet, ...]:
    return parse_gallery(json.loads((folder / "gallery.json").read_text()), folder)


def test_what_was_written_is_read(tmp_path):
    empty = Sheet(title="none", picture=PICTURED.picture)
    write_gallery(tmp_path, iter([WORDS, PICTURED, empty]))
    words, pictured, none = read(tmp_path)
    assert (words, pictured) == (WORDS, PICTURED)
    assert pictured.picture.png() == PICTURED.picture.png() != None
    assert none == replace(empty, picture=None)
    assert sorted(os.listdir(tmp_path)) == ["gallery.json", "gallery_1.png"]


def test_a_path_in_the_file_is_not_followed(tmp_path):
    write_gallery(tmp_path, [PICTURED])
    path = tmp_path / "gallery.json"
    data = json.loads(path.read_text())
    data["sheets"][0]["picture"]["file"] = "../../secret.png"
    path.write_text(json.dumps(data))
    assert read(tmp_path) == (PICTURED,)


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        (replace(WORDS, title=3), "3 is no text"),
        (replace(WORDS, notes=(None,)), "None is no text"),
        (replace(WORDS, examples=(replace(EXAMPLE, bars=(Bar(title="", share=float("nan")),)),)), "finite"),
        (replace(PICTURED, examples=(EXAMPLE, EXAMPLE)), "is not of Picture"),
        (replace(PICTURED, picture=replace(PICTURED.picture, png=lambda: b"<svg>")), "is not of Picture"),
        (replace(PICTURED, examples=(replace(EXAMPLE, panes=()),)), "as many panes"),
        (replace(PICTURED, picture=Picture(columns=2, width=10**9, height=1, gap=0)), "pixels"),
    ],
)  # fmt: skip
def test_what_could_not_be_shown_is_not_written(tmp_path, sheet: Any, words: str):
    with pytest.raises((ValueError, TypeError), match=words):
        write_gallery(tmp_path, [sheet])
    assert not (tmp_path / "gallery.json").exists()


@pytest.mark.parametrize("spoil", [None, b"", b"<svg onload=alert(1)>", "wide", "long"])
def test_what_is_no_picture_of_the_size_is_none(tmp_path, spoil):
    write_gallery(tmp_path, [PICTURED])
    path = tmp_path / "gallery_0.png"
    if spoil is None:
        path.unlink()
    elif spoil == "wide":
        path.write_bytes(draw_picture(np.zeros((1, 3, 8, 6), np.uint8)).png() or b"")
    else:
        path.write_bytes(path.read_bytes() + b"\0" * MOST_BYTES if spoil == "long" else spoil)
    (sheet,) = read(tmp_path)
    assert sheet.picture is not None and sheet.picture.png() is None and sheet.examples

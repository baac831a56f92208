"""Pictures that are nearly those of training: planted, found with the one that they were made of, and none where there are none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from data_cases import images, prepared
from PIL import Image
from sklearn.datasets import load_sample_images

from harness.catalogue.finding import read_findings
from harness.data import near_copies
from harness.data.data_findings import matter

SIDE = 64


def tiles() -> np.ndarray:
    """Cut two photographs into pictures that have contrast, ``(n, 3, 64, 64)``."""
    found = [
        photo[top : top + SIDE, left : left + SIDE]
        for photo in load_sample_images().images
        for top in range(0, photo.shape[0] - SIDE, SIDE)
        for left in range(0, photo.shape[1] - SIDE, SIDE)
    ]
    plain = np.stack(found).transpose(0, 3, 1, 2)
    return plain[plain.mean(axis=1).std(axis=(1, 2)) > 20].copy()


TILES = tiles()


def saved_anew(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "jpeg", quality=60)
    return np.asarray(Image.open(file)).transpose(2, 0, 1)


def halved(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(picture.transpose(1, 2, 0))
    small = image.resize((SIDE // 2, SIDE // 2), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).transpose(2, 0, 1)


def found(folder, pictures, **changes):
    folder.mkdir(exist_ok=True)
    values = {**images(n=len(pictures)), "inputs": pictures, **changes}
    prepared(folder, values)
    return {one.code: one for one in read_findings(folder) or ()}


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (saved_anew, 0.75),
        (halved, 0.9),
        (lambda picture: (picture * 0.7).astype(np.uint8), 0.9),  # darker
        (lambda picture: (picture * 0.7 + 40).astype(np.uint8), 0.9),  # of less contrast
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_changed_copies_are_found_with_what_they_were_made_of(tmp_path, change, least, channels):
    count = len(TILES)
    changed = np.stack([change(picture) for picture in TILES])
    split = ["train"] * count + ["validation"] * 5 + ["test"] * (count - 5)
    both = np.concatenate([TILES, changed])[:, :channels]
    labels = np.tile(np.arange(count) % 3, 2)
    codes = found(tmp_path, both, targets=labels, split=split)
    one = codes["near-copies-in-test"]
    assert least * (count - 5) <= one.numbers["near_copies"] == one.numbers["same_target"]
    assert one.flag == "test examples are nearly in training"
    assert codes["near-copies-in-validation"].flag == "" and "copies-in-test" not in codes
    words = one.sentence.split("such as ")[1].split(";")[0].replace("example ", "").split(" and ")
    assert int(words[0]) == int(words[1]) + count  # the first that was found, and its own


def test_other_pictures_are_no_copies_and_exact_ones_are_told_once(tmp_path):
    count = len(TILES)
    split = np.where(np.arange(count) % 2, "train", "test")
    assert found(tmp_path / "other", TILES, split=split) == {}
    both, cut = np.concatenate([TILES, TILES]), ["train"] * count + ["test"] * count
    assert list(found(tmp_path / "same", both, split=cut)) == ["copies-in-test"]


def test_a_picture_of_one_colour_and_small_ones_are_not_compared(tmp_path):
    plain = np.concatenate([np.full((1, 3, SIDE, SIDE), at, np.uint8) for at in range(60)])
    assert found(tmp_path / "plain", plain) == {}
    small = images(n=60, side=8)["inputs"] // 64
    near = np.concatenate([small, small ^ 1])
    cut = ["train"] * 60 + ["test"] * 60
    assert found(tmp_path / "small", near, split=cut, low=None, high=None) == {}


def test_of_many_bytes_a_share_is_drawn_and_told(tmp_path, monkeypatch):
    count = len(TILES)
    both = np.concatenate([TILES, (TILES * 0.8).astype(np.uint8)])
    monkeypatch.setattr(near_copies, "MOST_BYTES", both.nbytes // 2)
    codes = found(tmp_path, both, split=["train"] * count + ["test"] * count)
    one = codes["near-copies-in-test"]
    train = int(count * 0.8)  # a fifth of training is for validation
    assert (
        f"that have no exact copy in training and were compared with {train // 2} of its "
        in one.sentence
    )
    found_of_half = one.numbers["near_copies"]
    assert f"about {2 * found_of_half} would be, compared with all of them" in one.sentence
    assert one.numbers["share"] == 2 * found_of_half / (count // 2)


def test_the_flag_is_by_what_all_pictures_would_show(tmp_path, monkeypatch):
    count, made = len(TILES), 20
    both = np.concatenate([TILES, (TILES[:made] * 0.8).astype(np.uint8), 255 - TILES[made:]])
    monkeypatch.setattr(near_copies, "MOST_BYTES", both.nbytes // 2)
    labels = np.tile(np.arange(count) % 3, 2)
    cut = ["train"] * count + ["test"] * count
    one = found(tmp_path, both, targets=labels, split=cut)["near-copies-in-test"]
    alike, asked = one.numbers["same_target"], count // 2
    assert matter(2 * alike, asked) and not matter(alike, asked)
    assert one.flag == "test examples are nearly in training"


def test_unlike_textures_of_one_tint_are_no_copies():
    grain = np.random.default_rng(0).integers(-9, 10, (2, 3, 32, 32))
    tinted = (grain + np.array([220, 40, 20])[:, None, None]).astype(np.uint8)
    darker = tinted[:1] * 0.9
    stored = np.concatenate([tinted, darker.astype(np.uint8)])
    same_hash = np.ones(1, dtype=np.uint64)  # so that they are compared
    known = near_copies._Hashes(np.array([0]), same_hash)
    for other, copies in ((1, 0), (2, 1)):
        asked = near_copies._Hashes(np.array([other]), same_hash)
        assert len(near_copies.near_copies(stored, known, asked).copied) == copies

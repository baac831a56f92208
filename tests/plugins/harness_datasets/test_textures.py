"""Patches lie side by side in their photographs, and local binary patterns tell them nearly always."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from harness.data.splits import TRAIN, assign
from harness_datasets import textures
from harness_datasets.built_in_options import TexturesOptions

pytest.importorskip("skimage")


def patterns(patches):
    """The share of each of 256 patterns of neighbours (Ojala, Pietikainen & Maenpaa 2002): which are as light as the pixel."""
    pixels = patches[:, 0].astype(int)
    codes = np.zeros(pixels[:, 1:-1, 1:-1].shape, dtype=int)
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    height, width = codes.shape[1:]
    for bit, (down, right) in enumerate(around):
        neighbours = pixels[:, down : down + height, right : right + width]
        codes |= (neighbours >= pixels[:, 1:-1, 1:-1]) << bit
    return np.stack([np.bincount(one.ravel(), minlength=256) for one in codes]) / codes[0].size


def test_patches_are_pieces_of_the_photographs():
    data = textures.load(TexturesOptions())
    assert data.inputs.shape == (768, 1, 32, 32) and np.bincount(data.targets).tolist() == [256] * 3
    from PIL import Image

    with Image.open(textures.find_file("grass.png")) as image:
        assert np.array_equal(data.inputs[256 + 16 * 2 + 3, 0], np.asarray(image)[64:96, 96:128])


def test_patterns_tell_textures():
    data = textures.load(TexturesOptions())
    split = assign(np.zeros(768, np.uint64), data.targets, None, None, data.order)
    train, rest = split == TRAIN, split != TRAIN
    assert data.order[train].max() < data.order[rest].min()
    found = patterns(data.inputs)
    model = LogisticRegression(C=1000, max_iter=2000).fit(found[train], data.targets[train])
    assert model.score(found[rest], data.targets[rest]) > 0.95

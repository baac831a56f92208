"""MNIST-C as it is published."""

from __future__ import annotations

import numpy as np
import pytest
from shift_files import mnist_c, noise

from harness.api import DataError
from harness_datasets.published.mnist_c import find_files, load, outline
from harness_datasets.published.options import MnistCOptions


def test_each_corruption_is_a_part_and_the_unchanged_images_are_none(tmp_path):
    options = MnistCOptions(path=str(mnist_c(tmp_path)))
    loaded = load(options)
    assert loaded.inputs.shape == (40, 1, 28, 28)
    assert loaded.parts == ({"shift": "fog"}, {"shift": "zigzag"})
    assert np.array_equal(loaded.sources, np.tile(np.arange(20), 2))
    assert outline(options).shape == (1, 28, 28)
    named = load(MnistCOptions(path=options.path, corruptions=("identity",)))
    assert named.parts == ({"shift": "identity"},)
    assert [path.parent.name for path in find_files(options)] == ["fog", "fog", "zigzag", "zigzag"]


def test_what_is_not_as_published_is_refused(tmp_path):
    folder = mnist_c(tmp_path)
    np.save(folder / "fog" / "test_images.npy", noise(0, 19, 28, 28, 1))
    with pytest.raises(DataError, match=r"shape \(19, 28, 28, 1\); uint8 of \(20, 28, 28, 1\)"):
        outline(MnistCOptions(path=str(folder)))
    with pytest.raises(DataError, match=r"no corruption 'mist'; there are fog, identity, zigzag"):
        load(MnistCOptions(path=str(folder), corruptions=("mist",)))
    with pytest.raises(DataError, match="has no folder of a corruption"):
        load(MnistCOptions(path=str(folder / "fog")))

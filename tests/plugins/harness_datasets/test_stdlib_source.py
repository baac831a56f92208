"""Python source of ten packages, no file of which is in two splits; and that a known model tells them apart."""

import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

from harness.api import DataError
from harness_datasets import stdlib_source
from harness_datasets.built_in_options import StdlibSourceOptions
from harness_datasets.stdlib_source import MOST, PACKAGES, find_files, load


def test_each_package_is_in_each_split_and_no_file_in_two():
    data = load(StdlibSourceOptions())
    split, names = np.array(data.split), [data.name_example(k) for k in range(len(data.targets))]
    for part, most in MOST.items():
        counts = np.bincount(data.targets[split == part], minlength=len(PACKAGES))
        assert (counts > 20).all() and counts.max() <= most
    files = {part: {n for n, of in zip(names, split, strict=True) if of == part} for part in MOST}
    assert not files["train"] & files["test"] and not files["train"] & files["validation"]
    assert not files["validation"] & files["test"]
    assert not any("/test" in path for path in map(str, find_files()))


def test_byte_shares_tell_packages_apart_far_better_than_chance():
    data = load(StdlibSourceOptions())
    counts = np.stack([np.bincount(row, minlength=256) for row in data.inputs])
    split = np.array(data.split)
    model = MultinomialNB().fit(counts[split == "train"], data.targets[split == "train"])
    score = model.score(counts[split == "test"], data.targets[split == "test"])
    assert 0.25 < score < 0.7


def test_a_python_without_sources_is_told_so(tmp_path, monkeypatch):
    (tmp_path / "bare_package").mkdir()
    (tmp_path / "bare_package" / "__init__.pyc").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(stdlib_source, "PACKAGES", ("bare_package",))
    with pytest.raises(DataError, match=r"has no sources \(\.py\) of its package bare_package"):
        load(StdlibSourceOptions())

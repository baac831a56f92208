"""Test examples that are read from their files in another way: the same ones, in the same order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.data.reread import reread
from harness.errors import DataError, NotApplicable
from harness.plan.names import choose_one

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Host().require_usable()


@pytest.fixture
def photos(tmp_path: Path, catalogue: Catalogue) -> tuple[Chosen, PreparedData]:
    """Sixty pictures of 12 x 12, each its own noise, read at 6 x 6."""
    generator = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    dataset = choose_one(catalogue, "dataset", f"imagefolder:path={tmp_path / 'photos'},size=6")
    (tmp_path / "data").mkdir()
    prepare(dataset, 0, tmp_path / "data")
    return dataset, PreparedData.open(tmp_path / "data")


def all_of(examples) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return tuple(torch.cat(part) for part in zip(*examples.batches(5), strict=True))


def test_they_are_the_same_examples_in_the_same_order(photos):
    dataset, data = photos
    plain, other = data.split("test", CPU), reread(dataset, None, {"decoder": "opencv"}, data, CPU)
    assert len(other) == len(plain)
    for ours, theirs in zip(all_of(other), all_of(plain), strict=True):
        assert torch.equal(ours, theirs)  # a PNG has one meaning


@pytest.mark.parametrize("reading", [{"interpolation": "nearest"}, {"resizer": "torch-aliased"}])
def test_their_pictures_are_others(photos, reading):
    dataset, data = photos
    inputs, targets, ids = all_of(reread(dataset, None, reading, data, CPU))
    before, same_targets, same_ids = all_of(data.split("test", CPU))
    assert torch.equal(ids, same_ids) and torch.equal(targets, same_targets)
    assert (inputs - before).abs().mean() > 0.02
    assert inputs.min() >= 0 and inputs.max() <= 1


def test_what_is_read_so_already_is_no_other_way(photos, catalogue):
    dataset, data = photos
    with pytest.raises(NotApplicable, match="read so already: shorter side to 6 .bicubic"):
        reread(dataset, None, {"interpolation": "bicubic"}, data, CPU)
    with pytest.raises(NotApplicable, match="digits reads no pictures of any size"):
        reread(choose_one(catalogue, "dataset", "digits"), None, {"resizer": "torch"}, data, CPU)


def test_a_folder_that_has_changed_is_refused(photos):
    dataset, data = photos
    folder = Path(dataset.options["path"])
    (folder / "a" / "0.png").unlink()
    with pytest.raises(DataError, match="has changed since it was made ready"):
        reread(dataset, None, {"interpolation": "nearest"}, data, CPU)

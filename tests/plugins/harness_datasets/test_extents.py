"""What data sets say of their size before they are read: near what they turn out to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.catalogue.host import Host
from harness.catalogue.references import call
from harness.plan.extents import Extents
from harness.plan.names import choose_one

CATALOGUE = Host().catalogue


def said_and_loaded(name: str) -> tuple[tuple[int, int] | None, tuple[int, int]]:
    chosen = choose_one(CATALOGUE, "dataset", name)
    loaded = call(chosen.item.load, options=chosen.model(), preprocessing=None, reading=None)  # type: ignore[attr-defined]
    inputs = loaded.inputs
    if loaded.encode is not None:
        count = len(loaded.targets if loaded.targets is not None else loaded.keys)
        inputs = loaded.encode(np.ones(count, bool)).inputs
    size = int(np.prod(inputs.shape[1:]))
    return Extents.of([chosen])(chosen.label), (len(inputs), size)


@pytest.mark.parametrize(
    "name",
    [
        *("digits", "iris", "wine", "breast_cancer", "diabetes"),
        pytest.param("docstring_sentences", marks=pytest.mark.slow),
        *("random_images:size=8", "function:examples=50", "step_table:uninformative=9"),
        *("sequence_memory:length=7", "brackets:length=9", "written_dates:examples=90"),
        *("pydoc_topics:length=64", "stdlib_source", "sine_mix", "daily_series:stride=2"),
        *("digits_on_textures:examples=40", "tictactoe", "connect_four_endgames:examples=30"),
        *("textures", "lfw_subset"),
    ],
)
def test_it_is_near_what_is_loaded(name: str) -> None:
    if name in ("textures", "lfw_subset"):
        pytest.importorskip("skimage")
    said, loaded = said_and_loaded(name)
    assert said is not None
    assert 0.5 < said[0] / loaded[0] < 2.1
    assert 0.8 < said[1] / loaded[1] < 1.2


def test_of_own_files_it_is_told_by_names_and_lengths(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(5000), "b": np.arange(5000) % 7, "y": ["u", "v"] * 2500})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for number in range(6):
        (tmp_path / "photos" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png")

    def extent(name: str) -> tuple[int, int] | None:
        chosen = choose_one(CATALOGUE, "dataset", name)
        return Extents.of([chosen])(chosen.label)

    found = extent(f"table:path={tmp_path}/t.csv")
    assert found is not None and 4500 < found[0] < 6500 and found[1] == 3
    assert extent(f"table:path={tmp_path}/t.parquet") == (5000, 3)
    assert extent(f"imagefolder:path={tmp_path}/photos,size=16") == (6, 3 * 16 * 16)
    assert extent(f"imagefolder:path={tmp_path}/nowhere") is None  # its job says so
    assert extent(f"webdataset:path={tmp_path}") is None

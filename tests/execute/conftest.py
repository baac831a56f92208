"""A workplace for each module, and one undisturbed run that several tests compare with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness_process import OBSERVER, Workplace, WorkplaceHere, small_suite
from made_once import made_once

linux = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """Return a workplace with an observer that notes what is announced."""
    place = Workplace(tmp_path)
    place.plugins.append(place.write("noting.py", OBSERVER))
    place.write("small.toml", small_suite())
    return place


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a small suite that ran without a disturbance."""

    def make(folder: Path) -> None:
        place = WorkplaceHere(folder)
        code, _, errors = place.run(place.write("small.toml", small_suite()), "store")
        assert code == 0, errors

    return made_once(tmp_path_factory, "undisturbed", make) / "store"

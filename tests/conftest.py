"""A cache folder of the session's own: what the developer's machine keeps must not leak in."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest_plugins = ["small_run"]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep indexes, bundles and ceilings in a folder that starts empty; downloaded weights stay."""
    before = os.environ.get("XDG_CACHE_HOME")
    home = before or os.path.expanduser("~/.cache")
    places = {"HF_HOME": f"{home}/huggingface", "TORCH_HOME": f"{home}/torch"}
    added = [name for name in places if name not in os.environ]
    os.environ.update({name: places[name] for name in added})
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    yield
    for name in added:
        del os.environ[name]
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before

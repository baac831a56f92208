"""Long files first: else pytest-xdist, which takes files with many tests first, ends with one worker at a
long file of few tests while the others have nothing left to do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# By seconds of CPU, in the tier where they take more. Others take little, and come as they are collected.
LONGEST = (
    "contracts/test_built_in_items_keep_contracts.py",
    "plugins/harness_attacks/test_autoattack.py",
    "plugins/harness_attacks/test_fab.py",
)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist, where it is installed, take files in the order of the tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; the order inside a file stays."""
    place = {TESTS / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))

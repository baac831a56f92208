"""The slow tier imports the files that have slow tests, and no others: rewriting the asserts of three
hundred files costs each worker some ten seconds.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

_MARKS = re.compile(
    r"mark\.slow|mostly_slow\(|quick\(|matrix\("
)  # itself, or by tests' own helpers


@cache
def _has_slow_tests(path: Path) -> bool:
    return _MARKS.search(path.read_text(encoding="utf-8")) is not None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file without slow tests where nothing else is asked for."""
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    if config.option.markexpr == "slow" and is_test and not _has_slow_tests(collection_path):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fail where a slow test is in a file that the slow tier would leave out."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    unknown = sorted(str(path) for path in slow if not _has_slow_tests(path))
    if unknown:
        raise pytest.UsageError(f"{__file__} finds no slow tests in {', '.join(unknown)}")

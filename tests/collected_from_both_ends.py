"""Collect from both ends under pytest-xdist: every worker must import every file of tests, and rewriting their
asserts is half of what that costs. Every other worker begins at the last file; when they meet, each
reads from byte code what the others have rewritten.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_BACKWARDS = _WORKER != "" and int(_WORKER.removeprefix("gw")) % 2 == 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let workers share byte code, also where the environment says that none is to be written; but only
    while they collect: tests write modules that they change within a second, which byte code misses.
    """
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = before and not _WORKER
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = before


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Iterator[None]:
    """Turn round what folders hold."""
    report = yield
    if _BACKWARDS and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all workers one order: pytest-xdist asks for it."""
    if _WORKER:
        items.sort(key=lambda item: item.path.parts)

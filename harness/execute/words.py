"""Words for a person."""

from __future__ import annotations

from collections.abc import Sequence

from harness.catalogue.counts import list_some, printable


def changed_files(paths: Sequence[str]) -> str:
    """Return a line that names files which have changed since jobs read them; at most three."""
    shown = [printable(path, kept="") for path in paths]
    return f"changed since jobs have read it: {list_some(shown, most=3)}"

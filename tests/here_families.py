"""The built-in families, listed in the tests' own process.

A process of its own for each, as people have it, imports torch and the library again: some seven seconds of CPU. That
a family is listed in one, and what of it goes wrong, is tested in `tests/catalogue/test_catalogue.py`.
"""

from __future__ import annotations

from typing import Any

from harness.catalogue import families
from harness.catalogue.references import resolve

_in_a_process = families._build


def list_here(reference: str) -> dict[str, dict[str, Any]]:
    """Take the place of `families._build`; a family of a test's own is listed as it would be."""
    if not reference.startswith("harness_"):
        return _in_a_process(reference)
    return {name: dict(facts) for name, facts in resolve(reference)().items()}

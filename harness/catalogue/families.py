"""The members of a family, such as `timm/`: listed late, in a process of their own, and cached.

Listing a library's models means importing it (and torch), which takes seconds; so it is done once
for each version of the library, and the answer is kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.catalogue.cache import cached_text
from harness.catalogue.modules import find_source
from harness.catalogue.references import module_name, resolve
from harness.errors import PluginError

_TIMEOUT_SECONDS = 300


def members(reference: str, distributions: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """Return {member name: {facts}} of the family whose index function is `reference`.

    Raises:
        PluginError: The library cannot be imported, or the function fails.
    """
    return _members(reference, distributions)


@lru_cache
def _members(reference: str, distributions: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    def make() -> str:
        print(
            f"listing {reference.split(':')[0]} (once for each version of it) ...", file=sys.stderr
        )
        return json.dumps(_build(reference))

    found: dict[str, dict[str, Any]] = json.loads(
        cached_text(f"families/{_digest(reference, distributions)}.json", make)
    )
    return found


def _build(reference: str) -> dict[str, dict[str, Any]]:
    """Call the index function in a new process and read what it returns."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "members.json"
        try:
            done = subprocess.run(
                [sys.executable, "-m", "harness.catalogue.families", reference, str(answer)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PluginError(
                f"the members of {reference!r} were not listed within {_TIMEOUT_SECONDS} s"
            ) from None
        if done.returncode != 0 or not answer.exists():
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise PluginError(f"the members of {reference!r} cannot be listed: {lines[-1]}")
        built: dict[str, dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
        return built


def _digest(reference: str, distributions: tuple[str, ...]) -> str:
    """Name a cache entry by all that can change it."""
    parts = [reference, sys.version]
    for distribution in distributions:
        parts.append(f"{distribution}={_version(distribution)}")
    source = find_source(module_name(reference))
    if source is not None:
        parts.append(hashlib.sha256(source.read_bytes()).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Write the members that the function named by the first argument lists to the second."""
    reference, answer = sys.argv[1:]
    found = resolve(reference)()
    Path(answer).write_text(json.dumps({name: dict(facts) for name, facts in found.items()}))


if __name__ == "__main__":
    main()

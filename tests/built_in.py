"""The harness's own items as runs get them, with the names that their words for modalities and problems mean."""

from __future__ import annotations

from functools import cache
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host, PluginChoice


@cache
def _catalogue() -> Catalogue:
    return Host(PluginChoice()).require_usable()


def items(kind: str, plugin: str = "") -> dict[str, Any]:
    """Return {name: item} of a kind, and of a plugin where one is named."""
    found = _catalogue().entries(kind)
    return {
        name: entry.item for name, entry in found.items() if not plugin or entry.plugin == plugin
    }

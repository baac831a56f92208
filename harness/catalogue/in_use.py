"""The problems and modalities of the plugins that this process works with: found by the names that data bear.

A process works with one set of plugins at a time, that of the host which it loaded last or whose job it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS
from harness.catalogue.references import resolve
from harness.catalogue.subjects import Modality, Problem
from harness.errors import PluginError, nearest

_LATE = "harness.catalogue.host:load_installed"  # no job depends on how plugins are found
_used: list[Catalogue] = []  # the one in use, once there is one


def use(catalogue: Catalogue) -> None:
    """Take a catalogue for the one that this process works with."""
    _used[:] = [catalogue]


@contextmanager
def using(catalogue: Catalogue) -> Iterator[None]:
    """Work with a catalogue, and then again with the one before."""
    before = _catalogue()
    use(catalogue)
    try:
        yield
    finally:
        use(before)


def beside_others(item: Item) -> Catalogue:
    """Return the catalogue in use with an item in it, in the place of one of its name."""
    others = (one for kind in KINDS for one in _catalogue().entries(kind).values())
    kept = [one for one in others if (one.item.kind, one.item.name) != (item.kind, item.name)]
    return Catalogue([*kept, Entry(item, "")])


def problem_named(name: str) -> Problem:
    """Return the problem of a name.

    Raises:
        PluginError: No plugin that is loaded provides it.
    """
    return problem_in(_catalogue(), name)


def problem_in(catalogue: Catalogue, name: str) -> Problem:
    """Return the problem of a name in a catalogue.

    Raises:
        PluginError: No plugin of it provides it.
    """
    found = _item(catalogue, "problem", name)
    assert isinstance(found, Problem)
    return found


def modality_named(name: str) -> Modality:
    """Return the modality of a name.

    Raises:
        PluginError: No plugin that is loaded provides it.
    """
    found = _item(_catalogue(), "modality", name)
    assert isinstance(found, Modality)
    return found


def names_of(kind: str) -> tuple[str, ...]:
    """Return the names of all problems, or of all modalities, in the order in which plugins provide them."""
    return tuple(_catalogue().entries(kind))


def _item(catalogue: Catalogue, kind: str, name: str) -> object:
    entries = catalogue.entries(kind)
    if name in entries:
        return entries[name].item
    if not entries:
        raise PluginError(
            f"no plugin provides a {kind}: those of the harness itself are missing; where it is installed from "
            "its sources, which have changed, install it again (pip install -e .)"
        )
    raise PluginError(
        f"the data are of the {kind} {name!r}, which no plugin that is loaded provides{nearest(name, entries)}; "
        "load the one that does (-p FILE), or install it"
    )


def _catalogue() -> Catalogue:
    if not _used:
        resolve(_LATE)()
    return _used[0]

"""What the items of each kind must satisfy: run by our tests and by `harness plugin check`.

One module a kind. A contract is a function of a `Subject` whose docstring's first sentence says what
it checks; it returns where the item keeps it, and raises where it does not.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.hookspecs import REGISTER_HOOKS
from harness.catalogue.host import GROUP, Host, PluginChoice, PluginRecord
from harness.catalogue.in_use import beside_others, using
from harness.catalogue.item import Item
from harness.catalogue.modules import find_source
from harness.contracts.subject import Broken, Contract, NotChecked, Subject
from harness.errors import PluginError, nearest
from harness.plan.names import choose_one

__all__ = ["ContractResult", "check_item", "check_plugin"]


@dataclass(frozen=True)
class ContractResult:
    """Whether an item keeps a contract.

    item: "kind name". contract: what was checked, in words. reason: why it is not kept; of one that
    is ok, why it could not be checked.
    """

    item: str
    contract: str
    ok: bool
    reason: str = ""

    @property
    def word(self) -> str:
        """Return "ok", "failed" or "not checked"."""
        if not self.ok:
            return "failed"
        return "not checked" if self.reason else "ok"


def check_plugin(path: str, engine: str = "") -> Iterator[ContractResult]:
    """Check each item of a plugin: the name of an installed one, a .py file, or a package folder.

    A name that an installed plugin has means that plugin, whatever lies in the working folder; "./name"
    is the folder. A plugin that registers nothing and observes nothing has failed. engine: the name of one of its engines,
    with the options that it is to be checked with: one whose jobs run on other machines is not started otherwise.

    Raises:
        PluginError: There is no such file, folder or plugin.
        UsageError: There is no such engine, or it has no such option.
    """
    host, record = _load(path)
    title = f"plugin {record.name}"
    if record.status != "ok":
        yield ContractResult(title, "It loads, and its hooks are known.", False, record.reason)
        return
    yield ContractResult(title, "It loads, and its hooks are known.", True)
    clashes = [clash for clash in host.clashes if repr(record.name) in clash]
    yield ContractResult(
        title, "No other plugin provides its names.", not clashes, "\n".join(clashes)
    )
    if not record.items and not clashes:
        yield _without_items(title, record)
    chosen = choose_one(host.catalogue, "engine", engine) if engine else None
    for name in record.items:
        kind, _, base = name.partition(" ")
        given = chosen.options if chosen and (kind, base) == ("engine", chosen.item.name) else None
        yield from check_item(host.catalogue.entries(kind)[base], host.catalogue, given)


def _without_items(title: str, record: PluginRecord) -> ContractResult:
    """Say of a plugin that registered nothing whether it observes; else nothing was checked."""
    registering = [hook for hook in record.hooks if hook in REGISTER_HOOKS.values()]
    words = "It provides items, or observes."
    if registering:
        reason = f"{' and '.join(registering)} yielded no item, so there is nothing to check"
        return ContractResult(title, words, False, reason)
    return ContractResult(title, words, True, f"it only observes: {', '.join(record.hooks)}")


def check_item(
    entry: Entry | Item, catalogue: Catalogue, given: Mapping[str, Any] | None = None
) -> Iterator[ContractResult]:
    """Yield a result for each contract of an item's kind; a contract that fails stops no other.

    given: options that it is to be checked with, of an engine.
    """
    item = entry.item if isinstance(entry, Entry) else entry
    whole = beside_others(item)
    # with the names that its words for problems and modalities mean
    subject = Subject(whole.entries(item.kind)[item.name].item, catalogue, given)
    for module in ("item", item.kind):
        contracts: tuple[Contract, ...] = importlib.import_module(
            f"harness.contracts.{module}"
        ).CONTRACTS
        for contract in contracts:
            yield _run(contract, subject, whole)


def _run(contract: Contract, subject: Subject, whole: Catalogue) -> ContractResult:
    """Run a contract; whatever it raises becomes a reason, and no generator is left moved."""
    words = (contract.__doc__ or contract.__name__).strip().splitlines()[0]
    ok, reason = True, ""
    subject.at("")
    try:
        with using(whole), _quiet_torch(subject):
            contract(subject)
    except NotChecked as why:
        reason = str(why)
    except Broken as why:
        ok, reason = False, str(why)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may raise anything, SystemExit too
        message = str(error).strip().splitlines() or ["no message"]
        ok, reason = False, f"{type(error).__name__}: {message[0]}"
    if not ok and subject.where:
        reason = f"on {subject.where}: {reason}"
    return ContractResult(f"{subject.item.kind} {subject.item.name}", words, ok, reason)


@contextlib.contextmanager
def _quiet_torch(subject: Subject) -> Iterator[None]:
    """Seed torch and put its generator back; one thread, as the tensors are small."""
    if not subject.item.uses_torch:
        yield
        return
    import torch

    from harness.data.seeding import seed_generators

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            seed_generators(0)
            yield
    finally:
        torch.set_num_threads(threads)


def _load(path: str) -> tuple[Host, PluginRecord]:
    name = _installed(path)
    if name is None:
        host = Host(PluginChoice(files=(path,)))
        return host, host.plugins[-1]  # files are loaded after what is installed
    host = Host()
    return host, next(record for record in host.plugins if record.name == name)


def _installed(path: str) -> str | None:
    """Return the name of the installed plugin that is meant, by its name or by its own files."""
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if path in points:
        return path
    place = Path(path).expanduser()
    if os.path.exists(place):
        files = {place.resolve(), place.resolve() / "__init__.py"}
        for name, point in points.items():
            source = find_source(point.module)
            if source is not None and source.resolve() in files:
                return name
        return None
    if "/" in path or path.endswith(".py"):
        return None
    raise PluginError(
        f"{path}: no file, folder or installed plugin has that name{nearest(path, points)}"
    )

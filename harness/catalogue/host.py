"""Loads plugins, collects what they register, and tells them what happens.

A plugin that fails is kept as broken with its reason; the others go on without it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import itertools
import logging
import os
import re
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from harness.catalogue import hookspecs
from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.garbage import uncollected
from harness.catalogue.import_reads import import_reads_noted
from harness.catalogue.in_use import use
from harness.catalogue.item import Item
from harness.catalogue.item_words import misfit
from harness.catalogue.kinds import KINDS
from harness.catalogue.torchvision_import import mend_torchvision
from harness.errors import PluginError, nearest

GROUP = "harness"
_SLOW_SECONDS = 2.0  # of an observer; no job starts as long as it takes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*/?")
_HOOKS = [name for name in dir(hookspecs) if name.startswith("harness_")]
_log = logging.getLogger("harness.plugins")


@dataclass
class PluginRecord:
    """A plugin that was found: where, and what became of it.

    status: "ok", "broken" or "blocked"; reason says why it is not ok.
    """

    name: str
    version: str
    origin: str
    status: str = "ok"
    reason: str = ""
    hooks: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)  # "kind name"


@dataclass(frozen=True)
class PluginChoice:
    """Which plugins to load beside the installed ones, and which not: what a job needs to know."""

    files: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """Return plain JSON values."""
        return {"files": list(self.files), "blocked": list(self.blocked)}


class Host:
    """The loaded plugins."""

    def __init__(self, choice: PluginChoice = PluginChoice()) -> None:
        """Load the entry points of group `harness` and the files that were chosen."""
        here = os.getcwd()
        if here not in sys.path and "" not in sys.path:
            sys.path.append(here)  # so that -a my_package.module:Net works, and shadows nothing
        mend_torchvision()  # a plugin may import it
        self.choice = choice
        self.plugins: list[PluginRecord] = []
        self._manager = pluggy.PluginManager("harness")
        self._manager.add_hookspecs(hookspecs)
        with uncollected():
            self._load_entry_points(set(choice.blocked))
            for path in choice.files:
                self._load_file(path)
        self.clashes: list[str] = []
        self.catalogue = Catalogue(self._collect())
        use(self.catalogue)

    def require_usable(self) -> Catalogue:
        """Return the catalogue.

        Raises:
            PluginError: Two plugins provide one name, or a plugin that was named is broken.
        """
        problems = list(self.clashes)
        for record in self.plugins:
            if record.status == "broken" and record.origin in self.choice.files:
                problems.append(f"plugin {record.origin} is broken: {record.reason}")
        if problems:
            raise PluginError("\n".join(problems))
        return self.catalogue

    def notify(self, hook: str, **facts: Any) -> None:
        """Tell every observer; one that raises is logged and stops nothing, one that is slow is logged."""
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            started = time.monotonic()
            try:
                impl.function(**{name: facts[name] for name in impl.argnames})
            except KeyboardInterrupt:
                raise
            except BaseException:  # SystemExit too: an observer cannot end a run
                _log.exception("plugin %s failed in %s", impl.plugin_name, hook)
            if (took := time.monotonic() - started) > _SLOW_SECONDS:
                words = "plugin %s took %.0f s in %s, and no job could start meanwhile"
                _log.warning(words, impl.plugin_name, took, hook)

    def _load_entry_points(self, blocked: set[str]) -> None:
        seen: set[str] = set()
        stated = cache(_name_and_version)  # each reading of them parses a whole README
        for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda p: p.name):
            distribution, version = stated(point.dist) if point.dist else ("unknown", "")
            name = point.name if point.name not in seen else f"{distribution}:{point.name}"
            seen.add(name)
            record = PluginRecord(name, version, point.value)
            self.plugins.append(record)
            if name in blocked or distribution in blocked:
                record.status, record.reason = "blocked", f"--no-plugin {name}"
                blocked -= {name, distribution}
                continue
            self._register(record, lambda point=point: point.load())
        if blocked:
            unknown = min(blocked)
            raise PluginError(
                f"--no-plugin {unknown}: no plugin has that name"
                + nearest(unknown, [record.name for record in self.plugins])
            )

    def _load_file(self, path: str) -> None:
        if not os.path.exists(Path(path).expanduser()):
            raise PluginError(f"-p {path}: there is no such file or folder")
        record = PluginRecord(self._free_name(path), "", path)
        self.plugins.append(record)
        self._register(record, lambda: import_file(Path(path).expanduser()))

    def _free_name(self, path: str) -> str:
        """Return a name that no plugin has: what is known of one would be said of the other."""
        names = {record.name for record in self.plugins}
        numbered = (f"{path} ({number})" for number in itertools.count(2))
        return next(n for n in itertools.chain((Path(path).stem, path), numbered) if n not in names)

    def _register(self, record: PluginRecord, load: Any) -> None:
        """Import and register; pluggy leaves half a plugin behind when it fails, so unregister."""
        try:
            with import_reads_noted():
                module = load()
            other = self._manager.get_name(module)
            if other is not None:  # -p names the file of an installed plugin, or a file twice
                record.status, record.reason = "blocked", f"it is loaded already, as {other!r}"
                return
            self._manager.register(module, name=record.name)
            try:
                for caller in self._manager.get_hookcallers(module) or []:
                    if not caller.has_spec():
                        raise PluginError(
                            f"no hook is named {caller.name!r}{nearest(caller.name, _HOOKS)}"
                        )
                    record.hooks.append(caller.name)
                    for impl in caller.get_hookimpls():
                        if impl.plugin is module and (impl.hookwrapper or impl.wrapper):
                            raise PluginError(f"{caller.name} is a hook wrapper; use a plain hook")
            except BaseException:
                self._manager.unregister(name=record.name)
                raise
            if not record.hooks:
                raise PluginError(
                    "it has no hook: decorate a function such as harness_register_architectures "
                    "with harness.api.hookimpl"
                )
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit while it is imported
            record.status, record.reason = "broken", _explain(error)
            record.hooks.clear()

    def _collect(self) -> list[Entry]:
        records = {record.name: record for record in self.plugins}
        entries: dict[tuple[str, str], Entry] = {}
        for kind, hook in hookspecs.REGISTER_HOOKS.items():
            for impl in getattr(self._manager.hook, hook).get_hookimpls():
                record = records[impl.plugin_name]
                if record.status == "broken":
                    continue
                try:
                    yielded = impl.function()
                    if yielded is None:
                        raise PluginError(f"{hook} returned None; yield items, or return a list")
                    items = [_checked(item, kind, hook) for item in yielded]
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    record.status, record.reason = "broken", _explain(error)
                    entries = {k: e for k, e in entries.items() if e.plugin != record.name}
                    record.items.clear()
                    record.hooks.clear()
                    self._manager.unregister(name=record.name)  # it observes nothing either
                    continue
                for item in items:
                    other = entries.get((kind, item.name))
                    if other is not None:
                        self.clashes.append(
                            self._clash(f"{kind} {item.name!r}", records[other.plugin], record)
                        )
                        continue
                    entries[kind, item.name] = Entry(item, record.name)
                    record.items.append(f"{kind} {item.name}")
        return list(entries.values())

    def _clash(self, what: str, one: PluginRecord, other: PluginRecord) -> str:
        """Say who provides a name twice, and what a person may do about it."""
        if one is other:
            return f"plugin {one.name!r} provides the {what} twice; rename one of them"
        advice = [
            f"load without -p {record.origin}"
            if record.origin in self.choice.files
            else f"block with --no-plugin {record.name}"
            for record in (other, one)
        ]
        return (
            f"plugins {one.name!r} and {other.name!r} both provide the {what}; "
            f"rename it in one, {' or '.join(advice)}"
        )


def load_installed() -> None:
    """Load what is installed, for a process that works with data and has loaded no plugins."""
    Host()


def import_file(path: Path) -> ModuleType:
    """Import a plugin from a .py file, or from a folder that is a package.

    The module takes the file's stem as its name unless something else already has it.
    """
    path = path.resolve()
    if path.is_dir():
        source = path / "__init__.py"
        if not source.exists():
            inside = [child.parent for child in path.glob("[!.]*/__init__.py")]
            packages = sorted(str(child) for child in inside if child.name != "tests")
            meant = f"; did you mean {' or '.join(packages)}?" if packages else ""
            raise PluginError(f"{path} has no __init__.py, so it is no plugin{meant}")
    elif path.suffix == ".py":
        source = path
    else:
        raise PluginError(f"{path} is neither a .py file nor a folder with an __init__.py")
    name, number = path.stem, 1
    if not name.isidentifier() or name in sys.stdlib_module_names:
        name = "harness_plugin_" + re.sub(r"\W", "_", name)
    while (taken := sys.modules.get(name)) is not None:
        if getattr(taken, "__file__", None) == str(source):
            return taken
        number += 1
        name = f"harness_plugin_{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}_{number}"
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, source)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checked(item: Any, kind: str, hook: str) -> Item:
    """Return an item that a hook yielded, or say what is wrong with it."""
    if not isinstance(item, KINDS[kind]):
        raise PluginError(f"{hook} yielded a {type(item).__name__}, not {KINDS[kind].__name__}")
    if not isinstance(item.name, str) or not _NAME.fullmatch(item.name):
        raise PluginError(
            f"{hook} yielded the name {item.name!r}; a name has letters, digits, '_', '.', '+' and "
            "'-', and only a family's ends in '/'"
        )
    if item.is_family != (item.members is not None):
        raise PluginError(f"{kind} {item.name!r}: a family has a name that ends in '/' and members")
    if wrong := misfit(item):
        raise PluginError(f"{kind} {item.name!r}: {wrong}")
    return item


def _name_and_version(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    return distribution.name, distribution.version


def _explain(error: BaseException) -> str:
    """Return the reason for a broken plugin, with the place in its source where there is one."""
    where = ""
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        folder = os.path.basename(os.path.dirname(file))
        if "importlib" not in file and folder not in ("catalogue", "pluggy"):
            where = f" ({file}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    message = str(error).strip() or "no message"
    if isinstance(error, PluginError):
        return message
    kind = message.partition(".__init__() ")[0]
    if isinstance(error, TypeError) and kind in {one.__name__ for one in KINDS.values()}:
        where += f"; what it holds: python -m pydoc harness.api.{kind}"
    return f"{type(error).__name__}: {message}{where}"

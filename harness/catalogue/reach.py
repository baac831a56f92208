"""What code a definition can reach: the statements, modules and libraries that can change what it does.

From a definition it follows the names that its syntax uses to the statements that bind them, through
the modules of the author's (those of its own package, and those that no installation has put where
they are). Parent packages are executed too. A statement that does more than to bind names counts once
its module is imported, whoever needs it. Where names are looked up in ways that no syntax shows, whole
modules count: a module that is passed as a value, ``from x import *``, ``eval`` and its like.

Of the harness itself, which plugins reach by `harness.api`, whole modules count, and all that these
import. Of a library its version says all.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import lru_cache

from harness.catalogue import modules
from harness.catalogue.core_mark import has_core_changed
from harness.catalogue.import_effects import ImportEffects, absolute
from harness.catalogue.modules import exists, find_origin, find_source, is_library, plugin_packages
from harness.catalogue.syntax import DYNAMIC, Import, Statement

Root = tuple[str, str]  # module, and the name of a definition in it; "" for all of the module

_LOADING = ("importlib.import_module", "importlib.util.", "pkgutil.", "runpy.", "sys.modules")


@dataclass(frozen=True)
class Reached:
    """What roots reach.

    digest: of the statements. modules: the author's. core: the harness's, from which names are taken.
    installed: top-level packages of libraries that roots are in. compiled: files of the author's that
    have no source. libraries: top-level packages.
    dynamic: whether modules are loaded, or names looked up, that no syntax shows.
    """

    digest: str
    modules: frozenset[str]
    core: frozenset[str]
    installed: frozenset[str]
    compiled: frozenset[str]
    libraries: frozenset[str]
    dynamic: bool


@lru_cache(maxsize=65536)
def reach(roots: frozenset[Root]) -> Reached:
    """Return what definitions reach."""
    tops = {module.partition(".")[0] for module, _ in roots}
    walk = _Walk(tops & plugin_packages() - {"harness"})
    for module, name in sorted(roots):
        walk.take_root(module, name)
    return walk.reached()


@lru_cache(maxsize=4096)
def reach_core(names: frozenset[str]) -> Reached:
    """Return what modules of the harness reach: they and all that they import, as wholes."""
    walk = _Walk({"harness"}, whole=True)
    for module in sorted(names):
        walk.take_module(module)
    return walk.reached()


def look_anew() -> None:
    """Forget what was reached: sources may have changed since, and paths."""
    modules.look_anew()
    _effects.cache_clear()
    reach.cache_clear()
    if has_core_changed():
        reach_core.cache_clear()


@lru_cache(maxsize=1)
def _effects() -> ImportEffects:
    return ImportEffects()


class _Walk:
    """Follows names, until nothing waits. whole: every module that is imported counts as a whole."""

    def __init__(self, own: set[str], whole: bool = False) -> None:
        self.own, self.whole = own, whole
        self.effects = _effects()
        self.included: dict[str, set[int]] = {}
        self.resolved: set[tuple[str, str]] = set()
        self.core: set[str] = set()
        self.installed: set[str] = set()
        self.compiled: set[str] = set()
        self.libraries: set[str] = set()
        self.dynamic = False
        self.passed: set[str] = set()  # modules that count as wholes
        self.waiting: list[tuple[str, Statement]] = []

    def reached(self) -> Reached:
        """Follow what waits, and return what was reached."""
        while self.waiting:
            module, statement = self.waiting.pop()
            for one in statement.imports:
                self.execute(module, one)
                if statement.is_import and one.binds and not self.whole:
                    self.take_import(module, one, "")
            for use in () if self.whole else statement.uses:
                self.resolve(module, use, statement)
            if not self.waiting:  # who has a package has the modules of it that are imported
                for module in sorted(self.included):
                    if not self.passed.isdisjoint(_packages_of(module)):
                        self.take_module(module)
        lines = []
        for module in sorted(self.included):
            syntax = self.effects.syntax(module)
            here = [syntax.statements[index].digest for index in sorted(self.included[module])]
            if here or syntax.error:
                lines += [module, *here, syntax.digest if syntax.error else ""]
        return Reached(
            digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
            modules=frozenset(self.included),
            core=frozenset(self.core),
            installed=frozenset(self.installed),
            compiled=frozenset(self.compiled),
            libraries=frozenset(self.libraries),
            dynamic=self.dynamic,
        )

    def take_root(self, module: str, name: str) -> None:
        top = module.partition(".")[0]
        if not self.is_own(module) and top != "harness" and top not in sys.stdlib_module_names:
            self.installed.add(top)
        elif name:
            self.take_attribute(module, [name])
        elif self.is_own(module):
            self.take_module(module)

    def is_own(self, module: str) -> bool:
        top = module.partition(".")[0]
        return top in self.own or not is_library(top)

    def enter(self, module: str) -> None:
        """Import a module: its parents first, then what it executes."""
        if module in self.included:
            return
        parent = module.rpartition(".")[0]
        if parent:
            self.enter(parent)
        source, origin = find_source(module), find_origin(module)
        if source is None:
            if origin is not None:
                self.compiled.add(origin)
            return
        self.included[module] = set()
        for index, statement in enumerate(self.effects.statements(module)):
            if statement.is_import:
                for one in statement.imports:
                    self.execute(module, one)
            elif not self.effects.only_binds(module, index):
                self.include(module, index)

    def include(self, module: str, index: int) -> None:
        """Count a statement, and follow it later."""
        if index not in self.included[module]:
            self.included[module].add(index)
            self.waiting.append((module, self.effects.statements(module)[index]))

    def take_module(self, module: str) -> None:
        """Count all of a module."""
        self.enter(module)
        self.passed.add(module)
        if module in self.included:
            for index in range(len(self.effects.statements(module))):
                self.include(module, index)

    def execute(self, module: str, one: Import) -> None:
        """Follow an import as it is executed; what is used of it is followed by name."""
        target = absolute(module, one.module)
        top = target.partition(".")[0]
        if not self.is_own(target):
            if top == "harness":
                if one.binds == "*":
                    self.core.add(target)
            elif top not in sys.stdlib_module_names:
                self.libraries.add(top)
            return
        load = self.take_module if self.whole or one.binds == "*" else self.enter
        load(target)
        inner = f"{target}.{one.name}"
        if one.name not in ("", "*") and not self.binds(target, one.name) and exists(inner):
            load(inner)

    def binds(self, module: str, name: str) -> bool:
        return name in self.effects.bindings(module)

    def resolve(self, module: str, dotted: str, statement: Statement | None = None) -> None:
        """Follow a dotted name that a statement of a module uses."""
        head, _, rest = dotted.partition(".")
        if ":" in dotted:
            target, _, name = dotted.partition(":")
            if self.is_own(target) and find_source(target) is not None:
                self.take_attribute(target, [name])
            return
        for one in statement.imports if statement is not None else ():
            if one.binds == head:
                self.take_import(module, one, rest)
        if (module, dotted) in self.resolved:
            return
        self.resolved.add((module, dotted))
        for index in self.effects.bindings(module).get(head, ()):
            bound = self.effects.statements(module)[index]
            for one in bound.imports:
                if one.binds == head:
                    self.take_import(module, one, rest)
            if not bound.is_import:
                self.include(module, index)
        if not self.binds(module, head):
            self.resolve_elsewhere(module, dotted)

    def resolve_elsewhere(self, module: str, dotted: str) -> None:
        """Follow a name that a module does not bind itself."""
        if dotted in DYNAMIC:
            self.dynamic = True
            self.take_module(module)
        for index in self.effects.bindings(module).get("*", ()):
            for one in self.effects.statements(module)[index].imports:
                target = absolute(module, one.module)
                if self.is_own(target):
                    self.take_attribute(target, dotted.split("."), surely=False)

    def take_import(self, module: str, one: Import, rest: str) -> None:
        """Follow what a statement takes from an import."""
        parts = [part for part in (one.name, *rest.split(".")) if part]
        target = absolute(module, one.module)
        if parts:
            self.take_attribute(target, parts)
        elif self.is_own(target):
            self.take_module(target)
        else:
            self.take_attribute(target, [])

    def take_attribute(self, module: str, parts: list[str], surely: bool = True) -> None:
        """Follow an attribute of a module; surely: of all of the module where it is not plain to find."""
        top = module.partition(".")[0]
        if not self.is_own(module):
            if top == "harness":
                self.core.add(self.home(module, parts))
            elif top not in sys.stdlib_module_names:
                self.libraries.add(top)
            elif ".".join([module, *parts]).startswith(_LOADING):
                self.dynamic = True
            return
        self.enter(module)
        name, rest = parts[0], parts[1:]
        inner = f"{module}.{name}"
        if self.binds(module, name):
            self.resolve(module, ".".join(parts))
        elif exists(inner):
            self.take_attribute(inner, rest) if rest else self.take_module(inner)
        elif self.binds(module, "*"):
            self.resolve_elsewhere(module, ".".join(parts))
        elif surely:
            self.take_module(module)

    def home(self, module: str, parts: list[str]) -> str:
        """Return the module of the harness that defines a name which another one of it offers."""
        if not parts:
            return module
        for index in self.effects.bindings(module).get(parts[0], ()):
            for one in self.effects.statements(module)[index].imports:
                if one.binds == parts[0]:
                    target = absolute(module, one.module)
                    inner = [one.name] if one.name else []
                    return self.home(target, [*inner, *parts[1:]])
            return module
        inner_module = f"{module}.{parts[0]}"
        return self.home(inner_module, parts[1:]) if exists(inner_module) else module


def _packages_of(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]

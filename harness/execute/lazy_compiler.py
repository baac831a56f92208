"""torch's compiler, imported when something wants more of it than that it is not there.

An optimizer's first step, a fake tensor and a mode that watches operators import `torch._dynamo`, and with it
torch._inductor, much of torch.distributed and, were that not there, sympy: together as long as torch itself takes, and 75 MiB.
Where nothing is compiled they want no more of it than its settings, a mark that breaks no graph, a function back as it
is, and a name for where a fake tensor is from; and processes that compute together, that it forgets what it has not learnt.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_PARENT, _CHILD = "torch", "_dynamo"
_NAME = f"{_PARENT}.{_CHILD}"
_SETTINGS = f"{_NAME}.config"  # it imports nothing of the rest


def put_off_compiler() -> None:
    """Let `torch._dynamo` be a module that loads itself when it is asked for anything that a compiler has.

    Then it is as if it had been there from the beginning: of the answers that it gave before, none is kept. Where there is
    no torch, this one has no such module, or it is loaded already, nothing is done.
    """
    if sys.modules.get(_PARENT) is None or _NAME in sys.modules:
        return
    spec = importlib.util.find_spec(_NAME)
    if spec is not None and spec.loader is not None:
        _PutOff(importlib.util.module_from_spec(spec), spec.loader)


class _PutOff(MetaPathFinder):
    """What answers for the package until it is loaded, and finds its parts: but for its settings they want it first."""

    def __init__(self, module: ModuleType, loader: Loader) -> None:
        self.module, self.loader = module, loader
        self.returned: list[Callable[..., Any]] = []
        self.lock, self.loading = threading.RLock(), False
        sources = {"ConstantSource": _ConstantSource, "RandomValueSource": _RandomValueSource}
        self.answers = {
            "graph_break": _do_nothing,
            "disable": self.disable,
            "source": self.part("source", sources),
            "trace_rules": self.part("trace_rules", {"clear_lru_cache": _do_nothing}),
        }
        vars(module).update(self.answers, __getattr__=self.attribute)
        sys.modules[_NAME] = module
        setattr(sys.modules[_PARENT], _CHILD, module)
        sys.meta_path.insert(0, self)

    def part(self, child: str, answers: Mapping[str, Any]) -> ModuleType:
        """Return a module in place of a part of the package, which loads that when it is asked for more."""
        name = f"{_NAME}.{child}"

        def attribute(wanted: str) -> Any:
            if wanted.startswith("__"):
                raise AttributeError(f"module {name!r} has no attribute {wanted!r}")
            self.load()
            return getattr(importlib.import_module(name), wanted)

        sys.modules[name] = part = ModuleType(name)
        vars(part).update(answers, __getattr__=attribute)
        return part

    def disable(self, function: Any = None, recursive: bool = True, **options: Any) -> Any:
        """Return a function as it is, to torch, which asks once and keeps the answer with it; see `load`."""
        if "wrapping" not in options:  # somebody else
            return self.attribute("disable")(function, recursive, **options)
        self.returned.append(function)
        return function

    def attribute(self, name: str) -> Any:
        """Return what the package has of a name, which loads it; its settings alone do not."""
        if name == "config":
            return importlib.import_module(_SETTINGS)
        if not name.startswith("__"):  # what all modules are asked for, as where warnings are shown
            self.load()
        try:
            return vars(self.module)[name]
        except KeyError:
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}") from None

    def load(self) -> None:
        """Load the package, where that is not done, and not being done by this thread."""
        with self.lock:
            if self.loading:
                return
            self.loading = True
            for function in self.returned:  # torch asks again, the compiler then
                vars(function).pop("__dynamo_disable", None)
            for name in self.answers:
                del vars(self.module)[name]
                sys.modules.pop(f"{_NAME}.{name}", None)
            try:
                self.loader.exec_module(self.module)
            except BaseException:
                sys.modules.pop(_NAME, None)
                vars(sys.modules[_PARENT]).pop(_CHILD, None)
                raise
            finally:
                sys.meta_path.remove(self)
                vars(self.module).pop("__getattr__", None)

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find a part of the package when that is there; the part may have come with it."""
        if not name.startswith(f"{_NAME}."):
            return None
        if name != _SETTINGS:
            self.load()
        if name in sys.modules:
            return ModuleSpec(name, _There(sys.modules[name]))
        return PathFinder.find_spec(name, path)


class _There(Loader):
    """Loads a module that is there."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return it."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it was."""
        module.__spec__ = self.spec


def _do_nothing(*_: Any, **__: Any) -> None:
    """Break no graph and forget no rules: nothing is compiled yet."""


class _ConstantSource:
    """Where a tensor is from of which no more is known than its name; sizes that are symbols load the package first."""

    def __init__(self, source_name: str) -> None:
        self.name = source_name


class _RandomValueSource:
    """A class of which no source is."""

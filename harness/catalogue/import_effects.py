"""Whether executing a statement does more than to bind names: what an import may change unseen.

It is asked before a definition is left out of what an item depends on. What is not known to do nothing
else counts as doing something: a decorator of one's own, a base class that registers what is derived
from it, a call that gives a module's variable its value.
"""

from __future__ import annotations

import builtins

from harness.catalogue.modules import find_source, is_library
from harness.catalogue.syntax import Import, Statement, Syntax
from harness.catalogue.syntax_cache import syntax_of

_ACTING = {
    *("__import__", "breakpoint", "delattr", "eval", "exec", "exit", "globals", "input", "open"),
    *("quit", "setattr", "vars"),
}
_HARMLESS_BUILTINS = set(dir(builtins)) - _ACTING
_HARMLESS = (  # prefixes of dotted names
    *("abc.", "collections.", "contextlib.", "dataclasses.", "decimal.", "enum.", "fractions."),
    *("functools.", "itertools.", "math.", "operator.", "pathlib.", "re.", "types.", "typing."),
    *("typing_extensions.", "pydantic.", "pluggy.", "logging.getLogger", "torch.Tensor"),
    *("torch.autograd.Function", "torch.enable_grad", "torch.inference_mode", "torch.jit.export"),
    *("torch.jit.ignore", "torch.jit.unused", "torch.nn.", "torch.no_grad", "torch.utils.data."),
)
_ACTING_OF_HARNESS = {
    "call",
    "resolve",
}  # all else that a plugin calls while it is imported is data


def absolute(module: str, written: str) -> str:
    """Return the absolute name of a module that an import in `module` names as written."""
    level = len(written) - len(written.lstrip("."))
    if not level:
        return written
    source = find_source(module)
    is_package = source is not None and source.name == "__init__.py"
    parts = module.split(".")
    kept = parts[: len(parts) - level + is_package]
    return ".".join([*kept, *([written[level:]] if written[level:] else [])])


class ImportEffects:
    """Answers for the statements of modules, each once: it reads no file again."""

    def __init__(self) -> None:
        """Know of none."""
        self._syntax: dict[str, Syntax] = {}
        self._known: dict[tuple[str, int], bool] = {}
        self._bindings: dict[str, dict[str, list[int]]] = {}

    def syntax(self, module: str) -> Syntax:
        """Return what a module's source says; nothing where it has none."""
        if module not in self._syntax:
            source = find_source(module)
            found = Syntax((), "") if source is None else syntax_of(str(source))
            self._syntax[module] = found
        return self._syntax[module]

    def statements(self, module: str) -> tuple[Statement, ...]:
        """Return the statements of a module."""
        return self.syntax(module).statements

    def bindings(self, module: str) -> dict[str, list[int]]:
        """Return {name: the positions of the statements of a module that bind it}."""
        if module not in self._bindings:
            found: dict[str, list[int]] = {}
            for index, statement in enumerate(self.statements(module)):
                for name in statement.binds:
                    found.setdefault(name, []).append(index)
            self._bindings[module] = found
        return self._bindings[module]

    def only_binds(self, module: str, index: int) -> bool:
        """Whether executing a statement binds names and does nothing else."""
        key = (module, index)
        if key not in self._known:
            self._known[key] = True  # while it is asked of what it calls: a circle adds nothing
            statement = self.statements(module)[index]
            self._known[key] = statement.inert and all(
                self._is_harmless(module, call) for call in statement.calls
            )
        return self._known[key]

    def _is_harmless(self, module: str, call: str) -> bool:
        is_base, is_change = call.startswith("<"), call.endswith(".=")
        name = call.removeprefix("<").removesuffix(".=")
        if name in ("", "?"):
            return not name
        head, _, rest = name.partition(".")
        bound = self.bindings(module)
        if head not in bound:
            if "*" in bound:
                return False
            return bool(rest) or is_change or head in _HARMLESS_BUILTINS
        if is_change:
            return False
        return all(
            self._is_harmless_as(module, index, head, rest, is_base) for index in bound[head]
        )

    def _is_harmless_as(self, module: str, index: int, head: str, rest: str, is_base: bool) -> bool:
        statement = self.statements(module)[index]
        if statement.is_import:
            return all(
                self._is_harmless_import(module, one, rest, is_base)
                for one in statement.imports
                if one.binds == head
            )
        if rest or not self.only_binds(module, index):
            return False
        body = statement.body_calls
        if is_base or body is None:
            return is_base
        key = (module, -1 - index)  # of the function's body
        if key not in self._known:
            self._known[key] = True
            self._known[key] = all(self._is_harmless(module, call) for call in body)
        return self._known[key]

    def _is_harmless_import(self, module: str, one: Import, rest: str, is_base: bool) -> bool:
        target = absolute(module, one.module)
        full = ".".join(part for part in (target, one.name, rest) if part)
        top = target.partition(".")[0]
        if top == "harness":
            return full.rpartition(".")[2] not in _ACTING_OF_HARNESS
        if is_library(top):
            return full.startswith(_HARMLESS)
        marked = f"<{one.name}" if is_base else one.name
        return bool(one.name) and not rest and self._is_harmless(target, marked)

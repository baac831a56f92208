"""Callables named as text, so that a plugin can register heavy code without importing it."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.machinery
import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.errors import PluginError, UsageError

Reference = str | Callable[..., Any]


def resolve(reference: Reference) -> Callable[..., Any]:
    """Import what a "package.module:function" reference names; a callable is returned as it is."""
    if not isinstance(reference, str):
        return reference
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"{reference!r} is not of the form 'package.module:function'")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise PluginError(f"module {module_name!r} has no {attribute!r}") from None
    if not callable(found):
        raise PluginError(f"{reference!r} is a {type(found).__name__}, which cannot be called")
    return found  # type: ignore[no-any-return]


def module_name(reference: Reference) -> str:
    """Return the name of the module in which a reference is defined."""
    if isinstance(reference, str):
        return reference.partition(":")[0]
    while isinstance(reference, functools.partial):
        reference = reference.func
    return getattr(reference, "__module__", "") or ""


def call(reference: Reference, /, **available: Any) -> Any:
    """Call a reference with those of the `available` values that its parameters name.

    As with pytest's fixtures, a function asks for a value by naming a parameter after it.

    Raises:
        PluginError: A parameter without a default has a name that is not available.
    """
    function = resolve(reference)
    parameters = inspect.signature(function).parameters.values()
    wanted = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in available:
            wanted[parameter.name] = available[parameter.name]
        elif parameter.default is parameter.empty:
            name = getattr(function, "__qualname__", repr(function))
            raise PluginError(
                f"{module_name(function)}:{name} asks for a parameter {parameter.name!r}; "
                f"available: {', '.join(sorted(available))}"
            )
    return function(**wanted)


@lru_cache(maxsize=4096)
def find_source(name: str) -> Path | None:
    """Return the source file of a module without importing it or its parents; None if it has none.

    A module that is already imported (a plugin loaded from a file) answers for itself.
    """
    origin = _find_origin(name)
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def _find_origin(name: str) -> str | None:
    """Return the file that a module is loaded from: source or compiled."""
    origin = getattr(sys.modules.get(name), "__file__", None)
    if origin:
        return str(origin)
    path: list[str] | None = None
    spec = None
    parts = name.split(".")
    for depth in range(len(parts)):
        try:
            spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: depth + 1]), path)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    return None if spec is None else spec.origin


def check_exists(reference: str) -> None:
    """Check, without importing anything, that a "package.module:name" can be meant.

    Raises:
        UsageError: There is no such module, or it defines no such name at its top level.
    """
    module, _, attribute = reference.partition(":")
    source = find_source(module)
    if source is None:
        if _find_origin(module) is not None:
            return  # compiled: what it defines shows when it is imported
        raise UsageError(
            f"no module {module!r} for {reference!r}; it must be importable from here "
            f"(the current folder counts) as 'package.module:name'"
        )
    name = attribute.split(".")[0]
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UsageError(f"{source}:{error.lineno}: syntax error: {error.msg}") from None
    defined: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defined.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
    if name not in defined and "*" not in defined:
        from harness.errors import nearest

        raise UsageError(f"module {module!r} defines no {name!r}{nearest(name, defined)}")

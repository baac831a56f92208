"""Callables named as text, so that a plugin can register heavy code without importing it."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from harness.catalogue.torchvision_import import mend_torchvision
from harness.errors import PluginError

Reference = str | Callable[..., Any]


def resolve(reference: Reference) -> Callable[..., Any]:
    """Import what a "package.module:function" reference names; a callable is returned as it is.

    Raises:
        PluginError: It is no such reference, names what is not there, or its module needs a package that is not
            installed. What else a module raises while it is imported is left as it is.
    """
    if not isinstance(reference, str):
        return reference
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"{reference!r} is not of the form 'package.module:function'")
    mend_torchvision()
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise PluginError(
            f"{module_name} cannot be imported: it needs the module {error.name!r}, which is not installed here; "
            "install the package that has it, with pip for example"
        ) from error
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
    return function(**_asked(function, available))


def prepare(reference: Reference, later: str, /, **available: Any) -> Callable[..., Any]:
    """Return what is called often as a function of one value, named `later`, with those `available` that it asks for besides.

    It is looked up and looked at once, where `call` does so each time.

    Raises:
        PluginError: As `call`.
    """
    function = resolve(reference)
    asked = _asked(function, {**available, later: None})
    return functools.partial(function, **{k: v for k, v in asked.items() if k != later})


@functools.lru_cache(maxsize=1024)  # looking takes as long as changing a small image does
def _parameters(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def _asked(function: Callable[..., Any], available: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the available values that the parameters of a function name."""
    look = _parameters if isinstance(function, FunctionType) else _parameters.__wrapped__
    wanted = {}
    for parameter in look(function):
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
    return wanted

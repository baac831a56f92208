"""Classes that hold all their options in one object: `config`, of a class that they name.

The class of the configuration is the attribute `config_class` of the model's (as transformers has it), or the
annotation of its parameter `config`. It is built from its defaults, with the sizes of the data and the user's
options in their place.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.catalogue.size_names import CONFIG_NAMES
from harness.data.own_parameters import EMPTY, OwnParameter, parameters_of
from harness.errors import PluginError, UsageError, nearest


@dataclass(frozen=True)
class OwnConfig:
    """A configuration that a class wants.

    parameter: the name under which it is given. kind: its class. named: what can be set on it.
    constructor: those of them that its constructor takes; the others are set afterwards.
    """

    parameter: str
    kind: type
    named: Mapping[str, OwnParameter]
    constructor: frozenset[str]

    def build(self, values: Mapping[str, Any]) -> Any:
        """Return the configuration with these values, each formed as its parameter wants it.

        Raises:
            UsageError: It has no option of a name. PluginError: It cannot be built.
        """
        for key in values:
            if key not in self.named:
                raise UsageError(
                    f"{self.kind.__name__} has no option {key!r}{nearest(key, self.named)}"
                )
        formed = {key: self.named[key].formed(value) for key, value in values.items()}
        try:
            built = self.kind(**{k: v for k, v in formed.items() if k in self.constructor})
            for key in formed.keys() - self.constructor:
                setattr(built, key, formed[key])
        except Exception as error:
            first_line = (str(error).splitlines() or [""])[0]
            raise PluginError(
                f"{self.kind.__name__} cannot be built with {', '.join(map(str, values))}: "
                f"{type(error).__name__}: {first_line}"
            ) from error
        return built


def find_config(found: Any, named: Mapping[str, OwnParameter]) -> OwnConfig | None:
    """Return the configuration that a class or function wants; None where it wants none that is known."""
    parameter = next((name for name in CONFIG_NAMES if name in named and named[name].needed), None)
    if parameter is None:
        return None
    kind = getattr(found, "config_class", None)
    if not isinstance(kind, type):
        kind = named[parameter].annotation
    if not isinstance(kind, type) or kind.__module__ == "builtins" or kind is EMPTY:
        return None
    own, takes_any = parameters_of(kind)
    settable = {name: one for name, one in own.items() if name not in CONFIG_NAMES}
    for name, value in _attributes(kind).items():
        settable.setdefault(name, OwnParameter(name, False, EMPTY, value))
    constructor = frozenset(settable if takes_any else own)
    return OwnConfig(parameter, kind, settable, constructor)


def _attributes(kind: type) -> dict[str, Any]:
    """Return {name: value} of what a configuration of defaults has and can be set; {} where there is none.

    Names that its class has for others (transformers' `attribute_map`) and properties with a setter count.
    """
    try:
        built = kind()
    except Exception:  # it needs values: then its constructor alone says which
        return {}
    aliases = getattr(kind, "attribute_map", {})
    properties = {
        name: one
        for name, one in inspect.getmembers(kind, lambda one: isinstance(one, property))
        if one.fset is not None
    }
    plain = {n: v for n, v in vars(kind).items() if not callable(v) and not isinstance(v, property)}
    names = [*plain, *getattr(built, "__dict__", {}), *aliases, *properties]
    return {
        name: getattr(built, name)
        for name in dict.fromkeys(names)
        if not name.startswith("_") and hasattr(built, name) and not callable(getattr(built, name))
    }

"""What a class of the user's is built with: what it names of the harness's values, sizes, options, a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.in_use import names_of
from harness.catalogue.kinds import Architecture
from harness.catalogue.own_class import SETTINGS
from harness.catalogue.references import resolve
from harness.catalogue.size_names import CONFIG_NAMES
from harness.data.adapt import readings
from harness.data.own_config import OwnConfig, find_config
from harness.data.own_parameters import OwnParameter, parameters_of, spell_sequences
from harness.data.own_sizes import describe_sizes, sizes_of
from harness.data.task import Task
from harness.errors import UsageError, nearest


@dataclass(frozen=True)
class Arguments:
    """What a class is built with.

    values: by parameter, formed as it asks for them; without the configuration. sizes: those of the data among
    them that are known by another name than the harness's own. config, config_values, config_sizes: the same
    of the configuration that it wants.
    """

    named: Mapping[str, OwnParameter]
    values: dict[str, Any]
    sizes: dict[str, Any]
    config: OwnConfig | None
    config_values: dict[str, Any]
    config_sizes: dict[str, Any]


def arguments_of(chosen: Chosen, found: Any, available: Mapping[str, Any]) -> Arguments:
    """Return what a class or function is built with.

    available: the harness's own values by name, the `task` with the input that the network gets among them.

    Raises:
        UsageError: It does not take an option.
    """
    given = options_of(chosen, found)
    named, takes_any = parameters_of(found)
    has_config = any(name in given for name in CONFIG_NAMES)
    config = None if has_config else find_config(found, named)
    rest = {key: value for key, value in given.items() if key not in named}
    if rest and config is None and not takes_any:
        unknown = next(iter(rest))
        raise UsageError(f"{chosen.name} has no parameter {unknown!r}{nearest(unknown, named)}")
    seen: Task = available["task"]
    sizes = sizes_of(named, seen, list(given))
    values = {name: available[name] for name in named if name in available} | sizes
    values |= {key: named[key].formed(v) if key in named else v for key, v in given.items()}
    new = {key: value for key, value in sizes.items() if key not in available}
    if config is None:
        return Arguments(named, values, new, None, {}, {})
    of_config = sizes_of(config.named, seen, list(rest))
    values = {key: value for key, value in values.items() if key in named}
    return Arguments(named, values, new, config, of_config | rest, of_config)


def options_of(chosen: Chosen, found: Any) -> dict[str, Any]:
    """Return the options that are the class's own, not the harness's settings."""
    return {
        k: v for k, v in chosen.options.items() if k not in SETTINGS or names_parameter(found, k)
    }


def explain_failure(chosen: Chosen, seen: Task, message: str) -> str:
    """Say what of its parameters may be why a class fails, in words to append; "" for nothing.

    seen: the task with the input that it was given. message: what it raised.
    """
    found = resolve(chosen.name)
    if isinstance(found, nn.Module):
        return describe_sizes({}, seen, {}, message) + _other_ways(chosen, seen)
    made = arguments_of(chosen, found, {"task": seen})
    if made.config is not None:
        words = spell_sequences(made.config.named, made.config_values)
        words += describe_sizes(made.config.named, seen, made.config_values, message)
        return words + _other_ways(chosen, seen)
    words = spell_sequences(made.named, chosen.options)
    words += describe_sizes(made.named, seen, made.values, message)
    return words + _other_ways(chosen, seen)


def _other_ways(chosen: Chosen, seen: Task) -> str:
    """Say how else the data can be given to a class that does not say what it takes."""
    item = chosen.item
    if (
        "takes" in chosen.options
        or not isinstance(item, Architecture)
        or item.takes != names_of("modality")
    ):
        return ""
    other = " or ".join(
        f"{one.modality} {one.words}".strip() for one in readings(seen.modality).values()
    )
    return f". It is given {seen.modality} data as they are; takes= can be {other}" if other else ""


def describe_given(chosen: Chosen, seen: Task) -> list[str]:
    """Say which sizes of the data a class was given by names of its own, and from which configuration it is."""
    made = arguments_of(
        chosen, resolve(chosen.name), {**dict.fromkeys(Architecture.offers), "task": seen}
    )
    remarks = [_words(made.sizes)] if made.sizes else []
    if made.config is not None:
        remarks.append(f"Built from {made.config.kind.__name__}")
    if made.config_sizes:
        remarks.append(f"{_words(made.config_sizes)} by its configuration")
    return remarks


def _words(sizes: Mapping[str, Any]) -> str:
    return f"Given {', '.join(f'{key}={value}' for key, value in sizes.items())} of the data"


def names_parameter(found: Any, key: str) -> bool:
    """Whether a class or function has a parameter of this name."""
    return not isinstance(found, nn.Module) and key in parameters_of(found)[0]

"""What there is, for listings: plain rows."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
import types
import typing
from fnmatch import fnmatchcase
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS, PLURALS, Architecture
from harness.catalogue.own_class import SETTINGS, is_own_class, own_parameters
from harness.catalogue.size_names import ALL_SIZE_NAMES
from harness.errors import UsageError, nearest
from harness.plan.grammar import format_value
from harness.plan.names import check_kind, find_item
from harness.plan.suite import suite_folder


def list_items(
    catalogue: Catalogue, kind: str | None = None, glob: str | None = None
) -> list[dict[str, Any]]:
    """Return a row for each item: kind, name, summary, source, plugin, options.

    A family has one row, "timm/*", unless the glob opens it by its prefix. A glob may mean groups, too.

    Raises:
        UsageError: No such kind, or nothing matches.
    """
    kinds = list(KINDS) if kind is None else [check_kind(kind)]
    rows = []
    for one in kinds:
        for name, entry in catalogue.entries(one).items():
            item = entry.item
            if item.is_family and glob is not None and glob.startswith(name):
                rows += [
                    _row(item, entry.plugin, name + member, facts)
                    for member, facts in catalogue.members(item).items()
                    if fnmatchcase(name + member, glob)
                ]
            elif glob is None or any(fnmatchcase(word, glob) for word in (name, *_groups(item))):
                rows.append(_row(item, entry.plugin, name + "*" if item.is_family else name))
    if not rows:
        names = [name for one in kinds for name in catalogue.entries(one)]
        if glob is None:
            raise UsageError(f"no plugin provides {PLURALS[kinds[0]]}")
        what = kinds[0] if kind is not None else "item"
        raise UsageError(f"no {what} matches {glob!r}{nearest(glob, names)}")
    return rows


def list_suites(glob: str | None = None) -> list[dict[str, Any]]:
    """Return a row for each suite that ships: kind, name, summary.

    Raises:
        UsageError: None matches.
    """
    files = sorted(suite_folder().glob("*.toml"))
    names = [file.stem for file in files]
    found = [file for file in files if glob is None or fnmatchcase(file.stem, glob)]
    if not found:
        raise UsageError(f"no suite matches {glob!r}{nearest(glob or '', names)}")
    tables = ((file.stem, tomllib.loads(file.read_text(encoding="utf-8"))) for file in found)
    return [
        {"kind": "suite", "name": name, "summary": table["suite"].get("description", "")}
        for name, table in tables
    ]


def describe_item(catalogue: Catalogue, kind: str, name: str) -> dict[str, Any]:
    """Return all about one item or family: its fields, options with type, default and meaning.

    Raises:
        UsageError: There is no such kind or item.
    """
    singular = check_kind(kind)
    family = catalogue.entries(singular).get(name.removesuffix("*"))
    if family is not None and family.item.is_family:
        item, member = family.item, ""
    else:
        item, member = find_item(catalogue, singular, name)
    entry = catalogue.entries(singular).get(item.name)
    found = _row(item, entry.plugin if entry else "", name)
    if member:
        found["facts"] = dict(catalogue.members(item)[member])
        found["summary"] = ""  # it is the family's
    hidden = {"name", "summary", "source", "options", "members", "shows"}
    found["fields"] = {
        key: _plain(value)
        for key, value in vars(item).items()
        if key not in hidden and value not in ((), None, "", {}) and not callable(value)
    }
    found["options"] = own_options(item) if is_own_class(item) else _options(item)
    found["options_known"] = not is_own_class(item) or own_parameters(item) is not None
    return found


def own_options(item: Item) -> list[dict[str, Any]]:
    """Return the options of a class of the user's: its parameters that the harness gives no value to, then `SETTINGS`."""
    given = {*Architecture.offers, *ALL_SIZE_NAMES}
    rows = []
    for one in own_parameters(item) or ():
        if one.name in given and not one.default:
            continue
        rows.append(
            {
                "name": one.name,
                "type": one.annotation or "any",
                "default": one.default or None,
                "required": not (one.default or one.config),
                "meaning": f"of {one.config}" if one.config else "",
                "written": one.default.strip("'\""),
            }
        )
    return rows + [
        {
            "name": name,
            "type": kind,
            "default": None,
            "required": False,
            "meaning": meaning,
            "written": "",
        }
        for name, (kind, meaning) in SETTINGS.items()
        if name not in {row["name"] for row in rows}
    ]


def _groups(item: Item) -> tuple[str, ...]:
    """Return the words that stand for an item and others."""
    return getattr(item, "groups", ())


def _plain(value: Any) -> Any:
    """Return a field as JSON can hold it: of what has a name or a title, such as an axis, that."""
    if isinstance(value, tuple):
        return tuple(_plain(one) for one in value)
    if dataclasses.is_dataclass(value):
        return getattr(value, "name", "") or getattr(value, "title", "") or type(value).__name__
    return value


def _row(item: Item, plugin: str, name: str, facts: Any = None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": item.kind,
        "name": name,
        "summary": "" if facts is not None else item.summary,
        "source": item.source,
        "plugin": plugin,
    }
    if _groups(item):
        row["groups"] = list(_groups(item))
    if facts is not None:
        row["facts"] = dict(facts)
    return row


def _options(item: Item) -> list[dict[str, Any]]:
    if item.options is None:
        return []
    return [
        {
            "name": name,
            "type": _type_words(field.annotation),
            "default": None
            if field.is_required()
            else field.get_default(call_default_factory=True),
            "required": field.is_required(),
            "meaning": field.description or "",
            "written": _written(field.get_default(call_default_factory=True)),
        }
        for name, field in item.options.model_fields.items()
    ]


def _written(default: Any) -> str:
    """Write a default as a name would; "" where there is none that can be written."""
    if default is None or type(default).__name__ == "PydanticUndefinedType":
        return ""
    return format_value(default)


def _type_words(annotation: Any) -> str:
    """Say what an option takes: "int or none", "one of relu, gelu", "list of float or str"."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type_words(arguments[0])
    if origin is typing.Literal:
        return "one of " + ", ".join(format_value(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_type_words, arguments)))
    if origin in (tuple, list):
        inner = [argument for argument in arguments if argument is not Ellipsis]
        return "list of " + " or ".join(dict.fromkeys(map(_type_words, inner)))
    if annotation in (None, types.NoneType):
        return "none"
    return inspect.formatannotation(annotation).replace("typing.", "")

"""The grammar of item names, the same in TOML and on the command line.

    name      = base [ ":" option { "," option } ]
    base      = plain | family "/" member | module ":" attribute       may contain * ? [...]
    option    = key "=" value
    value     = true | false | None | number | "quoted" | bare | "[" [ value { "," value } ] "]"

A colon starts the options where what follows it looks like `key=`; so `my_package.module:Net:width=4`
is the class `Net` with an option. Its options are its own parameters, and `takes`, see `own_class`.

Where an option's type is no sequence, as no parameter of a class of the user's is known to be, a list is an
axis: `dims=[16,32]` are two models. One value that is a list is an axis of one: `dims=[[16,32]]`, and
`dims=[[]]` an empty one; `dims=[[16,32],[8]]` are two models with a list each. TOML has no null, so there
"None" stands for it, as a bare None does in a name. Inside brackets and quotes commas do not separate options, so a list
may hold names with options if they are quoted: ``attacks=["pgd:steps=20,restarts=2",fgsm]``. Inside
quotes a backslash stands before a quote or a backslash.

What a suite compares may be called by a word of the suite's own: ``mlp:depth=8,as=deep``. As Python keeps that word for
itself, no option of an item or of a class has its name.

Where an option's type is a table, a list holds its entries: ``prior=[cat=0.9,dog=0.1]``, or quoted ``["red fox=1"]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import UsageError

_KEY = re.compile(r"\s*[A-Za-z_]\w*\s*=")
_INTEGER = re.compile(r"[+-]?\d{1,300}")
_FLOAT = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")
_TOKEN = re.compile(r"""\"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\[\],"']|[^\[\],"']+""")
_ESCAPED = re.compile(r"""\\(["'\\])""")
_WORDS = {"true": True, "false": False, "None": None}
_BARE = re.compile(r"[\w./*?+:-]+")


@dataclass(frozen=True)
class ParsedName:
    """A name as written: its base, and its options before they are validated."""

    base: str
    options: dict[str, Any] = field(default_factory=dict)


def parse_name(text: str) -> ParsedName:
    """Read a name such as ``mlp:depth=8,activation=tanh``.

    Raises:
        UsageError: The text does not follow the grammar.
    """
    text = text.strip()
    if not text:
        raise UsageError("a name is empty")
    for position, character in enumerate(text):
        if character == ":" and _KEY.match(text, position + 1):
            return ParsedName(text[:position].rstrip(), _parse_options(text, text[position + 1 :]))
    if text.endswith(":"):
        raise UsageError(f"{text!r} ends in ':' without options; write name:key=value")
    return ParsedName(text)


def _parse_options(text: str, options: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in _split(text, options):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            several = f"; several values are written {list(found)[-1]}=[a,b]" if found else ""
            raise UsageError(f"in {text!r}, {part!r} is not of the form key=value{several}")
        if key in found:
            raise UsageError(f"in {text!r}, the option {key!r} is given twice")
        found[key] = parse_value(text, value.strip())
    return found


def _split(text: str, options: str) -> list[str]:
    """Split at commas that stand outside brackets and quotes."""
    parts, depth = [""], 0
    for token in _TOKEN.findall(options):
        depth += {"[": 1, "]": -1}.get(token, 0)
        if depth < 0 or token in "\"'":
            break
        if token == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    else:
        if depth == 0:
            return parts
    raise UsageError(f"in {text!r}, a bracket or quote is not closed, or closed without being open")


def parse_value(text: str, value: str) -> Any:
    """Read the value of an option, which is written in `text`.

    Raises:
        UsageError: The value does not follow the grammar.
    """
    if value.startswith("["):
        if not value.endswith("]"):
            raise UsageError(f"in {text!r}, {value!r} does not end in ']'")
        inner = value[1:-1].strip()
        return [parse_value(text, part.strip()) for part in _split(text, inner)] if inner else []
    if len(value) >= 2 and value[0] in "\"'" and value[-1] == value[0]:
        return _ESCAPED.sub(r"\1", value[1:-1])
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.fullmatch(value):
        return int(value)
    if _FLOAT.fullmatch(value):
        return float(value)
    if not value:
        raise UsageError(f"in {text!r}, an option has no value")
    return value


def parse_table(entries: Sequence[Any]) -> dict[str, Any]:
    """Read entries such as ``cat=0.9``; a key may hold "=" itself.

    Raises:
        UsageError: One is not of the form key=value, or a key is there twice.
    """
    found: dict[str, Any] = {}
    for entry in entries:
        key, equals, value = (part.strip() for part in str(entry).rpartition("="))
        if not equals or not key:
            raise UsageError(f"a list of key=value is allowed; got {entry!r} in it")
        if key in found:
            raise UsageError(f"{key!r} is given twice")
        found[key] = parse_value(str(entry), value)
    return found


def format_value(value: Any) -> str:
    """Write an option's value so that `parse_name` reads the same one back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or value is None:
        return str(value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(format_value(part) for part in value) + "]"
    if isinstance(value, Mapping):
        entries = ((str(key), format_value(part)) for key, part in value.items())
        return "[" + ",".join(_entry(key, part) for key, part in entries) + "]"
    if isinstance(value, str) and _BARE.fullmatch(value) and parse_value("", value) == value:
        return value
    return _quoted(value)


def _entry(key: str, value: str) -> str:
    entry = f"{key}={value}"
    return entry if _BARE.fullmatch(key) and _BARE.fullmatch(value) else _quoted(entry)


def _quoted(value: Any) -> str:
    quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def format_name(base: str, options: Mapping[str, Any]) -> str:
    """Write a name with its options."""
    if not options:
        return base
    return base + ":" + ",".join(f"{key}={format_value(options[key])}" for key in options)

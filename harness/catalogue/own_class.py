"""A class of the user's own, ``package.module:Net``, as an architecture: no plugin is needed.

What it takes is said by the class itself (``takes = ("image",)`` in its body, which is read without
importing it) or where it is named (``package.module:Net:takes=image``), which wins.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.catalogue.kinds import MODALITIES, Architecture, Item
from harness.catalogue.modules import find_origin, find_source
from harness.errors import UsageError, nearest


def own_class(reference: str) -> Architecture:
    """Return the architecture that a "package.module:Class" means; it may not yet say what it takes.

    Raises:
        UsageError: There is no such module or class, or the class says nonsense of what it takes.
    """
    said = _said_by_class(_body_of(reference), reference)
    takes = () if said is None else _checked(reference, said)
    return Architecture(
        name=reference,
        build=reference,
        takes=takes,
        summary="yours",
        source=reference.partition(":")[0],
    )


def is_own_class(item: Item) -> bool:
    """Whether an item is a class of the user's, whose options are its own parameters."""
    return isinstance(item, Architecture) and ":" in item.name


def settle_takes(item: Item, options: Mapping[str, Any]) -> Item:
    """Return a class of the user's with what it takes, as its name's option ``takes`` says or it itself.

    Raises:
        UsageError: Neither says so, or not in words that the harness knows.
    """
    assert isinstance(item, Architecture)
    if "takes" in options:
        return replace(item, takes=_checked(item.name, options["takes"]))
    if not item.takes:
        raise UsageError(
            f"{item.name!r} does not say which data it takes: write {item.name}:takes=image, or "
            f'takes = ("image",) in the body of the class; allowed: {", ".join(MODALITIES)}, '
            "or several of them"
        )
    return item


def _checked(name: str, said: Any) -> tuple[str, ...]:
    takes = (said,) if isinstance(said, str) else said
    if not isinstance(takes, list | tuple) or not takes:
        raise UsageError(
            f"{name!r}: takes is {said!r}; write one of {', '.join(MODALITIES)}, or several of them"
        )
    for word in takes:
        if word not in MODALITIES:
            raise UsageError(f"{name!r} takes {word!r}{nearest(str(word), MODALITIES)}")
    return tuple(takes)


def _body_of(reference: str) -> list[ast.stmt]:
    """Return the statements of the module that a reference names, which nothing imports for that.

    Raises:
        UsageError: There is no such module, or it defines no such name at its top level.
    """
    module, _, attribute = reference.partition(":")
    source = find_source(module)
    if source is None:
        if find_origin(module) is not None:
            return []  # compiled: what it defines shows when it is imported
        raise UsageError(
            f"no module {module!r} for {reference!r}; it must be importable from here "
            f"(the current folder counts) as 'package.module:name'"
        )
    try:
        body = ast.parse(source.read_bytes()).body
    except SyntaxError as error:
        raise UsageError(f"{source}:{error.lineno}: syntax error: {error.msg}") from None
    name = attribute.split(".")[0]
    defined = set(_defined(body))
    if name not in defined and not defined & {"*", "__getattr__"}:
        raise UsageError(f"module {module!r} defines no {name!r}{nearest(name, defined)}")
    return body


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind, wherever in them; "*" for those of another module."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _said_by_class(body: list[ast.stmt], reference: str) -> Any:
    """Return the value of ``takes`` in the body of a class, None where there is none that can be read."""
    for name in reference.partition(":")[2].split("."):
        classes = [one for one in body if isinstance(one, ast.ClassDef) and one.name == name]
        if not classes:
            return None
        body = classes[-1].body
    for statement in body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id == "takes":
                try:
                    return ast.literal_eval(statement.value)  # type: ignore[attr-defined]
                except ValueError:
                    return None
    return None

"""What can be given by name to a class or function of the user's, as its source has it; nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.catalogue.size_names import CONFIG_NAMES


@dataclass(frozen=True)
class SourceParameter:
    """A parameter in its source's words. annotation, default: "" where there is none; config: it is of a configuration."""

    name: str
    annotation: str = ""
    default: str = ""
    config: str = ""


def named_by(
    found: ast.FunctionDef | ast.ClassDef, beside: Sequence[ast.stmt]
) -> tuple[SourceParameter, ...] | None:
    """Return what can be given by name to a function or class; None where that does not show in its source.

    beside: the statements among which it is defined. A class without a constructor of its own has that of its only
    base, where that is defined there too. A configuration that it asks for brings what can be set on that.
    """
    if found.decorator_list or list(defined(beside)).count(found.name) > 1:
        return None
    if isinstance(found, ast.FunctionDef):
        return _parameters(found.args, beside)
    names = list(defined(found.body))
    if found.keywords or "__new__" in names or "config_class" in names:
        return None
    if "__init__" in names:
        made = _constructor(found)
        return None if made is None else _parameters(made, beside)
    base = found.bases[0] if len(found.bases) == 1 else None
    bases = [one for one in _classes(base, beside) if one.lineno < found.lineno]
    return named_by(bases[0], beside) if bases else None


def defined(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind, wherever in them; "*" for those of another module."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _constructor(found: ast.ClassDef) -> ast.arguments | None:
    """Return what a plain constructor takes, without the object itself; None where it is none."""
    made = [one for one in found.body if getattr(one, "name", None) == "__init__"]
    if len(made) != 1 or not isinstance(made[0], ast.FunctionDef) or made[0].decorator_list:
        return None
    taken = made[0].args
    return ast.arguments(
        posonlyargs=taken.posonlyargs[1:],
        args=taken.args if taken.posonlyargs else taken.args[1:],
        vararg=taken.vararg,
        kwonlyargs=taken.kwonlyargs,
        kw_defaults=taken.kw_defaults,
        kwarg=taken.kwarg,
        defaults=taken.defaults,
    )


def _classes(named: ast.expr | None, beside: Sequence[ast.stmt]) -> list[ast.ClassDef]:
    """Return the classes beside that an expression names."""
    name = named.id if isinstance(named, ast.Name) else None
    return [one for one in beside if isinstance(one, ast.ClassDef) and one.name == name]


def _parameters(
    arguments: ast.arguments, beside: Sequence[ast.stmt]
) -> tuple[SourceParameter, ...] | None:
    """Return the parameters that can be given by name; None where others can be, too."""
    if arguments.kwarg is not None:
        return None
    every = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(every) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = list(zip(every, defaults, strict=True))[len(arguments.posonlyargs) :]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found = [SourceParameter(one.arg, _text(one.annotation), _text(value)) for one, value in pairs]
    for one, value in pairs:
        if one.arg not in CONFIG_NAMES:
            continue
        settable = _settable(one.annotation, beside) if value is None else None
        if settable is None:
            return None
        found = [parameter for parameter in found if parameter.name != one.arg]
        known = {parameter.name for parameter in found} | {one.arg}
        found += [parameter for parameter in settable if parameter.name not in known]
        found.append(SourceParameter(one.arg, _text(one.annotation), "its defaults"))
    return tuple(found)


def _settable(
    annotation: ast.expr | None, beside: Sequence[ast.stmt]
) -> list[SourceParameter] | None:
    """Return what can be set on a configuration that is defined beside; None where that does not show."""
    classes = _classes(annotation, beside)
    if len(classes) != 1 or classes[0].bases or classes[0].keywords:
        return None
    (kind,) = classes
    decorators = {
        ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in kind.decorator_list
    }
    if not decorators <= {"dataclass", "dataclasses.dataclass"}:
        return None
    found = {
        one.target.id: SourceParameter(
            one.target.id, _text(one.annotation), _text(one.value), kind.name
        )
        for one in kind.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    if "__init__" in list(defined(kind.body)):
        made = _constructor(kind)
        own = None if made is None else _parameters(made, beside)
        if own is None:
            return None
        found |= {
            one.name: SourceParameter(one.name, one.annotation, one.default, kind.name)
            for one in own
        }
    for name in (*_attributes(kind), *defined(kind.body)):
        found.setdefault(name, SourceParameter(name, config=kind.name))
    return [one for name, one in found.items() if not name.startswith("_")]


def _attributes(kind: ast.ClassDef) -> Iterator[str]:
    """Yield the names of what methods of a class set on the object itself."""
    for node in ast.walk(kind):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _text(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node)

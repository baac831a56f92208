"""What is called, derived from or changed where a statement is executed, as names.

A call is a dotted name; "<" before it means that a class is derived from it; ".=" behind it, that an
attribute or element of it is changed; "" is a literal's own method, "?" has no name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_UNKNOWN = "?"


def calls_of_definition(node: ast.stmt) -> Iterator[str]:
    """Yield what is called when a statement is executed, without the bodies of functions in it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, FUNCTIONS):
            yield from map(_name_of, one.decorator_list)
            waiting += [
                *one.decorator_list,
                *one.args.defaults,
                *filter(None, one.args.kw_defaults),
            ]
            continue
        if isinstance(one, ast.Lambda):
            waiting += [*one.args.defaults, *filter(None, one.args.kw_defaults)]
            continue
        if isinstance(one, ast.ClassDef):
            yield from map(_name_of, one.decorator_list)
            yield from (f"<{_name_of(base)}" for base in one.bases)
            yield from (_name_of(k.value) for k in one.keywords if k.arg in ("metaclass", None))
            if any(isinstance(s, FUNCTIONS) and s.name == "__init_subclass__" for s in one.body):
                yield _UNKNOWN  # what is derived from it is not only defined
        elif isinstance(one, ast.Call):
            yield _name_of(one.func)
        elif _is_changed(one):
            yield _root_of(one)
        waiting += ast.iter_child_nodes(one)


def calls_of_body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield what a function calls or changes when it is called."""
    for one in (inner for statement in node.body for inner in ast.walk(statement)):
        if isinstance(one, ast.Call):
            yield _name_of(one.func)
        elif isinstance(one, ast.Global):
            yield _UNKNOWN
        elif _is_changed(one):
            yield _root_of(one)


def _name_of(node: ast.expr) -> str:
    """Return the dotted name of what is called; "" for a method of a literal, "?" where it has none."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    inner = node
    while isinstance(inner, ast.Attribute):
        inner = inner.value
    if isinstance(inner, ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Tuple | ast.Set):
        return ""
    return dotted_name(node) or _UNKNOWN


def _is_changed(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)


def _root_of(node: ast.AST) -> str:
    """Return the name whose attribute or element is changed."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return f"{node.id}.=" if isinstance(node, ast.Name) else _UNKNOWN


def dotted_name(node: ast.expr) -> str:
    """Return ``a.b.c`` of names and attributes; "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])

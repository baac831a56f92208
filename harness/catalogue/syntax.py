"""What a module's source says, statement by statement, without comments, docstrings and positions.

A module is cut into its top-level statements. Of each it is kept what names it binds, what names it
uses, what it imports, a digest of its syntax tree, and what is called where it is executed; so that
`reach` can follow from one definition to those that it needs, and leave out the others. Nothing is
imported or run.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.catalogue.syntax_calls import (
    FUNCTIONS,
    calls_of_body,
    calls_of_definition,
    dotted_name,
)

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SKIPPED = {"type_comment", "type_ignores", "kind", "ctx"}
DYNAMIC = ("__import__", "__subclasses__", "eval", "exec", "globals", "locals", "vars")
"""What reads names that no syntax tree shows."""


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import binds.

    binds: the name; "*" for all of a module's, "" where none is bound. module: as written, with
    leading dots where it is relative. name: what is taken from the module; "" for the module itself.
    """

    binds: str
    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A top-level statement of a module.

    binds: the names that it gives a value in the module. uses: dotted names that it reads anywhere
    in it, texts that may be names too. imports: those in it, and in functions in it.
    digest: of its syntax tree. is_import: it is an import and nothing else.
    inert: executing it binds names and does nothing else, provided that what it `calls` does nothing
    else. body_calls: what is called when its function is; None where it is no function. Calls are
    written as `syntax_calls` says.
    """

    binds: tuple[str, ...]
    uses: tuple[str, ...]
    imports: tuple[Import, ...]
    digest: str
    is_import: bool
    inert: bool
    calls: tuple[str, ...]
    body_calls: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Syntax:
    """The statements of a module. error: why it cannot be read; then `digest` alone says what it is."""

    statements: tuple[Statement, ...]
    digest: str
    error: str = ""

    def to_json(self) -> list[Any]:
        """Return plain JSON values, the inverse of `from_json`."""
        rows = [
            [
                one.binds,
                one.uses,
                [[i.binds, i.module, i.name] for i in one.imports],
                one.digest,
                one.is_import,
                one.inert,
                one.calls,
                one.body_calls,
            ]
            for one in self.statements
        ]
        return [rows, self.digest, self.error]

    @classmethod
    def from_json(cls, values: Sequence[Any]) -> Syntax:
        """Read what `to_json` returned."""
        rows, digest, error = values
        statements = tuple(
            Statement(
                tuple(binds),
                tuple(uses),
                tuple(Import(*one) for one in imports),
                mark,
                is_import,
                inert,
                tuple(calls),
                None if body is None else tuple(body),
            )
            for binds, uses, imports, mark, is_import, inert, calls, body in rows
        )
        return cls(statements, digest, error)


def read_syntax(source: bytes) -> Syntax:
    """Return what a source says; one with a syntax error is known by its bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another's source, and said when it is imported
            tree = ast.parse(source)
        statements = _statements(tree, keeps_docstrings=b"__doc__" in source)
    except SyntaxError as error:
        return _unread(source, f"line {error.lineno}: syntax error: {error.msg}")
    except (ValueError, RecursionError) as error:
        return _unread(source, str(error))
    whole = hashlib.sha256("".join(one.digest for one in statements).encode()).hexdigest()
    return Syntax(statements, whole)


def _unread(source: bytes, error: str) -> Syntax:
    return Syntax((), hashlib.sha256(source).hexdigest(), error)


def _statements(tree: ast.Module, *, keeps_docstrings: bool) -> tuple[Statement, ...]:
    nodes = list(_executed(_body(tree.body, keeps_docstrings)))
    known = {name for node in nodes for name in _bound(node)} | set(DYNAMIC)
    return tuple(_statement(node, known, keeps_docstrings) for node in nodes)


def _executed(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that an import executes; not those for type checkers or for a script."""
    for node in body:
        if isinstance(node, ast.If) and _is_never(node.test):
            yield from _executed(node.orelse)
        elif not (isinstance(node, ast.Pass) or _is_constant(node)):
            yield node


def _is_never(test: ast.expr) -> bool:
    return ast.unparse(test) in (
        "TYPE_CHECKING",
        "typing.TYPE_CHECKING",
        "__name__ == '__main__'",
    )


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _body(body: Sequence[ast.stmt], keeps_docstrings: bool) -> Sequence[ast.stmt]:
    """Return a body without its docstring."""
    if body and not keeps_docstrings and _is_docstring(body[0]):
        return body[1:]
    return body


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _statement(node: ast.stmt, known: set[str], keeps_docstrings: bool) -> Statement:
    reading = _Reading(keeps_docstrings)
    reading.read(node)
    known = known | {found.binds for found in reading.imports}
    uses = (  # without the names of locals and of builtins
        name for name in reading.uses if "*" in known or _head(name) in known or ":" in name
    )
    is_import = isinstance(node, ast.Import | ast.ImportFrom)
    inert = is_import or isinstance(node, (*FUNCTIONS, ast.ClassDef)) or _assigns_names(node)
    calls, body_calls = tuple(dict.fromkeys(calls_of_definition(node))), None
    if isinstance(node, FUNCTIONS):
        body_calls = tuple(dict.fromkeys(calls_of_body(node)))
        if any(call.split(".")[-1] == "hookimpl" for call in calls):
            calls += body_calls  # the host calls it whether or not anything names it
    return Statement(
        binds=tuple(dict.fromkeys(_bound(node))),
        uses=tuple(uses),
        imports=tuple(reading.imports),
        digest=hashlib.sha256("".join(reading.text).encode("utf-8", "surrogatepass")).hexdigest(),
        is_import=is_import,
        inert=inert,
        calls=calls,
        body_calls=body_calls,
    )


def _assigns_names(node: ast.stmt) -> bool:
    """Whether a statement gives names of the module values, and changes nothing else."""
    match node:
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            targets = [target]
        case _:
            return type(node).__name__ == "TypeAlias"
    parts = [p for t in targets for p in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    return all(isinstance(part, ast.Name) for part in parts)


class _Reading:
    """One pass over a statement: its canonical text, the names that it uses, its imports."""

    def __init__(self, keeps_docstrings: bool) -> None:
        self.keeps_docstrings = keeps_docstrings
        self.text: list[str] = []
        self.uses: dict[str, None] = {}
        self.imports: list[Import] = []

    def read(self, node: Any) -> None:
        """Take in a node, a list of nodes, or a value."""
        if isinstance(node, list):
            self.text.append("[")
            for one in node:
                self.read(one)
            self.text.append("]")
        elif not isinstance(node, ast.AST):
            self.text.append(repr(node))
        elif isinstance(node, ast.Constant):
            self.text.append(f"{type(node.value).__name__} {node.value!r};")
            self.note_text(node.value)
        else:
            self.read_node(node)

    def read_node(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self.uses.setdefault(node.id)
        elif isinstance(node, ast.Attribute):
            self.uses.setdefault(dotted_name(node))
            if node.attr == "__subclasses__":
                self.uses.setdefault(node.attr)
        elif isinstance(node, ast.Global):
            self.uses.update(dict.fromkeys(node.names))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.imports += _imports(node)
        self.text.append(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None or value == [] or name in _SKIPPED:
                continue
            if name == "body" and isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                value = list(_body(value, self.keeps_docstrings))
            self.text.append(f"{name}=")
            if isinstance(node, ast.Attribute) and name == "value" and dotted_name(node):
                self.text.append(dotted_name(node))  # its parts are no uses of their own
            else:
                self.read(value)
        self.text.append(")")

    def note_text(self, value: object) -> None:
        """Keep a text that may name a definition: a forward reference, or "package.module:name"."""
        if isinstance(value, str) and (value.isidentifier() or _REFERENCE.fullmatch(value)):
            self.uses.setdefault(value)


def _head(dotted: str) -> str:
    return dotted.partition(".")[0]


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield Import(alias.asname, alias.name, "")
            else:
                yield Import(alias.name.partition(".")[0], alias.name.partition(".")[0], "")
                if "." in alias.name:
                    yield Import("", alias.name, "")
    else:
        base = "." * node.level + (node.module or "")
        for alias in node.names:
            yield Import(alias.asname or alias.name, base, alias.name)


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds in its module."""
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            yield one.name
            continue
        if isinstance(one, ast.Lambda):
            continue
        if isinstance(one, ast.Import | ast.ImportFrom):
            yield from (found.binds for found in _imports(one) if found.binds)
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store | ast.Del):
            yield one.id
        elif isinstance(one, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and one.name:
            yield one.name
        waiting += ast.iter_child_nodes(one)

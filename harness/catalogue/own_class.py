"""A class of the user's own, ``package.module:Net``, as an architecture: no plugin is needed.

What it takes is said by the class itself (``takes = ("image",)`` in its body, which is read without
importing it) or where it is named (``package.module:Net:takes=image``), which wins. It may say too which
files it reads that no run can notice, ``files = ("weights.h5",)``, from the folder of its source.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.catalogue.in_use import names_of
from harness.catalogue.item import Item
from harness.catalogue.kinds import Architecture
from harness.catalogue.modules import find_origin, find_source
from harness.catalogue.own_signature import SourceParameter, defined, named_by
from harness.catalogue.size_names import ALL_SIZE_NAMES, CONFIG_NAMES
from harness.errors import UsageError, nearest

SETTINGS = {
    "takes": (
        "one or several modalities",
        "the data that it is given as they are",
    ),
    "resize": ("int", "pixels a side to which its images are brought"),
    "input_range": ("text", 'the values that it expects, such as "0..255"'),
    "auxiliary": ("float", "the weight of the loss of each auxiliary head"),
}
"""{name: (type, meaning)} of the options of a class of the user's that are the harness's own, unless it has parameters of
these names.
"""


@dataclass(frozen=True)
class _Said:
    """What the source of a class says. takes, files: the values of these in its body; None: nothing.

    asks: the parameters without a default of its constructor (or of a function), where it has its own.
    named: all that can be given to it by name; None where its source does not say that.
    """

    takes: Any = None
    files: Any = None
    asks: tuple[str, ...] = ()
    named: tuple[SourceParameter, ...] | None = None


def own_class(reference: str) -> Architecture:
    """Return the architecture that a "package.module:Class" means; it may not yet say what it takes.

    Raises:
        UsageError: There is no such module or class, or the class says nonsense of itself.
    """
    said = _said_by(reference)
    return Architecture(
        name=reference,
        build=reference,
        takes=() if said.takes is None else _checked(reference, said.takes),
        files=None if said.files is None else _files_of(reference, said.files),
        summary="yours",
        source=reference.partition(":")[0],
    )


def check_parameters(item: Item, options: Mapping[str, Any]) -> None:
    """Check that a class of the user's asks for nothing that it is not given, before anything is imported.

    Raises:
        UsageError: A parameter of its constructor has no default, and neither an option nor the harness
            gives it a value.
    """
    given = {*Architecture.offers, *ALL_SIZE_NAMES, *options}
    missing = [name for name in _said_by(item.name).asks if name not in given]
    if missing:
        raise UsageError(
            f"{item.name} asks for {', '.join(map(repr, missing))}, which nothing gives it: write "
            f"{item.name}:{missing[0]}=..., or give it a default; the harness gives "
            f"{', '.join(Architecture.offers)}, "
            "and sizes by names such as image_size or in_chans"
        )


def own_parameters(item: Item) -> tuple[SourceParameter, ...] | None:
    """Return what can be given by name to a class of the user's; None where its source does not tell."""
    return _said_by(item.name).named


def unknown_options(item: Item, options: Iterable[str]) -> dict[str, str]:
    """Return {option: sentence} of what a class of the user's surely does not take; nothing is imported.

    What its source does not tell (``**kwargs``, a decorator, a constructor or a configuration from elsewhere) is judged
    when it is built.
    """
    parameters = own_parameters(item)
    if parameters is None:
        return {}
    named = [one.name for one in parameters]
    return {
        key: f"{item.name} has no parameter {key!r}{nearest(key, named)}"
        for key in options
        if key not in named and key not in SETTINGS
    }


def is_own_class(item: Item) -> bool:
    """Whether an item is a class of the user's, whose options are its own parameters."""
    return isinstance(item, Architecture) and ":" in item.name


def settle_takes(item: Item, options: Mapping[str, Any]) -> Item:
    """Return a class of the user's with what it takes, as its name's option ``takes`` says or it itself.

    Where neither says so it is given the data as they are.

    Raises:
        UsageError: They say it in words that the harness does not know.
    """
    assert isinstance(item, Architecture)
    if "takes" in options:
        return replace(item, takes=_checked(item.name, options["takes"]))
    return item if item.takes else replace(item, takes=names_of("modality"))


def _checked(name: str, said: Any) -> tuple[str, ...]:
    takes, known = (said,) if isinstance(said, str) else said, names_of("modality")
    if not isinstance(takes, list | tuple) or not takes:
        raise UsageError(
            f"{name!r}: takes is {said!r}; write one of {', '.join(known)}, or several of them"
        )
    for word in takes:
        if word not in known:
            raise UsageError(f"{name!r} takes {word!r}{nearest(str(word), known)}")
    return tuple(takes)


def _files_of(name: str, said: Any) -> Callable[[], list[str]]:
    """Return what names the files that a class says it reads, from the folder of its source."""
    files = [said] if isinstance(said, str) else said
    if not isinstance(files, list | tuple) or not all(isinstance(file, str) for file in files):
        raise UsageError(f"{name!r}: files is {said!r}; write the paths of the files that it reads")
    source = find_source(name.partition(":")[0])
    assert source is not None
    return lambda: [str(source.parent / os.path.expanduser(file)) for file in files]


def _said_by(reference: str) -> _Said:
    """Read what a class says, in its module's source; nothing is imported.

    Raises:
        UsageError: There is no such module, or it defines no such name at its top level.
    """
    module = reference.partition(":")[0]
    source = find_source(module)
    if source is None:
        if find_origin(module) is not None:
            return _Said()  # compiled: what it defines shows when it is imported
        meant = _module_of_file(module)
        hint = f"; did you mean {reference.replace(module, meant, 1)!r}?" if meant else ""
        raise UsageError(
            f"no module {module!r} for {reference!r}; install the package that has it, or write one that can be "
            f"imported from here (the current folder counts) as 'package.module:name'{hint}"
        )
    status = source.stat()
    return _read(reference, source, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))


def _module_of_file(path: str) -> str:
    """Return the module that a path such as "nets/mynet.py" is, where it can be imported; "" else."""
    if not path.endswith(".py"):
        return ""
    parts = Path(path.removesuffix(".py")).parts
    name = ".".join(parts)
    return name if all(map(str.isidentifier, parts)) and find_source(name) is not None else ""


@lru_cache(maxsize=256)
def _read(reference: str, source: Path, mark: tuple[int, ...]) -> _Said:
    module, _, attribute = reference.partition(":")
    try:
        top = body = ast.parse(source.read_bytes()).body
    except SyntaxError as error:
        raise UsageError(f"{source}:{error.lineno}: syntax error: {error.msg}") from None
    first, *inner = attribute.split(".")
    names = set(defined(body))
    if first not in names and not names & {"*", "__getattr__"}:
        raise UsageError(f"module {module!r} defines no {first!r}{nearest(first, names)}")
    for name in (first, *inner):
        beside = body
        found = [one for one in body if getattr(one, "name", None) == name]
        last = found[-1] if found else None
        if isinstance(last, ast.FunctionDef) and name == attribute:
            return _Said(asks=_asks(last), named=named_by(last, beside))
        if not isinstance(last, ast.ClassDef):
            return _Said()
        body, bases, owner = last.body, last.bases, last
    constructors = [
        one
        for one in body
        if isinstance(one, ast.FunctionDef) and one.name in ("__init__", "__new__")
    ]
    asks = _asks(constructors[0])[1:] if len(constructors) == 1 else ()
    if _may_inherit_config(bases) or "config_class" in set(defined(body)):
        asks = tuple(name for name in asks if name not in CONFIG_NAMES)
    takes, files = (_inherited(owner, name, top) for name in ("takes", "files"))
    return _Said(takes, files, asks, named_by(owner, beside))


def _asks(function: ast.FunctionDef) -> tuple[str, ...]:
    """Return the parameters of a function that have no default; none where a decorator may change them.

    A configuration whose class is annotated is built from its defaults.
    """
    if function.decorator_list:
        return ()
    arguments = function.args
    by_place = [*arguments.posonlyargs, *arguments.args]
    needed = by_place[: len(by_place) - len(arguments.defaults)]
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    needed += [argument for argument, default in by_name if default is None]
    return tuple(
        argument.arg
        for argument in needed
        if argument.arg not in CONFIG_NAMES or argument.annotation is None
    )


def _may_inherit_config(bases: list[ast.expr]) -> bool:
    """Whether a class has a base, other than torch's, that may say the class of its configuration."""
    return any(ast.unparse(base).rpartition(".")[2] not in ("Module", "object") for base in bases)


def _inherited(owner: ast.ClassDef, name: str, top: list[ast.stmt], among: int = 20) -> Any:
    """Return the value that a class gives a name, or a base of it in its module does. among: how many classes are looked at."""
    if name in set(defined(owner.body)) or not among:
        return _literal(owner.body, name)
    for base in owner.bases:
        known = isinstance(base, ast.Name) and base.id != owner.name
        for one in reversed(top if known else ()):
            if isinstance(one, ast.ClassDef) and one.name == ast.unparse(base):
                if (value := _inherited(one, name, top, among - 1)) is not None:
                    return value
                break
    return None


def _literal(body: list[ast.stmt], name: str) -> Any:
    """Return the value that a class gives a name; None where there is none that can be read."""
    for statement in body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets = [statement.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name:
                try:
                    return ast.literal_eval(statement.value)  # type: ignore[attr-defined]
                except ValueError:
                    return None
    return None

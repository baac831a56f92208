"""From names as they are written (see `grammar`) to items of the catalogue with their options."""

from __future__ import annotations

import itertools
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.catalogue.catalogue import Catalogue, is_glob
from harness.catalogue.chosen import Chosen
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS, PLURALS
from harness.catalogue.own_class import (
    check_parameters,
    is_own_class,
    own_class,
    settle_takes,
    unknown_options,
)
from harness.errors import UsageError, nearest
from harness.plan.grammar import ParsedName, format_name, parse_name, parse_table
from harness.plan.labels import AS, call_otherwise
from harness.plan.references import marked, references
from harness.plan.sentences import explain, show


class OptionsError(UsageError):
    """Options that an item does not have, or values that they do not take."""

    def __init__(self, details: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        """Take (path of the option, what is wrong) for each problem."""
        self.details = tuple(details)
        super().__init__("; ".join(message for _, message in details))


def choose(
    catalogue: Catalogue,
    kind: str,
    written: str | Mapping[str, Any],
    called: Mapping[str, str] | None = None,
) -> list[Chosen]:
    """Return what a name, a glob or a table {name = ..., option = ...} of a suite means.

    A list of values for an option whose own type is no sequence is an axis: one item for each.

    called: the names behind the words by which a suite calls architectures; options may name them so.

    Raises:
        UsageError: No such item, an option that it does not have, or a value that is not allowed.
    """
    parsed = _parsed(kind, written)
    options = dict(parsed.options)
    label = options.pop(AS, None)
    if is_glob(parsed.base):
        bases = catalogue.match(kind, parsed.base)
        if not bases:
            names = list(catalogue.entries(kind))
            raise UsageError(f"no {kind} matches {parsed.base!r}{nearest(parsed.base, names)}")
    else:
        bases = [parsed.base]
    found = [
        chosen
        for base in bases
        for chosen in _choose_one(catalogue, kind, base, options, called or {})
    ]
    return found if label is None else [call_otherwise(catalogue, kind, label, found)]


def choose_one(catalogue: Catalogue, kind: str, written: str | Mapping[str, Any]) -> Chosen:
    """Like `choose`, where only one item makes sense."""
    found = choose(catalogue, kind, written)
    if len(found) != 1:
        raise UsageError(f"{show(written)} means {len(found)} {PLURALS[kind]}; give one")
    if found[0].behind:
        raise UsageError(
            f"{AS} = {show(found[0].label)}: a label is given where a suite lists what it compares; write {found[0].behind}"
        )
    return found[0]


def _parsed(kind: str, written: str | Mapping[str, Any]) -> ParsedName:
    if isinstance(written, str):
        return parse_name(written)
    if not isinstance(written, Mapping):
        raise UsageError(
            f'a name such as "name:option=value" or a table {{name = "...", option = ...}} is '
            f"allowed; got {show(written)}"
        )
    table = dict(written)
    name = table.pop("name", None)
    if not isinstance(name, str):
        got = f"name = {show(name)}" if name is not None else f"{show(dict(written))} without one"
        raise UsageError(f'a table for {_a(kind)} needs name = "..."; got {got}')
    parsed = parse_name(name)
    options = {key: _with_none(value) for key, value in table.items()}
    return ParsedName(parsed.base, {**parsed.options, **options})


def _with_none(value: Any) -> Any:
    """Return a value of a table with None where TOML has to write "None"."""
    if isinstance(value, list):
        return [_with_none(part) for part in value]
    return None if value == "None" else value


def _choose_one(
    catalogue: Catalogue,
    kind: str,
    base: str,
    options: Mapping[str, Any],
    called: Mapping[str, str],
) -> Iterable[Chosen]:
    item, member = find_item(catalogue, kind, base)
    options = {key: _uncalled(item, key, value, called) for key, value in options.items()}
    written, options = options, _opened(catalogue, item, _with_tables(item, base, options))
    axes = {
        key: value
        for key, value in options.items()
        if isinstance(value, list) and not takes_sequence(item, key)
    }
    for key, value in axes.items():
        if not value:
            words = f"{item.kind} {base!r}, option {key!r}: the axis has no value; got []"
            if is_own_class(item):
                words += "; one value that is an empty list is written [[]]"
            raise OptionsError([((key,), words)])
    if is_own_class(item) and (unknown := unknown_options(item, options)):
        raise OptionsError([((key,), words) for key, words in unknown.items()])
    for values in itertools.product(*axes.values()):
        chosen = settle(item, member, {**options, **dict(zip(axes, values, strict=True))})
        if is_own_class(item):
            check_parameters(item, chosen.options)
        check_references(catalogue, chosen, written)
        yield chosen


def _uncalled(item: Item, key: str, value: Any, called: Mapping[str, str]) -> Any:
    """Return an option's value in which names of architectures stand for what a suite calls them."""
    if not called or marked(item).get(key) != "architecture":
        return value
    if isinstance(value, list):
        return [_uncalled(item, key, one, called) for one in value]
    return called.get(value, value) if isinstance(value, str) else value


def _with_tables(item: Item, base: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in which lists of key=value are tables, where that is an option's type."""

    def read(key: str, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        if value and not any(isinstance(part, str) for part in value):
            return [read(key, part) for part in value]  # an axis of tables
        try:
            return parse_table(value)
        except UsageError as error:
            words = f"{item.kind} {base!r}, option {key!r}: {error}"
            raise OptionsError([((key,), words)]) from None

    return {
        key: read(key, value) if takes(item, key, Mapping) else value
        for key, value in options.items()
    }


def _opened(catalogue: Catalogue, item: Item, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in whose lists of other items' names globs and groups are replaced by what they mean.

    Each item is named once, where it is first meant. A word that means nothing stays, to be refused.
    """
    opened = dict(options)
    for key, kind in marked(item).items():
        words = options.get(key)
        if isinstance(words, list | tuple) and takes_sequence(item, key):
            names = [name for word in words for name in _meant(catalogue, kind, word)]
            opened[key] = [name for at, name in enumerate(names) if name not in names[:at]]
    return opened


def _meant(catalogue: Catalogue, kind: str, word: Any) -> list[Any]:
    """Return the names that a glob or a group means, each with the options that follow it; any other word as it is."""
    if not isinstance(word, str) or word in catalogue.entries(kind):
        return [word]
    try:
        parsed = parse_name(word)
    except UsageError:
        return [word]  # which is refused where it is chosen
    names = catalogue.match(kind, parsed.base) if is_glob(parsed.base) else []
    grouped = catalogue.in_groups(kind, parsed.base)
    meant = [*names, *(name for name in grouped if name not in names)]
    return [format_name(name, parsed.options) for name in meant] or [word]


def default_item(catalogue: Catalogue, kind: str) -> Chosen:
    """Return the item of a kind that is used where none is named.

    Raises:
        UsageError: No plugin provides one, or several do.
    """
    found = [
        entry.item
        for entry in catalogue.entries(kind).values()
        if getattr(entry.item, "default", False)
    ]
    if len(found) != 1:
        said = " and ".join(item.name for item in found) + " are" if found else "none is"
        raise UsageError(f"name {_a(kind)}: of those that plugins provide {said} the default")
    return settle(found[0], "", {})


def find_item(catalogue: Catalogue, kind: str, base: str) -> tuple[Item, str]:
    """Return the item of a base name; ``module:Class`` makes an architecture on the spot.

    Raises:
        UsageError: There is no such item, module or class.
    """
    head, colon, _ = base.partition(":")
    entries = catalogue.entries(kind)
    if colon and (head in entries or head.partition("/")[0] + "/" in entries):
        raise UsageError(
            f"in {base!r}, what follows the colon is no option; write {head}:key=value,key=value"
        )
    if kind == "architecture" and base.endswith(".py"):
        raise UsageError(
            f"{base!r} is a file; name the class in it, as 'package.module:Class', such as "
            f"{base.removesuffix('.py').removeprefix('./').replace('/', '.')}:Net"
        )
    if kind == "architecture" and ":" in base:
        return own_class(base), ""
    entry, member = catalogue.find(kind, base)
    return entry.item, member


def takes_sequence(item: Item, key: str) -> bool:
    """Whether an option's own type is a sequence, so that a list of values is one value."""
    if is_own_class(item):
        return key == "takes"
    return takes(item, key, Sequence)


def takes(item: Item, key: str, sort: type) -> bool:
    """Whether an option's own type is a sequence, or a mapping."""
    if is_own_class(item) or item.options is None or key not in item.options.model_fields:
        return False
    return _is(sort, item.options.model_fields[key].annotation)


def _is(sort: type, annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _is(sort, typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is(sort, part) for part in typing.get_args(annotation))
    kind = origin or annotation
    return isinstance(kind, type) and issubclass(kind, sort) and kind is not str


def settle(item: Item, member: str, options: Mapping[str, Any]) -> Chosen:
    """Validate options and return the item with them, labelled by those that are not the default.

    Raises:
        UsageError: An option is unknown or its value is not allowed; all of them in one message.
    """
    name = item.name + member
    if is_own_class(item):
        item = settle_takes(item, options)
        written = {key: _one_value(item, key, value) for key, value in options.items()}
        return Chosen(item, format_name(name, written), member, dict(options))
    if item.options is None:
        if options:
            raise OptionsError(
                [((key,), f"{item.kind} {name!r} has no options; got {key!r}") for key in options]
            )
        return Chosen(item, name, member)
    import pydantic

    try:
        model = item.options.model_validate(dict(options))
    except pydantic.ValidationError as error:
        raise OptionsError(
            [
                _option_problem(item, name, path, sort, sentence)
                for path, sort, sentence in explain(error, item.options, options)
            ]
        ) from None
    known = item.options.model_fields
    unknown = [key for key in options if key not in known]
    if unknown:  # a plugin's model without extra="forbid" lets them pass
        raise OptionsError(
            [
                ((key,), f"{item.kind} {name!r} has no option {key!r}{nearest(key, known)}")
                for key in unknown
            ]
        )
    full = model.model_dump(mode="json")
    given = {
        key: full[key]
        for key in item.options.model_fields
        if key in options and getattr(model, key) != item.options.model_fields[key].get_default()
    }
    return Chosen(item, format_name(name, given), member, full)


def _one_value(item: Item, key: str, value: Any) -> Any:
    """Return a value as it is written where a list would be an axis."""
    is_list = isinstance(value, list | tuple) and not takes_sequence(item, key)
    return [value] if is_list else value


def _option_problem(
    item: Item, name: str, path: tuple[str | int, ...], sort: str, sentence: str
) -> tuple[tuple[str | int, ...], str]:
    """Return where an option stands and what is wrong with it."""
    key = str(path[0]) if path else ""
    what = f"{item.kind} {name!r}"
    if sort == "extra_forbidden" and item.options is not None:
        return path, f"{what} has no option {key!r}{nearest(key, item.options.model_fields)}"
    if sort == "missing":
        return path, f"{what} needs the option {key!r}: write {name}:{key}=..."
    return path, f"{what}, option {key!r}: {sentence}" if key else f"{what}: {sentence}"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def check_references(catalogue: Catalogue, chosen: Chosen, written: Mapping[str, Any]) -> None:
    """Check that the items which an item's options name are there.

    written: the options before globs and groups were opened, to say which word is meant.

    Raises:
        OptionsError: Some are not, or an item names itself.
    """
    details: list[tuple[tuple[str | int, ...], str]] = []
    counts: dict[str, int] = {}
    for option, kind, name in references(chosen):
        index = counts[option] = counts.get(option, -1) + 1
        path: tuple[str | int, ...] = (option,)
        if not isinstance(chosen.options[option], str):
            words = list(written.get(option, ()))
            path = (option, words.index(name) if name in words else index)
        if kind == chosen.item.kind and parse_name(name).base == chosen.name:
            details.append((path, f"{kind} {chosen.name!r}, option {option!r}: it names itself"))
            continue
        try:
            choose_one(catalogue, kind, name)
        except UsageError as error:
            details.append((path, f"{error}{_quote_hint(name)}"))
    if details:
        raise OptionsError(details)


def _quote_hint(name: str) -> str:
    """Say how a list holds a name of several options where one of these was taken for a name."""
    if "=" not in name.partition(":")[0]:
        return ""
    return (
        f"; in a list, a name with several options stands in quotes: ['name:option=value,{name}']"
    )


def check_kind(kind: str) -> str:
    """Return the singular of a kind that may be written in the plural.

    Raises:
        UsageError: There is no such kind.
    """
    for singular in KINDS:
        if kind.lower() in (singular, PLURALS[singular]):
            return singular
    raise UsageError(f"no kind is named {kind!r}{nearest(kind, PLURALS.values())}")

"""What the items of all kinds must satisfy."""

from __future__ import annotations

import dataclasses
import re
import typing
from typing import Any

from harness.catalogue.in_use import names_of
from harness.catalogue.item_words import misfit
from harness.catalogue.references import resolve
from harness.contracts.subject import NotChecked, Subject, require
from harness.errors import UsageError
from harness.plan.grammar import parse_name
from harness.plan.names import find_item, settle
from harness.plan.references import references

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*/?")
_KNOWN = {"takes": "modality", "problems": "problem"}
_LONGEST_SUMMARY = 100


def check_name(subject: Subject) -> None:
    """Its name follows the grammar of names."""
    name = subject.item.name
    require(
        _NAME.fullmatch(name),
        f"{name!r} has other characters than letters, digits, '_', '.', '+' and '-'",
    )
    require(parse_name(name).base == name, f"{name!r} reads as a name with options")


def check_summary(subject: Subject) -> None:
    """Its summary is one line."""
    summary = subject.item.summary
    require(len(summary.splitlines()) <= 1, f"the summary has {len(summary.splitlines())} lines")
    require(
        len(summary) <= _LONGEST_SUMMARY,
        f"the summary has {len(summary)} characters; a listing shows {_LONGEST_SUMMARY}",
    )


def check_words(subject: Subject) -> None:
    """It says what it is for in words that the harness knows."""
    wrong = misfit(subject.item)
    require(not wrong, wrong)
    for name, kind in _KNOWN.items():
        known = names_of(kind)
        unknown = [word for word in getattr(subject.item, name, ()) if word not in known]
        require(not unknown, f"{name} has {unknown}; allowed: {', '.join(known)}")


def check_references(subject: Subject) -> None:
    """Every function that it names can be imported and called."""
    for field in dataclasses.fields(subject.item):
        value = getattr(subject.item, field.name)
        is_reference = "Reference" in str(field.type) or field.name == "members"
        if is_reference and value is not None:
            resolve(value)


def check_options(subject: Subject) -> None:
    """Each of its options has a description, and its default is a value that it allows."""
    import pydantic

    options = subject.item.options
    if options is None:
        return
    require(
        isinstance(options, type) and issubclass(options, pydantic.BaseModel),
        f"options is {options!r}, not a subclass of pydantic.BaseModel",
    )
    for name, info in options.model_fields.items():
        require(
            info.description, f"the option {name!r} has no description: Field(..., description=...)"
        )
        if not info.is_required():
            annotation: Any = info.annotation
            for mark in info.metadata:
                annotation = typing.Annotated[annotation, mark]
            default = info.get_default(call_default_factory=True, validated_data={})
            try:
                pydantic.TypeAdapter(annotation).validate_python(default)
            except pydantic.ValidationError as error:
                words = error.errors()[0]["msg"]
                require(False, f"the default {default!r} of the option {name!r}: {words}")


def check_unknown_options(subject: Subject) -> None:
    """An option that it does not have is refused."""
    options = subject.item.options
    require(
        options is None or options.model_config.get("extra") == "forbid",
        'a misspelt option would be ignored: derive from harness.api.Options, or set extra="forbid"',
    )


def check_round_trip(subject: Subject) -> None:
    """Its options come back from JSON as they were, and its defaults leave no mark on its label."""
    if subject.required():
        raise NotChecked(f"it needs the option {', '.join(subject.required())}")
    item = subject.item
    chosen = settle(item, "", {})
    require(chosen.label == item.name, f"with default options its label is {chosen.label!r}")
    if item.options is not None:
        require(
            chosen.model() == item.options(),
            "its options differ after model_dump(mode='json') and model_validate",
        )


def check_references_to_items(subject: Subject) -> None:
    """The items that its options name by default exist."""
    if subject.item.options is None or subject.required():
        return
    for option, kind, name in references(settle(subject.item, "", {})):
        try:
            find_item(subject.catalogue, kind, parse_name(name).base)
        except UsageError as error:
            require(False, f"option {option!r}: {error}")


def check_members(subject: Subject) -> None:
    """A family lists its members, each with facts, without being imported here."""
    if not subject.item.is_family:
        return
    members = subject.catalogue.members(subject.item)
    require(members, "it lists no member")
    for name in members:
        require(_NAME.fullmatch(name) and not name.endswith("/"), f"the member {name!r} is no name")


CONTRACTS = (
    check_name,
    check_summary,
    check_words,
    check_references,
    check_options,
    check_unknown_options,
    check_round_trip,
    check_references_to_items,
    check_members,
)

"""Checking what a suite says: problems are kept, each with its place, until all are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.own_class import is_own_class, unknown_options
from harness.errors import Fault, UsageError
from harness.plan.lines import Path as KeyPath
from harness.plan.names import OptionsError, settle
from harness.plan.sentences import explain, show
from harness.plan.source import Source

if TYPE_CHECKING:
    from harness.catalogue.chosen import Chosen
    from harness.plan.tables import TomlTable

Answer = TypeVar("Answer")
SomeTable = TypeVar("SomeTable", bound="TomlTable")


class Checker:
    """Looks things up and keeps the problems, each with its place."""

    def __init__(self, catalogue: Catalogue, source: Source) -> None:
        """Take what names mean, and the text that they stand in."""
        self.catalogue, self.source = catalogue, source
        self.problems: dict[Fault, None] = {}

    def problem(self, path: KeyPath, message: str) -> None:
        """Keep a problem; one that two ways lead to is kept once."""
        self.problems.setdefault(self.source.problem(path, message))

    def attempt(self, path: KeyPath, action: Callable[[], Answer]) -> Answer | None:
        """Return what an action gives; a UsageError becomes a problem at the path."""
        try:
            return action()
        except OptionsError as error:
            table = self.source.at(path)
            for option, message in error.details:
                inside = isinstance(table, dict) and option[:1] and option[0] in table
                self.problem((*path, *option) if inside else path, message)
        except UsageError as error:
            self.problem(path, str(error))
        return None

    def validate(self, model: type[SomeTable], values: Any, path: KeyPath) -> SomeTable | None:
        """Check one table; its problems are kept."""
        import pydantic

        if not isinstance(values, dict):
            self.problem(path, f"write [{self.source.key(path)}], a table; got {show(values)}")
            return None
        try:
            return model.model_validate(values)
        except pydantic.ValidationError as error:
            for inner, _, sentence in explain(error, model, values):
                self.problem((*path, *inner), sentence)
            return None

    def try_values(self, path: KeyPath, item: Chosen, option: str, values: Sequence[Any]) -> None:
        """Check that an item has an option, and that it takes values that a search may try."""
        unknown = unknown_options(item.item, [option]) if is_own_class(item.item) else {}
        if unknown:
            self.problem(path, unknown[option])
            return
        for value in values:
            options = item.options | {option: value}
            tried = self.attempt(path, partial(settle, item.item, item.member, options))
            if tried and isinstance(value, float) and isinstance(tried.options[option], int):
                self.problem(path, f"a whole number is allowed; got {show(value)}")

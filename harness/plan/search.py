"""Searches of hyperparameters: what is tried, each time in a job of its own, and what fits make of what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding

SEARCH = "search"
"""Key of a fit's spec: what it tries, where it is a part of a search."""
ARCHITECTURE = "architecture"
"""In a setting such as `architecture.dropout`: an option of the model itself."""
_LISTS = ("augmentations", "techniques")  # of items, whose options are searched by the item's name
SEARCHED = "searched"
"""Key of a fit's spec: the jobs of the search that it takes the best of."""
RESULT = "search.json"
"""In the folder of a job of a search: its settings, and their loss on the validation examples."""
PROPOSES = "harness.train.propose"
"""The module that proposes settings. Only searches that ask it depend on its code and on Optuna, so no other fit imports it."""
RATE_FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Of the optimizer's default, tried by learning_rate = "search"."""


@dataclass(frozen=True)
class SearchSpace:
    """What a search tries: settings that are given, or so many that a sampler proposes, each after those before.

    over: by setting (`learning_rate`, `optimizer.weight_decay`, `ema.decay`, `architecture.dropout`), a list of values or {low, high, log}.
    """

    given: tuple[Mapping[str, Any], ...] = ()
    over: Mapping[str, Any] | None = None
    trials: int = 0

    def parts(self) -> Iterator[dict[str, Any]]:
        """Yield what each job of it says."""
        if self.over is None:
            for settings in self.given:
                yield {"settings": dict(settings)}
        for number in range(self.trials):
            yield {"over": self.over, "trial": number}

    @property
    def of_model(self) -> bool:
        """Whether it tries options of the architecture."""
        return any(key.startswith(f"{ARCHITECTURE}.") for key in self.over or ())

    @property
    def in_turn(self) -> bool:
        """Whether each job needs those before it."""
        return self.over is not None


def rate_search(optimizer: Chosen) -> SearchSpace:
    """Return the search of a learning rate about an optimizer's default.

    Rates have 12 digits: else 0.1 * 0.2 and 10 * 0.002 are two, and stand beside each other in a table.
    """
    default = float(optimizer.options["learning_rate"])
    rates = (float(f"{factor * default:.12g}") for factor in RATE_FACTORS)
    return SearchSpace(given=tuple({"learning_rate": rate} for rate in rates))


def with_settings(training: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a fit trains, as jobs carry it, with settings that a search has found in their places."""
    changed = dict(training)
    for key, value in settings.items():
        name, _, option = key.rpartition(".")
        if not name:
            changed[option] = value
        elif name in changed:
            changed[name] = _with_option(changed[name], option, value)
        elif name != ARCHITECTURE:
            for several in _LISTS:
                changed[several] = [
                    _with_option(one, option, value) if one["name"] == name else one
                    for one in changed[several]
                ]
    return changed


def with_options(architecture: Mapping[str, Any], settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an architecture, as jobs carry it, with the options that a search has found for it."""
    for key, value in settings.items():
        name, _, option = key.rpartition(".")
        if name == ARCHITECTURE:
            architecture = _with_option(architecture, option, value)
    return architecture


def _with_option(item: Mapping[str, Any], option: str, value: Any) -> dict[str, Any]:
    return {**item, "options": {**item["options"], option: value}}


def best_of(tried: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the result of a search with the lowest loss on validation, of equal ones the first; a loss of None diverged."""
    losses = [
        float("inf") if one["validation_loss"] is None else one["validation_loss"] for one in tried
    ]
    return tried[losses.index(min(losses))]


def at_an_end(tried: Sequence[Mapping[str, Any]]) -> Finding | None:
    """Return a finding where the best learning rate of a `rate_search` is the least or the largest of those tried; else None.

    tried: as for `best_of`. Those that diverged count among them.
    """
    rates = sorted(one["settings"]["learning_rate"] for one in tried)
    if len(rates) < 2 or (best := best_of(tried))["validation_loss"] is None:
        return None
    rate = best["settings"]["learning_rate"]
    if rate not in (rates[0], rates[-1]):
        return None
    end, beyond = ("largest", "larger") if rate == rates[-1] else ("least", "smaller")
    return Finding(
        code="search-end",
        sentence=f"The best learning rate, {rate:.3g}, is the {end} of the {len(rates)} that were tried; a {beyond} one may be better.",
        advice=f'Search about it: give the optimizer learning_rate={rate:.3g} as its own, beside learning_rate = "search" of the '
        "recipe.",
        numbers={"learning_rate": rate, "least": rates[0], "largest": rates[-1]},
    )

"""Claims that compare two recipes of which a switch has changed one: it is likely that both were meant."""

from __future__ import annotations

import contextlib
import shlex
from collections import Counter
from collections.abc import Iterator

from harness.catalogue.counts import counted
from harness.errors import UsageError
from harness.plan.claims import read_claim
from harness.plan.suite import Suite


def one_sided(suite: Suite) -> Iterator[str]:
    """Yield of each switch that has changed a recipe how many claims compare that with one which it left as it was."""
    tables = {recipe.name: recipe.table for recipe in suite.recipes}
    changed: dict[str, dict[tuple[str | int, ...], str]] = {name: {} for name in tables.values()}
    for key, switch in suite.source.switches.items():
        if len(key) > 2 and key[0] == "recipes" and key[1] in changed:
            changed[str(key[1])][key[2:]] = switch
    found: Counter[tuple[str, str]] = Counter()
    for table in suite.written.get("claim", ()):
        with contextlib.suppress(UsageError):  # which is said elsewhere
            claim = read_claim(table)
            recipes = {claim.conditions(term).get("recipe", "") for term in claim.terms}
            sides = sorted({tables[name] for name in recipes if name in tables})
            if len(sides) == 2:
                one, other = (changed[name] for name in sides)
                unlike = {(sides[0], one[key]) for key in one.keys() - other.keys()}
                unlike |= {(sides[1], other[key]) for key in other.keys() - one.keys()}
                found.update(unlike)
    for (name, switch), count in found.items():
        words = f"{switch} changes {name}, and {counted(count, 'claim compares', 'claims compare')} it with a recipe that stays as it is"
        setting = switch.removeprefix("--set ")
        alike = setting.replace(f"recipes.{name}.", "recipes.*.")
        # In quotes, as some shells refuse a * that matches no file.
        yield words + (f"; --set {shlex.quote(alike)} changes all" if alike != setting else "")

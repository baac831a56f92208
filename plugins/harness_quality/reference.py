"""The reference among the models that a measure compares."""

from __future__ import annotations

from typing import Any

from harness.api import FittedModel, MeasureContext, NotApplicable


def find_reference(context: MeasureContext, reference: str, recipe: str | None) -> int:
    """Return the place of an architecture, under a recipe where the suite has several, among the models.

    Raises:
        NotApplicable: It is not there, or under several recipes of which none is named.
    """
    name = context.choose("architecture", reference).spelled
    found = [at for at, fit in enumerate(context.fits) if fit.spelled == name]
    if not found:
        there = ", ".join(dict.fromkeys(fit.architecture for fit in context.fits))
        raise NotApplicable(f"the reference {name} is not among the fitted models: {there}")
    label = context.fits[found[0]].architecture
    recipes = [context.fits[at].recipe for at in found]
    if recipe is not None:
        found = [at for at in found if context.fits[at].recipe in ("", recipe)]
    if len(found) != 1:
        raise NotApplicable(
            f"the reference {label} was trained under {', '.join(recipes)}, and reference_recipe = "
            f"{recipe or ''!r} names none of them; it has to name one"
        )
    return found[0]


def said_of(fit: FittedModel) -> str:
    """Name a model by its architecture and recipe."""
    return f"{fit.architecture} {fit.recipe}".strip()


def where_of(fit: FittedModel) -> dict[str, Any]:
    """Return the axes by which a metric says of which model it is."""
    return {"architecture": fit.architecture} | ({"recipe": fit.recipe} if fit.recipe else {})

"""What an item may say of itself: words that the planner acts on, so that a wrong one is never silent."""

from __future__ import annotations

from harness.catalogue.charts import Chart
from harness.catalogue.item import Item
from harness.catalogue.kinds import ACCESS, NORMS, RANGES, SCOPES, Measure
from harness.catalogue.shown import Axis, Shown
from harness.errors import nearest

_SEVERAL: dict[str, tuple[str, ...] | None] = {
    "takes": None,
    "problems": None,
    "norms": NORMS,
    "over": RANGES,
}
"""Fields that are tuples of words; None where plugins may bring words that are not known here."""
_MAY_BE_EMPTY = ("over", "problems")
_ONE: dict[str, tuple[str, ...]] = {"scope": SCOPES, "access": ACCESS}
_DECLARED = {"axes": Axis, "shows": Shown, "charts": Chart}
"""Fields of a measure that are tuples of what is declared of its metrics, which reports rely on."""


def misfit(item: Item) -> str:
    """Return what is wrong with the words in which an item says what it is for; "" where nothing is."""
    for name, known in _SEVERAL.items():
        said = getattr(item, name, None)
        if said is None:
            continue
        if not isinstance(said, tuple) or (not said and name not in _MAY_BE_EMPTY):
            return f'{name} is {said!r}; write a tuple of words, such as ("...",)'
        for word in said:
            if not isinstance(word, str) or (known is not None and word not in known):
                return f"{name} has {word!r}{nearest(str(word), known or ())}"
    for name, allowed in _ONE.items():
        said = getattr(item, name, allowed[0])
        if said not in allowed:
            return f"{name} is {said!r}{nearest(str(said), allowed)}"
    for name, sort in _DECLARED.items():
        said = getattr(item, name) if isinstance(item, Measure) else ()
        if not isinstance(said, tuple) or not all(isinstance(one, sort) for one in said):
            return f"{name} is {said!r}; write a tuple of {sort.__name__}, such as ({sort.__name__}(...),)"
    if isinstance(item, Measure) and item.over and item.scope != "fit":
        return f'it ranges over {", ".join(item.over)}, so its scope is "fit"; got {item.scope!r}'
    if isinstance(item, Measure) and item.over and item.check is not None:
        return f"it ranges over {', '.join(item.over)}, and check asks of one model, which it has not; leave check out"
    if isinstance(item, Measure) and item.unfit is not None and not item.over:
        return "unfit asks of the models that it compares, and it ranges over none; leave unfit out, or say over"
    if isinstance(item, Measure) and item.floors and item.scope != "data":
        return f'it measures floors, so its scope is "data"; got {item.scope!r}'
    return ""

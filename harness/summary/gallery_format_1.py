"""Galleries of format 1, which knew the pictures of attacks alone, as what they are in format 2.

Frozen with the format: nothing new belongs here. An entry had an attack, its ball, the number of examples fooled, how
a picture of three columns is cut, and of each example the answers before and after with numbers in place of words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.catalogue.counts import counted
from harness.catalogue.gallery_file import FORMAT_VERSION
from harness.measure.units import significant

_PERTURBATIONS = (
    "A perturbation is grey where an image stays as it is, and drawn stronger than it is by the "
    "factor below it."
)
_FEATURES = "Features are numbered from 0; those that changed most are shown."
_BARS = "A bar is a change as a share of the feature\u2019s range."


def upgrade(data: Any) -> Any:
    """Return the data of a ``gallery.json`` in format 2; those of another format than 1 as they are."""
    if not isinstance(data, Mapping) or data.get("format_version") != 1:
        return data
    return {
        "format_version": FORMAT_VERSION,
        "sheets": [_sheet(entry) for entry in data["galleries"]],
    }


def _sheet(entry: Mapping[str, Any]) -> dict[str, Any]:
    examples, norm = entry["examples"], entry["norm"]
    cut = entry.get("picture") if examples else None
    count = f"the first {len(examples)} of {int(entry['fooled']):,} that it fooled"
    curves, changes = (any(one.get(key) for one in examples) for key in ("curves", "changes"))
    notes = ((_PERTURBATIONS, cut), (_FEATURES, curves or changes), (_BARS, changes))
    return {
        "title": f"{entry['attack']}, {norm} {entry['epsilon_text'] or '(nearest)'}",
        "count": (count if examples else "no example was fooled")
        + ("; mean of the channels" if cut and cut["averaged"] else ""),
        "notes": [note for note, holds in notes if holds],
        "picture": {"columns": 3, **cut} if cut else None,
        "examples": [_example(one, norm, pictured=bool(cut)) for one in examples],
    }


def _example(one: Mapping[str, Any], norm: str, *, pictured: bool) -> dict[str, Any]:
    name = str(one["id"]) if one["id"] < 2**32 else f"{one['id']:016x}"[:8]
    clean, after = (_confidence(one[key]["confidence"]) for key in ("clean", "adversarial"))
    before_name, after_name = (one[key]["name"] for key in ("clean", "adversarial"))
    factor = one.get("factor")
    times = "none" if factor is None else f"\u00d7 {significant(factor, 2)}"
    of = f"Example {name} of class {one['true']['name']}"
    panes = [
        _pane("clean", before_name, clean, f"{of}, taken for {before_name}, {clean}"),
        _pane("perturbation", "", times, f"The perturbation, {times}"),
        _pane("adversarial", after_name, after, f"Both together, taken for {after_name}, {after}"),
    ]
    curves, changes = one.get("curves", ()), one.get("changes", ())
    hidden = int(one.get("changed", 0)) - max(len(curves), len(changes))
    more = f"and {counted(hidden, 'more feature')} changed"
    return {
        "caption": f"example {name}, {norm} {significant(_finite(one['size']), 3)}",
        "panes": panes if pictured else [panes[0], panes[2]],
        "traces": [
            {
                "title": _feature(curve),
                "steps": curve["steps"],
                "lines": {key: curve[key] for key in ("clean", "adversarial")},
            }
            for curve in curves
        ],
        "bars": [
            {
                "title": _feature(change),
                "share": change["share"],
                "words": _pair(change["clean"], change["adversarial"]),
            }
            for change in changes
        ],
        "note": more if (curves or changes) and hidden > 0 else "",
    }


def _pane(title: str, name: str, words: str, said: str) -> dict[str, str]:
    return {"title": title, "name": name, "words": words, "said": said}


def _feature(values: Mapping[str, Any]) -> str:
    return values.get("name") or f"feature {values['feature']}"


def _confidence(value: float | None) -> str:
    return "no number" if value is None else f"{100 * value:.1f} %"


def _pair(before: float, after: float) -> str:
    for digits in (3, 6, 9, 12):
        texts = [significant(value, digits).replace("-", "\u2212") for value in (before, after)]
        if texts[0] != texts[1]:
            break
    return f"{texts[0]} \u2192 {texts[1]}"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return value

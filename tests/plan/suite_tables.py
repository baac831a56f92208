"""The tables of keys in suites/README.md, from the models that check a suite.

Run it to write them anew: python tests/plan/suite_tables.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from harness.plan import tables

README = Path(__file__).parents[2] / "suites" / "README.md"
SECTIONS: dict[str, type[tables.Table]] = {
    "suite": tables.SuiteTable,
    "matrix": tables.MatrixTable,
    "recipes.NAME": tables.RecipeTable,
    "recipes.NAME.search": tables.SearchTable,
    "claim": tables.ClaimTable,
    "hardware": tables.HardwareTable,
}


def render(model: type[tables.Table]) -> str:
    """Return a Markdown table of the keys of a table."""
    rows = ["| key | left out | meaning |", "| --- | --- | --- |"]
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no description"
        default = "needed" if field.is_required() else _written(field.get_default())
        rows.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(rows)


def _written(default: Any) -> str:
    return "" if default is None else f"`{json.dumps(default)}`"


def with_tables(text: str) -> str:
    """Return a text with the table under each marker written anew."""
    for name, model in SECTIONS.items():
        marker = f"<!-- keys: {name} -->"
        assert text.count(marker) == 1, f"{README.name} needs one {marker}"
        text = re.sub(
            re.escape(marker) + r"\n(\|[^\n]*\n)*",
            lambda _, marker=marker, model=model: f"{marker}\n{render(model)}\n",
            text,
        )
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")

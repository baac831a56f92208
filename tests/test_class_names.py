"""A class name says what one thing is: none exists twice in the core, the plugins and the reports."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_class_name_exists_once() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    files = [
        path
        for folder in ("harness", "plugins", "reports")
        for path in (ROOT / folder).rglob("*.py")
    ]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 200
    assert {name: where for name, where in places.items() if len(where) > 1} == {}

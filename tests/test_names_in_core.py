"""The core asks the items of problems and modalities and holds the name of none, but in examples of docstrings."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.catalogue.host import Host

CORE = Path(__file__).parents[1] / "harness"


def names_in(source: str, names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of strings that are one of some names; a docstring is a longer one."""
    found = re.compile(rf"[\"']({'|'.join(names)})[\"']")
    if not found.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in names:
            yield node.lineno, str(node.value)


def test_no_code_of_the_core_names_a_problem_or_a_modality() -> None:
    catalogue = Host().catalogue
    names = [*catalogue.entries("problem"), *catalogue.entries("modality")]
    assert {"classification", "detection", "image", "tokens"} <= set(names)
    places = [
        f"{path.relative_to(CORE)}, line {line}: {text}"
        for path in sorted(CORE.rglob("*.py"))
        for line, text in names_in(path.read_text(encoding="utf-8"), names)
    ]
    assert places == []


def test_a_name_is_found_where_code_has_it_and_not_in_a_docstring() -> None:
    source = '''"""Such as "image"."""
if task.modality == "image" and task.shape in {"table": 1}:
    raise ValueError('an "image" is no table')
'''
    assert sorted(names_in(source, ["image", "table"])) == [(2, "image"), (2, "table")]

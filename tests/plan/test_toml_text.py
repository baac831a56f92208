"""Tables written as TOML are read as the same again."""

import tomllib
from pathlib import Path

import pytest

from harness.plan.toml_text import toml_text

SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.toml"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_shipped_suites_are_read_again(path):
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    assert tomllib.loads(toml_text(tables)) == tables


def test_odd_keys_and_values():
    tables = {
        "top": True,
        "recipes": {"a b": {"rate": 1e-3, "for": {"vit*": {"epochs": 40}}}, "empty": {}},
        "measure": [{"name": 'x\x7f"\n\u2603', "sizes": [1, 64], "mixed": [1, {"a": [0.5]}]}, {}],
        "none": [],
    }
    assert tomllib.loads(toml_text(tables)) == tables
    assert tomllib.loads(toml_text({"left": None, "kept": 1})) == {"kept": 1}

"""One table of kinds, and lists of plugin packages that agree with the folders."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.catalogue.hookspecs import REGISTER_HOOKS
from harness.catalogue.kinds import KINDS, PLURALS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TAKES = [kind for kind, item in KINDS.items() if "takes" in item.__dataclass_fields__]
PACKAGES = {path.parent.name for path in ROOT.glob("*/harness_*/__init__.py")}


@pytest.mark.parametrize("kind", TAKES)
def test_no_item_takes_what_its_author_did_not_name(kind: str) -> None:
    item = KINDS[kind]
    with pytest.raises(TypeError, match="takes"):
        item(name="x", **{name: "a:b" for name in _needed(item) if name != "takes"})


@pytest.mark.parametrize("kind", KINDS)
def test_what_derives_from_the_table(kind: str) -> None:
    item = KINDS[kind]
    assert REGISTER_HOOKS[kind] == f"harness_register_{PLURALS[kind]}"
    assert item.kind == kind == item.__name__.lower()
    assert getattr(api, item.__name__) is item
    assert item.words().endswith((".", ":"))
    assert item(name="x", **dict.fromkeys(_needed(item), "a:b")).callables()


def test_what_jobs_read_of_an_item_changes_its_facts() -> None:
    shift = api.Shift(name="x", apply="a:b", takes=("image",))
    assert replace(shift, window=3).facts() == shift.facts() | {"window": 3}
    needed = dict.fromkeys(_needed(api.Problem), "a:b")
    problem = api.Problem(name="x", **needed, beside=(("ap50", "a:b"),), of_classes=("ap", "a:b"))  # type: ignore[arg-type]
    assert problem.facts()["more_metrics"] == ["ap50", "ap"]
    assert "more_metrics" not in api.Problem(name="x", **needed).facts()  # type: ignore[arg-type]


def _needed(item: type) -> list[str]:
    from dataclasses import MISSING, fields

    return [
        one.name
        for one in fields(item)
        if one.default is MISSING and one.default_factory is MISSING and one.name != "name"
    ]


def test_each_plugin_package_is_an_entry_point_and_linted() -> None:
    assert len(PACKAGES) >= 9
    points = set(PROJECT["project"]["entry-points"]["harness"].values())
    assert {name for name in points if not name.startswith("harness.")} == PACKAGES
    linter = PROJECT["tool"]["importlinter"]
    assert set(linter["root_packages"]) == {"harness", *PACKAGES}
    contracts = {contract["type"]: contract for contract in linter["contracts"]}
    assert set(contracts["forbidden"]["forbidden_modules"]) == PACKAGES
    assert set(contracts["independence"]["modules"]) == PACKAGES

"""harness/README.md is a map of the core: it names every module of every wing, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = ROOT / "harness"
MAP = (CORE / "README.md").read_text(encoding="utf-8")


def wings() -> dict[str, set[str]]:
    """Return {wing: its modules}."""
    return {
        folder.name: {path.stem for path in folder.glob("*.py")} - {"__init__"}
        for folder in CORE.iterdir()
        if (folder / "__init__.py").exists()
    }


def test_every_module_has_its_line_and_every_line_a_module() -> None:
    text = MAP.partition("## Rooms")[2]
    parts = re.split(r"^### `(\w+)/`$", text, flags=re.MULTILINE)[1:]
    found = {
        wing: set(re.findall(r"^- `(\w+)`: \S", part, flags=re.MULTILINE))
        for wing, part in zip(parts[::2], parts[1::2], strict=True)
    }
    listed, there = (
        {f"{wing}/{module}" for wing, inside in rooms.items() for module in inside}
        for rooms in (found, wings())
    )
    assert (sorted(there - listed), sorted(listed - there)) == ([], []), "not listed; not there"


def test_every_wing_is_in_the_table() -> None:
    table = set(re.findall(r"^\| `(\w+)/` \|", MAP, flags=re.MULTILINE))
    assert table == set(wings())


def test_what_the_ways_pass_exists() -> None:
    ways = MAP.partition("## Five ways through the house")[2].partition("## Rooms")[0]
    assert ways.count("**From ") == 5
    named = re.findall(r"`(\w+/\w+)`", ways)
    assert len(named) > 30
    assert [name for name in named if not (CORE / f"{name}.py").exists()] == []

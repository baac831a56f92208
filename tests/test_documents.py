"""What documents name is there: commands with their options, files, and items with theirs."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from built_in import items

from harness.catalogue.kinds import KINDS
from harness.cli.group import COMMANDS
from harness.plan.grammar import parse_name

ROOT = Path(__file__).parents[1]
FOLDERS = ("harness", "plugins", "reports", "suites", "tests", "findings")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("README.md"))]
)
OF_THE_READER = {"my_plugin.py", "mine.py", "mine.toml", "one-layer"}  # to be written


@cache
def paths() -> frozenset[str]:
    """Return all files below the root, each with every end of its path."""
    found = [*ROOT.glob("*.*"), *(path for f in FOLDERS for path in (ROOT / f).rglob("*.*"))]
    parts = [path.relative_to(ROOT).parts for path in found]
    return frozenset("/".join(one[k:]) for one in parts for k in range(len(one)))


def quoted(text: str) -> list[str]:
    """Return what stands in backquotes, outside blocks of code."""
    return re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    )


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of our commands: in lines of their own, and in backquotes."""
    lines = re.findall(r"^ +(?:\$ )?(harness .*)$", text.replace("\\\n", " "), re.MULTILINE)
    for line in (*lines, *quoted(text)):
        with contextlib.suppress(ValueError):  # prose with an apostrophe
            words = shlex.split(line, comments=True)
            if words[:1] == ["harness"] and words[1:2] and words[1] in COMMANDS:
                yield words[1:]


def say_unparsed(words: list[str]) -> str:
    """Return what is wrong with the options of a command; which of them it needs is not asked."""
    name, *words = words
    command = importlib.import_module(f"harness.cli.{name}_command").command
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    try:
        command.make_parser(click.Context(command)).parse_args(words)
    except click.NoSuchOption as error:
        return f"harness {name}: {error}"
    return ""


def say_unknown(text: str) -> str:
    """Return what is wrong with a name such as ``mlp:depth=8``, where it is one: no such item, or no such option."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]*:[a-z_0-9]+=\S*", text):
        return ""
    name = parse_name(text)
    found = [items(kind)[name.base] for kind in KINDS if name.base in items(kind)]
    if not found:
        return "" if name.base in OF_THE_READER else f"{text}: no such item"
    options = {"as", *(key for item in found if item.options for key in item.options.model_fields)}
    return "".join(f"{text}: no option {key}" for key in name.options if key not in options)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    called = list(commands(text))
    names = [*quoted(text), *(word for words in called for word in words)]
    files = [one for one in quoted(text) if re.fullmatch(r"[\w./-]+\.(py|toml|md|sh|jinja)", one)]
    wrong = [*map(say_unparsed, called), *map(say_unknown, names)]
    wrong += [one for one in files if one.removeprefix("../") not in paths() | OF_THE_READER]
    assert [one for one in wrong if one] == []


def test_what_is_not_there_is_told() -> None:
    assert "--no-such" in say_unparsed(["run", "-a", "mlp", "--no-such"])
    assert say_unparsed(["run", "-a", "mlp"]) == ""
    assert say_unknown("mlp:depht=8") == "mlp:depht=8: no option depht"
    assert say_unknown("mpl:depth=8") == "mpl:depth=8: no such item"
    assert list(commands("say `harness run -a mlp`:\n\n    harness list x \\\n  -v  # all\n")) == [
        ["list", "x", "-v"],
        ["run", "-a", "mlp"],
    ]

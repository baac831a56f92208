"""A class of the user's own is found, and refused in words, without importing anything."""

import sys

import pytest

from harness.catalogue.own_class import own_class
from harness.errors import UsageError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that must not be imported: it leaves a mark when it is."""
    folder = tmp_path / "checked_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError('imported')\n")
    (folder / "net.py").write_text(
        "from os import path as place\n"
        "import json.decoder\n"
        "class Net:\n    class Inner: pass\n"
        "def make(): pass\n"
        "alias = Net\n"
        "first, second = 1, 2\n"
        "raise ImportError('imported')\n"
    )
    (folder / "broken.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize("name", ["Net", "make", "alias", "second", "place", "Net.Inner"])
def test_names_are_found_without_importing(package, name):
    own_class(f"checked_package.net:{name}")
    assert not {module for module in sys.modules if module.startswith("checked_package")}


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("checked_package.net:Nett", "defines no 'Nett'; did you mean 'Net'"),
        ("checked_package.nett:Net", "no module 'checked_package.nett'"),
        ("no_such_package:Net", "no module 'no_such_package'"),
        ("checked_package.broken:Net", "syntax error"),
    ],
)
def test_what_is_not_there_is_refused_without_importing(package, reference, words):
    with pytest.raises(UsageError, match=words):
        own_class(reference)
    assert not {module for module in sys.modules if module.startswith("checked_package")}

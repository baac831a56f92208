import sys

import pytest

from harness.catalogue.references import call, check_exists, find_source, module_name, resolve
from harness.errors import PluginError, UsageError


def build(task, width=3, *rest, **more):
    return task, width, rest, more


def test_call_gives_a_function_what_it_names():
    assert call(build, task="t", width=5, options=None) == ("t", 5, (), {})
    assert call(build, task="t", options=None) == ("t", 3, (), {})
    assert call(lambda: 7, task="t") == 7
    assert call(lambda *, options: options, task="t", options=2) == 2


def test_call_works_on_classes_and_on_references():
    class Net:
        def __init__(self, in_channels):
            self.in_channels = in_channels

    assert call(Net, in_channels=3, num_classes=10).in_channels == 3
    assert call("textwrap:dedent", text="  a", other=1) == "a"


def test_call_says_what_is_available():
    def asks(depth):
        return depth

    with pytest.raises(PluginError) as caught:
        call(asks, task=1, options=2)
    assert "asks for a parameter 'depth'; available: options, task" in str(caught.value)
    assert "asks" in str(caught.value) and __name__ in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("json", "not of the form 'package.module:function'"),
        ("json:", "not of the form"),
        (":dumps", "not of the form"),
        ("json:dump_all", "module 'json' has no 'dump_all'"),
        ("json:decoder", "is a module, which cannot be called"),
        ("sys:path", "is a list, which cannot be called"),
    ],
)
def test_resolve_refuses_in_words(reference, words):
    with pytest.raises(PluginError, match=words):
        resolve(reference)


def test_resolve_finds_functions_methods_and_leaves_callables():
    import json

    assert resolve("json:dumps") is json.dumps
    assert resolve("json:JSONDecoder.decode") is json.JSONDecoder.decode
    assert resolve(build) is build
    assert module_name("json:dumps") == "json" and module_name(build) == __name__


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
def test_check_exists_finds_names_without_importing(package, name):
    check_exists(f"checked_package.net:{name}")
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
def test_check_exists_refuses_without_importing(package, reference, words):
    with pytest.raises(UsageError, match=words):
        check_exists(reference)
    assert not {module for module in sys.modules if module.startswith("checked_package")}


def test_find_source_reads_paths_alone(package):
    find_source.cache_clear()
    assert find_source("checked_package") == package / "__init__.py"
    assert find_source("checked_package.net") == package / "net.py"
    assert find_source("checked_package.none") is None
    assert find_source("math") is find_source("numpy._core._multiarray_umath") is None  # compiled
    check_exists("math:sqrt")
    find_source.cache_clear()

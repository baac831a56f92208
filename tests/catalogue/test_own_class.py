"""A class of the user's own is found, and refused in words, without importing anything."""

import sys

import pytest

from harness.catalogue.modules import look_anew
from harness.catalogue.own_class import check_parameters, own_class, unknown_options
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


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A function that writes a module and returns the class in it that is named."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(text, name="Net"):
        (tmp_path / "own_module.py").write_text(text)
        look_anew()
        return own_class(f"own_module:{name}")

    return write


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("class Net: ...", {}),
        ("class Net:\n    def __init__(self, input_shape, num_classes, width=4): ...", {}),
        ("class Net:\n    def __init__(self, task, *rest, depth=2, **more): ...", {}),
        ("class Net:\n    def __init__(self, config): ...", {"config": 1}),
        ("class Net:\n    def __init__(self, task, *, depth): ...", {"depth": 1}),
        ("class Net:\n    def __init__(self, config: Config): ...", {}),
        ("class Net:\n    config_class = Config\n    def __init__(self, config): ...", {}),
        ("class Net(Base):\n    def __init__(self, config): ...", {}),
        ("class Net:\n    def __init__(self, img_size, in_chans, n_classes): ...", {}),
        ("class Net:\n    @wraps(f)\n    def __init__(self, config): ...", {}),
        ("def Net(task, width=1): ...", {}),
        ("@wraps(f)\ndef Net(config): ...", {}),
        ("def Net(config): ...\nclass Net: ...", {}),
        ("from elsewhere import Net", {}),
        ("Net = make()", {}),
    ],
)
def test_what_asks_for_what_is_given_is_taken(net, text, options):
    check_parameters(net(text), options)


@pytest.mark.parametrize(
    "text",
    [
        "class Net:\n    def __init__(self, config): ...",
        "class Net:\n    def __init__(self, task, config, /, width=4): ...",
        "class Net:\n    def __init__(self, task, *, config, depth=1): ...",
        "class Net:\n    def __new__(cls, config): ...",
        "class Net(nn.Module):\n    def __init__(self, config): ...",
        "def Net(config, task): ...",
    ],
)
def test_what_asks_for_more_is_refused_before_anything_is_imported(net, text):
    with pytest.raises(
        UsageError, match=r"own_module:Net asks for 'config', which nothing gives"
    ) as e:
        check_parameters(net(text), {"width": 1})
    assert "write own_module:Net:config=..., or give it a default" in str(e.value)
    assert "own_module" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "class Net:\n    def __init__(self, task, width=4): ...",
        "class Net(nn.Module):\n    def __init__(self, task, *, width=4): ...",
        "class Base:\n    def __init__(self, width=4): ...\nclass Net(Base): ...",
        "def Net(task, width=1): ...",
    ],
)
def test_an_option_that_is_no_parameter_is_known_before_anything_is_imported(net, text):
    item = net(text)
    assert unknown_options(item, {"width": 8, "takes": "image", "auxiliary": 0.3}) == {}
    assert unknown_options(item, {"width": 8, "widht": 8}) == {
        "widht": "own_module:Net has no parameter 'widht'; did you mean 'width'?"
    }
    assert "self" not in str(unknown_options(item, {"zzz": 1}))
    assert "own_module" not in sys.modules


CONFIGURED = "class Net(nn.Module):\n    def __init__(self, config: Sizes, rate=0.1): ..."


@pytest.mark.parametrize(
    "sizes",
    [
        "@dataclass\nclass Sizes:\n    width: int = 4",
        "@dataclasses.dataclass(frozen=True)\nclass Sizes:\n    width: int = 4\n    def area(self): ...",
        "class Sizes:\n    def __init__(self, width=4): ...",
        "class Sizes:\n    def __init__(self):\n        self.width = 4",
        "class Sizes:\n    width = 4",
    ],
)
def test_an_option_of_a_configuration_is_known_before_anything_is_imported(net, sizes):
    """A misspelt one was refused by its job, when others had long been trained."""
    item = net(f"{sizes}\n{CONFIGURED}")
    assert unknown_options(item, {"width": 8, "rate": 0.2, "config": "x"}) == {}
    assert unknown_options(item, {"widht": 8}) == {
        "widht": "own_module:Net has no parameter 'widht'; did you mean 'width'?"
    }
    assert "own_module" not in sys.modules


@pytest.mark.parametrize(
    "sizes",
    [
        "class Sizes:\n    def __init__(self, width=4, **more): ...",
        "class Sizes(Elsewhere):\n    width = 4",
        "@register\nclass Sizes:\n    width = 4",
        "from elsewhere import Sizes",
    ],
)
def test_a_configuration_that_does_not_tell_is_judged_when_it_is_built(net, sizes):
    assert unknown_options(net(f"{sizes}\n{CONFIGURED}"), {"widht": 8}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "class Net:\n    def __init__(self, width=4, **more): ...",
        "class Net:\n    def __init__(self, config): ...",
        "class Net:\n    def __init__(self, config=None, width=4): ...",
        "class Net:\n    @wraps(f)\n    def __init__(self, width=4): ...",
        "@dataclass\nclass Net:\n    depth: int = 1",
        "class Net(metaclass=Kind):\n    def __init__(self, width=4): ...",
        "class Net:\n    def __new__(cls, **more): ...\n    def __init__(self, width=4): ...",
        "class Net:\n    if True:\n        def __init__(self, width=4): ...",
        "class Net(Elsewhere): ...",
        "class Base:\n    def __init__(self, width=4): ...\nclass Net(Base, Other): ...",
        "class Base: ...\nclass Net(Base): ...",
        "class Net(Net): ...",
        "class Net:\n    def __init__(self, width=4): ...\nNet = register(Net)",
        "if old:\n    def Net(widht=4): ...\nelse:\n    def Net(width=4): ...",
        "def Net(width=4, **more): ...",
        "@wraps(f)\ndef Net(width=4): ...",
        "from elsewhere import Net",
        "Net = make()",
    ],
)
def test_what_a_source_does_not_tell_is_judged_when_it_is_built(net, text):
    assert unknown_options(net(text), {"widht": 8}) == {}


def test_a_class_names_the_files_that_it_reads(net, tmp_path):
    assert net("class Net: ...").files is None
    for files in ("['a.h5', '/data/b.h5']", "('a.h5', '/data/b.h5')"):
        item = net(f"class Net:\n    files = {files}")
        assert item.files() == [str(tmp_path / "a.h5"), "/data/b.h5"]
    assert net("class Net:\n    files = 'a.h5'").files() == [str(tmp_path / "a.h5")]
    with pytest.raises(UsageError, match="files is 3; write the paths"):
        net("class Net:\n    files = 3")


def test_a_file_in_place_of_a_module_is_answered_with_the_module(package):
    with pytest.raises(UsageError, match=r"did you mean 'checked_package\.net:Net'\?"):
        own_class("checked_package/net.py:Net")
    with pytest.raises(UsageError, match=r"did you mean 'checked_package\.net:Net'\?"):
        own_class("./checked_package/net.py:Net")
    with pytest.raises(UsageError) as other:
        own_class("../elsewhere/net.py:Net")
    assert "did you mean" not in str(other.value)


BASES = """
class Table:
    takes = ("table",)
class Images(Elsewhere, Table):
    takes = ("image",)
class Own(Images): ...
class Both(Elsewhere, Own): ...
class Unread(Images):
    takes = chosen()
class Round(Circle): ...
class Circle(Round): ...
class Again(Again): ...
"""


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ("Images", ("image",)),
        ("Own", ("image",)),
        ("Both", ("image",)),
        ("Unread", ()),
        ("Round", ()),
        ("Again", ()),
    ],
)
def test_what_a_class_takes_may_stand_in_a_base_of_its_module(net, name, takes):
    assert net(BASES, name).takes == takes

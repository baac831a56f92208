import pytest

from harness.catalogue.references import call, module_name, prepare, resolve
from harness.errors import PluginError


def build(task, width=3, *rest, **more):
    return task, width, rest, more


def test_call_gives_a_function_what_it_names():
    assert call(build, task="t", width=5, options=None) == ("t", 5, (), {})
    assert call(build, task="t", options=None) == ("t", 3, (), {})
    assert call(lambda: 7, task="t") == 7
    assert call(lambda *, options: options, task="t", options=2) == 2


def test_what_is_called_often_is_given_the_rest_once():
    def scaled(inputs, factor, unit=1):
        return inputs * factor * unit

    often = prepare(scaled, "inputs", factor=3, unasked=7)
    assert [often(inputs=value) for value in (1, 2)] == [3, 6]
    with pytest.raises(PluginError, match="'factor'; available: inputs, unasked"):
        prepare(scaled, "inputs", unasked=7)


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


def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_library.layers\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        PluginError, match="it needs the module 'no_such_library', which is not"
    ) as caught:
        resolve("needs_more:Net")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        resolve("no_such_module.net:Net")


def test_resolve_finds_functions_methods_and_leaves_callables():
    import json

    assert resolve("json:dumps") is json.dumps
    assert resolve("json:JSONDecoder.decode") is json.JSONDecoder.decode
    assert resolve(build) is build
    assert module_name("json:dumps") == "json" and module_name(build) == __name__

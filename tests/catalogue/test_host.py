"""What becomes of plugins: found, loaded, broken, blocked, clashing."""

import importlib.metadata
import subprocess
import sys

import pytest
from plugin_files import load, record, write

from harness.catalogue.host import Host
from harness.errors import PluginError

GOOD = """
@hookimpl
def harness_register_schedules():
    yield Schedule(name="NAME", build=lambda: lambda step: 1.0)
"""

BROKEN = {
    "import error": ("import no_such_library", "No module named 'no_such_library'"),
    "exit at import": ("import sys; sys.exit('not today')", "SystemExit: not today"),
    "error at import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "syntax": ("def f(:", "SyntaxError"),
    "no hook": ("x = 1", "it has no hook: decorate a function"),
    "hook raises": (
        "@hookimpl\ndef harness_register_shifts():\n    raise OSError('no disk')",
        "OSError: no disk",
    ),
    "hook exits": (
        "@hookimpl\ndef harness_register_shifts():\n    raise SystemExit('bye')",
        "SystemExit: bye",
    ),
    "hook raises late": (
        (
            "@hookimpl\ndef harness_register_shifts():\n"
            "    yield Shift(name='early', apply='a:b', takes=('image',))\n    raise OSError('no disk')"
        ),
        "OSError: no disk",
    ),
    "returns None": (
        "@hookimpl\ndef harness_register_shifts():\n    Shift(name='lost', apply='a:b', takes=('image',))",
        "harness_register_shifts returned None",
    ),
    "wrong item": (
        "@hookimpl\ndef harness_register_shifts():\n    yield Schedule(name='x', build='a:b')",
        "harness_register_shifts yielded a Schedule, not Shift",
    ),
    "bad name": (
        "@hookimpl\ndef harness_register_shifts():\n    yield Shift(name='my shift', apply='a:b', takes=('image',))",
        "yielded the name 'my shift'; a name has letters",
    ),
    "family without members": (
        "@hookimpl\ndef harness_register_shifts():\n    yield Shift(name='zoo/', apply='a:b', takes=('image',))",
        "a family has a name that ends in '/' and members",
    ),
    "missing field": (
        "@hookimpl\ndef harness_register_shifts():\n    yield Shift(name='x')",
        "'apply'",
    ),
    "an attack that takes anything": (
        "@hookimpl\ndef harness_register_attacks():\n    yield Attack(name='x', perturb='a:b')",
        "'takes'",
    ),
    "an objective that takes anything": (
        "@hookimpl\ndef harness_register_objectives():\n    yield Objective(name='x', build='a:b')",
        "'takes'",
    ),
    "a measure that takes anything": (
        "@hookimpl\ndef harness_register_measures():\n    yield Measure(name='x', run='a:b')",
        "'takes' (",
    ),
    "says where it can be read": (
        "@hookimpl\ndef harness_register_measures():\n    yield Measure(name='x', run='a:b')",
        "; what it holds: python -m pydoc harness.api.Measure",
    ),
    "scope": (
        (
            "@hookimpl\ndef harness_register_measures():\n"
            "    yield Measure(name='x', takes=('image',), run='a:b', scope='fits')"
        ),
        "measure 'x': scope is 'fits'; did you mean 'fit'?",
    ),
    "ranges over nothing known": (
        (
            "@hookimpl\ndef harness_register_measures():\n"
            "    yield Measure(name='x', takes=('image',), run='a:b', over=('seeds',))"
        ),
        "measure 'x': over has 'seeds'; did you mean 'seed'?",
    ),
    "ranges over what is not fitted": (
        (
            "@hookimpl\ndef harness_register_measures():\n    yield Measure(\n"
            "        name='x', takes=('image',), run='a:b', scope='architecture', over=('seed',)\n    )"
        ),
        "measure 'x': it ranges over seed, so its scope is \"fit\"; got 'architecture'",
    ),
    "checks a model where it has several": (
        (
            "@hookimpl\ndef harness_register_measures():\n"
            "    yield Measure(name='x', takes=('image',), run='a:b', check='a:c', over=('seed',))"
        ),
        "measure 'x': it ranges over seed, and check asks of one model, which it has not; leave check out",
    ),
    "says which models are unfit where it compares none": (
        (
            "@hookimpl\ndef harness_register_measures():\n"
            "    yield Measure(name='x', takes=('image',), run='a:b', unfit='a:c')"
        ),
        "measure 'x': unfit asks of the models that it compares, and it ranges over none; leave unfit out, or say over",
    ),
    "axes that are words": (
        (
            "@hookimpl\ndef harness_register_measures():\n"
            "    yield Measure(name='x', takes=('image',), run='a:b', axes=('norm',))"
        ),
        "measure 'x': axes is ('norm',); write a tuple of Axis, such as (Axis(...),)",
    ),
    "takes nothing": (
        (
            "@hookimpl\ndef harness_register_shifts():\n"
            "    yield Shift(name='x', apply='a:b', takes=())"
        ),
        "shift 'x': takes is (); write a tuple",
    ),
    "takes a text": (
        (
            "@hookimpl\ndef harness_register_shifts():\n"
            "    yield Shift(name='x', apply='a:b', takes='image')"
        ),
        "shift 'x': takes is 'image'; write a tuple",
    ),
    "wrapper": (
        "@hookimpl(wrapper=True)\ndef harness_register_shifts():\n    return (yield)",
        "harness_register_shifts is a hook wrapper; use a plain hook",
    ),
    "misspelt": (
        "@hookimpl\ndef harness_register_shift():\n    return []",
        "no hook is named 'harness_register_shift'; did you mean 'harness_register_shifts'",
    ),
    "argument": (
        "@hookimpl\ndef harness_register_shifts(config):\n    return []",
        "config",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_says_why_and_the_others_go_on(tmp_path, case):
    source, reason = BROKEN[case]
    good = write(tmp_path, "good_plugin", GOOD.replace("NAME", "good"))
    broken = write(tmp_path, "broken_plugin", source)
    host = load(broken, good)
    found = record(host, "broken_plugin")
    assert found.status == "broken" and reason in found.reason
    assert "Traceback" not in found.reason
    assert not found.items and not found.hooks
    assert "good" in host.catalogue.entries("schedule")
    assert "mlp" in host.catalogue.entries("architecture")
    assert "early" not in host.catalogue.entries("shift")
    with pytest.raises(PluginError, match="broken_plugin.py is broken"):
        host.require_usable()


def test_the_reason_names_the_line_of_the_plugin(tmp_path):
    path = write(tmp_path, "dividing", "\n\nx = 1 / 0")
    assert f"({path}:4)" in record(load(path), "dividing").reason


def test_a_plugin_that_breaks_in_a_later_hook_leaves_nothing_behind(tmp_path):
    path = write(
        tmp_path,
        "half_broken",
        """
        @hookimpl
        def harness_register_architectures():
            yield Architecture(name="half", build="a:b", takes=("image",))
        @hookimpl
        def harness_register_shifts():
            raise OSError("no disk")
        @hookimpl
        def harness_run_started(event):
            event["seen"] = True
        """,
    )
    host = load(path)
    assert "half" not in host.catalogue.entries("architecture")
    run = {}
    host.notify("harness_run_started", event=run)
    assert run == {}


def test_a_clash_names_both_plugins_and_what_to_do(tmp_path):
    path = write(tmp_path, "clashing_plugin", GOOD.replace("NAME", "cosine"))
    host = load(path)
    with pytest.raises(PluginError) as caught:
        host.require_usable()
    text = str(caught.value)
    assert "plugins 'training' and 'clashing_plugin' both provide the schedule 'cosine'" in text
    assert f"load without -p {path}" in text and "--no-plugin training" in text
    assert host.catalogue.entries("schedule")["cosine"].plugin == "training"
    usable = load(path, blocked=["training"]).require_usable()
    assert usable.entries("schedule")["cosine"].plugin == "clashing_plugin"


def test_one_plugin_that_yields_a_name_twice_is_told_so(tmp_path):
    path = write(
        tmp_path,
        "repeating",
        """
        @hookimpl
        def harness_register_schedules():
            for _ in range(2):
                yield Schedule(name="again", build="a:b")
        """,
    )
    with pytest.raises(PluginError, match="'repeating' provides the schedule 'again' twice"):
        load(path).require_usable()


def test_the_same_name_may_stand_for_two_kinds(tmp_path):
    path = write(tmp_path, "two_kinds", GOOD.replace("NAME", "pgd"))
    assert load(path).require_usable().find("schedule", "pgd")[0].plugin == "two_kinds"


def test_a_blocked_plugin_is_left_out():
    host = load(blocked=["attacks"])
    assert record(host, "attacks").status == "blocked"
    assert record(host, "attacks").reason == "--no-plugin attacks"
    assert not host.catalogue.entries("attack")
    assert "mlp" in host.require_usable().entries("architecture")


def test_an_unknown_plugin_cannot_be_blocked():
    with pytest.raises(PluginError, match="no plugin has that name; did you mean 'attacks'"):
        load(blocked=["atacks"])


def test_a_file_and_a_folder_are_plugins(tmp_path):
    file = write(tmp_path, "one_file", GOOD.replace("NAME", "from-file"))
    folder = tmp_path / "a_folder"
    folder.mkdir()
    (folder / "inner.py").write_text("def build():\n    return lambda step: 1.0\n")
    write(
        folder,
        "__init__",
        """
        from . import inner
        @hookimpl
        def harness_register_schedules():
            yield Schedule(name="from-folder", build=inner.build)
            yield Schedule(name="by-name", build="a_folder.inner:build")
        """,
    )
    host = load(file, str(folder))
    entries = host.require_usable().entries("schedule")
    assert entries["from-file"].plugin == "one_file"
    assert entries["from-folder"].plugin == entries["by-name"].plugin == "a_folder"
    assert record(host, "one_file").items == ["schedule from-file"]
    assert record(host, "one_file").hooks == ["harness_register_schedules"]
    assert record(host, "one_file").origin == file


@pytest.mark.parametrize("name", ["json", "attacks", "my-plugin", "3d"])
def test_a_file_may_have_any_name(tmp_path, name):
    import json

    path = write(tmp_path, name, GOOD.replace("NAME", "odd"))
    host = load(path)
    assert "odd" in host.require_usable().entries("schedule")
    assert "pgd" in host.catalogue.entries("attack")
    assert sys.modules["json"] is json


def test_two_files_of_one_name_are_two_plugins(tmp_path):
    paths = []
    for letter in "abc":
        (tmp_path / letter).mkdir()
        paths.append(write(tmp_path / letter, "same_name", GOOD.replace("NAME", letter)))
    for _ in range(2):  # the modules keep their names when they are loaded again
        entries = load(*paths).require_usable().entries("schedule")
        modules = {entries[letter].item.build.__module__ for letter in "abc"}
        assert len(modules) == 3
        assert {sys.modules[module].__file__ for module in modules} == set(paths)


def test_a_plugin_that_is_loaded_already_is_not_loaded_twice(tmp_path):
    path = write(tmp_path, "only_once", GOOD.replace("NAME", "once"))
    import harness_attacks

    host = load(path, path, harness_attacks.__path__[0])
    assert "once" in host.require_usable().entries("schedule")
    assert [plugin.reason for plugin in host.plugins[-2:]] == [
        "it is loaded already, as 'only_once'",
        "it is loaded already, as 'attacks'",
    ]


@pytest.mark.parametrize(("name", "reason"), [("no.txt", "neither a .py file"), ("no", "__init__")])
def test_what_is_no_plugin_is_refused(tmp_path, name, reason):
    path = tmp_path / name
    path.mkdir() if name == "no" else path.write_text("")
    assert reason in record(load(str(path)), "no").reason


def test_the_folder_around_a_package_says_where_the_plugin_is(tmp_path):
    """What `harness plugin new` writes is such a folder."""
    for name in ("my_plugin", "tests"):
        (tmp_path / "my-plugin" / name).mkdir(parents=True)
        (tmp_path / "my-plugin" / name / "__init__.py").write_text("")
    said = record(load(str(tmp_path / "my-plugin")), "my-plugin").reason
    assert said.endswith(f"is no plugin; did you mean {tmp_path / 'my-plugin' / 'my_plugin'}?")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(PluginError, match="there is no such file or folder"):
        load(str(tmp_path / "missing.py"))


def test_listing_imports_neither_torch_nor_pandas():
    code = (
        "import sys; from harness.catalogue.host import Host; Host().require_usable();"
        "print({'torch', 'pandas', 'timm', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_name_and_version_of_a_distribution_are_read_once(monkeypatch):
    """Its metadata holds a README, which is parsed each time."""
    read, metadata = [], importlib.metadata.Distribution.metadata
    counted = property(lambda one: read.append(one) or metadata.fget(one))
    monkeypatch.setattr(importlib.metadata.Distribution, "metadata", counted)
    assert len(Host().plugins) > 10
    assert 0 < len(read) <= 2 * len({id(one) for one in read})

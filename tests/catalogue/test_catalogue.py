import json
import os
import subprocess
import sys

import pytest

from harness.api import Architecture, Attack
from harness.catalogue.cache import cached_text
from harness.catalogue.catalogue import Catalogue, Entry, is_glob
from harness.catalogue.families import members
from harness.errors import PluginError, UnknownNameError

LISTING = """
import os
from pathlib import Path

def list_members():
    with Path(__file__).with_suffix(".calls").open("a") as calls:
        calls.write(f"{os.getpid()}\\n")
    return {"big": {"input": [3, 8, 8]}, "small": {}, "vit_a": {}, "vit_b": {}}

def fail():
    raise OSError("no weights today")
"""


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A module that lists members and counts in which processes; and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    name = f"zoo_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(LISTING)
    return name


@pytest.fixture
def catalogue(zoo):
    items = [
        Architecture(name="mlp", build="a:b", takes=("image",)),
        Architecture(name="mlp-mixer", build="a:b", takes=("image",)),
        Architecture(name="zoo/", build="a:b", takes=("image",), members=f"{zoo}:list_members"),
        Attack(name="pgd", takes=("image", "sequence", "table"), perturb="a:b"),
    ]
    return Catalogue(Entry(item, "mine") for item in items)


def test_find_gives_the_entry_and_the_member(catalogue):
    entry, member = catalogue.find("architecture", "mlp")
    assert (entry.item.name, entry.plugin, member) == ("mlp", "mine", "")
    entry, member = catalogue.find("architecture", "zoo/vit_a")
    assert (entry.item.name, member) == ("zoo/", "vit_a")


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("architecture", "mpl", "no architecture is named 'mpl'; did you mean 'mlp'"),
        ("architecture", "zoo/vit_c", "did you mean 'zoo/vit_"),
        ("architecture", "zoo/", "no architecture is named 'zoo/'"),
        ("architecture", "zoo", "no architecture is named 'zoo'"),
        ("architecture", "pgd", "no architecture is named 'pgd'"),
        ("architecture", "mlp/small", "no architecture is named"),
        ("architecture", "mlp,zoo/vit_a", "; give 'mlp' and 'zoo/vit_a' one by one: repeat the"),
        ("architecture", "mlp,x", "no architecture is named 'mlp,x'; "),
        ("shift", "blur", "no shift is named 'blur'"),
    ],
)
def test_find_refuses_with_what_is_near(catalogue, kind, name, words):
    with pytest.raises(UnknownNameError) as caught:
        catalogue.find(kind, name)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("mlp*", ["mlp", "mlp-mixer"]),
        ("m?p", ["mlp"]),
        ("*", ["mlp", "mlp-mixer"]),
        ("zoo/*", ["zoo/big", "zoo/small", "zoo/vit_a", "zoo/vit_b"]),
        ("zoo/vit_[ab]", ["zoo/vit_a", "zoo/vit_b"]),
        ("zoo/none*", []),
        ("MLP*", []),
    ],
)
def test_match_opens_a_family_by_its_prefix_only(catalogue, pattern, names):
    assert catalogue.match("architecture", pattern) == names


def test_a_family_is_not_listed_to_answer_for_others(catalogue, zoo, tmp_path):
    catalogue.match("architecture", "*")
    catalogue.find("architecture", "mlp")
    assert not (tmp_path / f"{zoo}.calls").exists()


def test_is_glob():
    assert is_glob("timm/vit_*") and is_glob("m?p") and is_glob("[a]")
    assert not is_glob("timm/vit_a")


def test_a_family_is_listed_once_in_a_process_of_its_own_and_kept(zoo, tmp_path, capsys):
    found = members(f"{zoo}:list_members", ("numpy",))
    assert dict(found["big"]) == {"input": [3, 8, 8]}
    assert "listing" in capsys.readouterr().err
    calls = (tmp_path / f"{zoo}.calls").read_text().split()
    assert len(calls) == 1 and calls[0] != str(os.getpid())
    assert zoo not in sys.modules
    (kept,) = (tmp_path / "cache" / "model-harness" / "families").glob("*.json")
    assert json.loads(kept.read_text()) == {name: dict(facts) for name, facts in found.items()}

    code = (
        "import sys; from harness.catalogue.families import members;"
        f"print(len(members('{zoo}:list_members', ('numpy',))), '{zoo}' in sys.modules)"
    )
    again = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.strip() == "4 False" and again.stderr == ""
    assert len((tmp_path / f"{zoo}.calls").read_text().split()) == 1


def test_another_version_or_source_is_listed_again(zoo, tmp_path):
    members(f"{zoo}:list_members", ())
    members(f"{zoo}:list_members", ("numpy",))
    calls = tmp_path / f"{zoo}.calls"
    assert len(calls.read_text().split()) == 2
    source = tmp_path / f"{zoo}.py"
    source.write_text(LISTING.replace('"small": {}, ', ""))
    code = (
        "from harness.catalogue.families import members;"
        f"print(len(members('{zoo}:list_members', ())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "3"


def test_a_family_that_cannot_be_listed_says_why_and_keeps_nothing(zoo, tmp_path):
    for _ in range(2):
        with pytest.raises(PluginError, match="cannot be listed: OSError: no weights today"):
            members(f"{zoo}:fail", ())
    assert not (tmp_path / "cache").exists()


def test_a_family_that_hangs_is_given_up(zoo, tmp_path, monkeypatch):
    (tmp_path / f"{zoo}_slow.py").write_text("import time\ntime.sleep(30)\n")
    monkeypatch.setattr("harness.catalogue.families._TIMEOUT_SECONDS", 0.5)
    with pytest.raises(PluginError, match="not listed within 0.5 s"):
        members(f"{zoo}_slow:list_members", ())


def test_a_cache_that_cannot_be_written_costs_time_not_results(tmp_path, monkeypatch, capsys):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert cached_text("a/b.json", lambda: "made") == "made"
    assert "could not be kept" in capsys.readouterr().err


def test_a_text_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []
    for _ in range(2):
        assert cached_text("b.txt", lambda: made.append(1) or "text") == "text"
    assert made == [1]
    assert [path.name for path in (tmp_path / "model-harness").iterdir()] == ["b.txt"]

"""Names that no file can have are refused in words: too long, with NUL bytes, newlines, no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalogue.host import Host, PluginChoice
from harness.catalogue.modules import exists
from harness.cli.group import harness
from harness.errors import HarnessError, PluginError, StoreError, UsageError
from harness.execute.forecast import forecast
from harness.plan.files import check_weights, open_path
from harness.plan.reader import load_suite
from harness.plan.suite import find_suite
from harness.store.store import Store

ODD = {
    "too long": "a" * 300,
    "a path too long": "b/" * 3000 + "c",
    "a NUL byte": "a\0b",
    "a newline": "a\nb",
    "no text": "a\udcff\udcfe",
    "a lone surrogate": "a\ud800",
    "dots": "../" * 2000 + "x",
}
odd = pytest.mark.parametrize("name", ODD.values(), ids=ODD)


@odd
def test_a_data_set(name: str) -> None:
    catalogue = Host().catalogue
    with pytest.raises(UsageError, match="there is no file or folder"):
        open_path(catalogue, f"./{name}.csv")
    table = {"matrix": {"architectures": ["mlp"], "datasets": [name]}}
    with pytest.raises(HarnessError):
        load_suite({"suite": {"name": "odd"}, **table}, catalogue)


@odd
def test_a_suite_a_file_of_weights_and_a_plugin(name: str) -> None:
    for suite in (name, f"{name}.toml"):
        with pytest.raises(UsageError):
            find_suite(suite)
    with pytest.raises(UsageError, match="no file"):
        check_weights(f"{name}.pt")
    with pytest.raises(PluginError, match="there is no such file or folder"):
        Host(PluginChoice((f"./{name}.py",)))


@odd
def test_a_store(name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        Store(tmp_path / name, create=False)
    catalogue = Host().catalogue
    assert forecast(load_suite("quick", catalogue), catalogue, tmp_path / name).cached == {}


@odd
def test_a_class(name: str) -> None:
    with pytest.raises(HarnessError):
        load_suite(
            {
                "suite": {"name": "odd"},
                "matrix": {"architectures": [f"{name}:Net"], "datasets": ["digits"]},
            },
            Host().catalogue,
        )
    assert not exists("a." * 3000 + "b")


def test_what_is_too_long_elsewhere_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness import cli

    monkeypatch.setattr(harness, "main", lambda **_: open("x" * 300).close())
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert "error: the name of a file is too long for this system: xxx" in capsys.readouterr().err

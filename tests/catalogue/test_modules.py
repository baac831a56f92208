"""Modules are found without importing them, their parents or anything else."""

import sys

import pytest

from harness.catalogue.modules import exists, find_source, is_library, look_anew


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that must not be imported, with a folder without an ``__init__.py``."""
    folder = tmp_path / "found_package"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('imported')\n")
    (folder / "net.py").write_text("raise ImportError('imported')\n")
    (folder / "sub" / "mod.py").touch()
    (folder / "sub" / "deep" / "er.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    look_anew()
    yield folder
    look_anew()
    assert not {module for module in sys.modules if module.startswith("found_package")}


def test_paths_alone_are_read(package):
    assert find_source("found_package") == package / "__init__.py"
    assert find_source("found_package.net") == package / "net.py"
    assert find_source("found_package.none") is None
    assert find_source("found_package.net.none") is None
    assert find_source("math") is find_source("numpy._core._multiarray_umath") is None  # compiled
    assert exists("math") and exists("numpy._core._multiarray_umath")


def test_folders_without_an_init_are_namespaces(package):
    assert find_source("found_package.sub") is None and exists("found_package.sub")
    assert find_source("found_package.sub.mod") == package / "sub" / "mod.py"
    assert find_source("found_package.sub.deep.er") == package / "sub" / "deep" / "er.py"
    assert not exists("found_package.sub.none")


def test_a_namespace_may_lie_in_two_places(tmp_path, monkeypatch):
    for place in ("one", "two"):
        (tmp_path / place / "found_space").mkdir(parents=True)
        (tmp_path / place / "found_space" / f"{place}.py").touch()
        monkeypatch.syspath_prepend(tmp_path / place)
    look_anew()
    for place in ("one", "two"):
        assert (
            find_source(f"found_space.{place}") == tmp_path / place / "found_space" / f"{place}.py"
        )


def test_a_finder_of_an_editable_install_is_asked(tmp_path, monkeypatch):
    import importlib.util

    (tmp_path / "elsewhere.py").touch()

    class Finder:
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name == "found_editable":
                return importlib.util.spec_from_file_location(name, tmp_path / "elsewhere.py")
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    look_anew()
    assert find_source("found_editable") == tmp_path / "elsewhere.py"


def test_libraries_are_pythons_ours_and_what_is_installed(package):
    assert is_library("json") and is_library("harness") and is_library("torch")
    assert not is_library("found_package") and not is_library("no_such_package")

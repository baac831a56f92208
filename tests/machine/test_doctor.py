"""What the doctor says of optional parts."""

import importlib.metadata

import pytest

from harness.machine import doctor


def test_every_extra_is_told_with_what_it_is_for():
    named = importlib.metadata.metadata(doctor.DISTRIBUTION).get_all("Provides-Extra")
    assert set(named or ()) == set(doctor.EXTRAS)
    assert [part["name"] for part in doctor.extras()] == [f"extra [{one}]" for one in doctor.EXTRAS]


def test_an_extra_says_what_is_missing_and_how_it_is_installed(monkeypatch: pytest.MonkeyPatch):
    wanted = ["Tokens_x>=1; extra == 'text'", "other; python_version < '3' and extra == \"text\""]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [*wanted, "numpy>=2"])
    [text] = [part for part in doctor.extras() if part["name"] == "extra [text]"]
    assert not text["ready"]
    assert text["says"].endswith("Tokens_x, other missing; pip install 'model-harness[text]'")
    wanted[:] = ["numpy>=2; extra == 'text'"]
    [text] = [part for part in doctor.extras() if part["name"] == "extra [text]"]
    assert text["ready"] and text["says"] == doctor.EXTRAS["text"]


def test_no_library_that_is_installed_is_said_to_be_missing():
    missing = [
        part["says"].removeprefix("pip install ")
        for part in doctor.diagnose()["parts"]
        if not part["ready"] and part["says"].startswith("pip install ")
    ]
    installed = {found.name for found in importlib.metadata.distributions()}
    assert not installed & set(missing)

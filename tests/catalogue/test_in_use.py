"""Problems and modalities are found by the names that data bear, or said to be missing in words."""

from collections.abc import Iterator

import pytest

from harness.catalogue import in_use
from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.host import Host
from harness.catalogue.kinds import Dataset, Measure
from harness.catalogue.subjects import Modality, Problem
from harness.data.task import Task
from harness.errors import PluginError


def problem(name: str, **changes: object) -> Problem:
    given = dict.fromkeys(("check", "width", "loss", "invent", "describe"), "a:b")
    return Problem(name=name, headline="x", target_type="int64", **{**given, **changes})


def modality(name: str, **changes: object) -> Modality:
    return Modality(name=name, axes=("x",), describe="a:b", checked_on=(), **changes)


def catalogue(*items) -> Catalogue:
    return Catalogue(Entry(item, "mine") for item in items)


@pytest.fixture(autouse=True)
def _back() -> Iterator[None]:
    yield
    Host()


def test_what_is_in_use_is_asked() -> None:
    task = Task(modality="text", problem="parse", input_shape=(7,), outputs=1, low=0, high=1)
    mine = catalogue(problem("parse"), modality("text"))
    in_use.use(mine)
    assert task.headline == "x" and task.in_channels == 7
    assert in_use.names_of("modality") == ("text",)
    Host()  # another set of plugins is worked with from here on
    with pytest.raises(PluginError, match="the data are of the problem 'parse', which no plugin"):
        task.headline  # noqa: B018
    with pytest.raises(PluginError, match=r"'images'.*did you mean 'image'.*-p FILE"):
        in_use.modality_named("images")


def test_an_installation_that_is_older_than_its_sources_is_told() -> None:
    in_use.use(catalogue())
    with pytest.raises(PluginError, match=r"no plugin provides a problem.*install it again"):
        in_use.problem_named("classification")


def test_where_nothing_was_loaded_what_is_installed_is_in_use(monkeypatch) -> None:
    monkeypatch.setattr(in_use, "_used", [])
    assert in_use.problem_named("classification").headline == "accuracy"


def test_items_say_what_they_are_for_by_name_by_group_or_not_at_all() -> None:
    items = (
        *(problem("classes", default=True), problem("numbers")),
        *(modality("image", groups=("real",), default=True), modality("tokens")),
        modality("audio", groups=("real",)),
    )
    measures = (
        Measure(name="a", run="a:b", takes=("real", "tokens", "unknown")),
        Measure(name="b", run="a:b", takes=("*",), problems=("*",)),
        Dataset(name="c", load="a:b", problem="numbers"),
    )
    found = catalogue(*items, *measures)
    first, second = (found.entries("measure")[name].item for name in "ab")
    assert first.takes == ("image", "audio", "tokens", "unknown")
    assert first.problems == ("classes",)
    assert second.takes == ("image", "tokens", "audio") and second.problems == (
        "classes",
        "numbers",
    )
    dataset = found.entries("dataset")["c"].item
    assert (dataset.modality, dataset.problem) == ("image", "numbers")

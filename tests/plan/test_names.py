from __future__ import annotations

import re
import tomllib

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Architecture
from harness.errors import UnknownNameError, UsageError
from harness.plan.names import OptionsError, check_kind, choose, choose_one, find_item


def test_a_table_is_written_as_a_list_of_entries(catalogue: Catalogue) -> None:
    prior = {"cat": 0.9, "red fox": 0.1, "a=b": 2.0, "[x,": 1e-9}
    (chosen,) = choose(
        catalogue, "measure", 'by_class:prior=[cat=0.9,"red fox=.1",a=b=2,"[x,=1e-09"]'
    )
    assert chosen.options["prior"] == prior
    assert choose(catalogue, "measure", chosen.label) == [chosen]
    assert choose(catalogue, "measure", {"name": "by_class", "prior": prior}) == [chosen]
    several = choose(catalogue, "measure", "by_class:prior=[[cat=1],[cat=2,dog=3]]")
    assert [one.options["prior"] for one in several] == [{"cat": 1}, {"cat": 2, "dog": 3}]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ("[cat]", "option 'prior': a list of key=value is allowed; got 'cat' in it"),
        ("[cat=1,7]", "a list of key=value is allowed; got 7 in it"),
        ("[cat=1,cat=2]", "'cat' is given twice"),
        ("[cat=x]", "option 'prior': a number is allowed; got 'x'"),
    ],
)
def test_what_is_no_entry_of_a_table_is_refused(
    catalogue: Catalogue, entries: str, says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        choose(catalogue, "measure", f"by_class:prior={entries}")


def test_a_list_is_an_axis_where_the_option_is_no_sequence(catalogue: Catalogue) -> None:
    chosen = choose(catalogue, "architecture", "mlp:depth=[1,3],width=[8,16]")
    labels = [one.label for one in chosen]
    assert labels == [f"mlp:depth={depth},width={width}" for depth in (1, 3) for width in (8, 16)]
    [measure] = choose(catalogue, "measure", {"name": "throughput", "batch_sizes": [1, 2, 3]})
    assert measure.options["batch_sizes"] == [1, 2, 3]


def test_a_table_means_the_same_as_a_text(catalogue: Catalogue) -> None:
    text = choose_one(catalogue, "architecture", "mlp:depth=3,activation=tanh")
    table = choose_one(catalogue, "architecture", {"name": "mlp", "activation": "tanh", "depth": 3})
    assert text == table


def test_a_label_leaves_out_what_is_the_default(catalogue: Catalogue) -> None:
    default = choose_one(catalogue, "architecture", "mlp")
    assert default.options["depth"] == 2
    assert choose_one(catalogue, "architecture", "mlp:depth=2") == default
    assert default.label == "mlp"


def test_globs_mean_base_names_and_open_a_family_by_its_prefix(catalogue: Catalogue) -> None:
    assert [one.name for one in choose(catalogue, "architecture", "?[en]*net")] == [
        "lenet",
        "resnet",
        "densenet",
    ]
    assert [one.name for one in choose(catalogue, "architecture", "[mg][lr]*")] == ["mlp", "gru"]
    chosen = choose(catalogue, "architecture", "torchvision/resnet[15]?")
    assert [one.name for one in chosen] == ["torchvision/resnet18", "torchvision/resnet50"]
    assert chosen[0].member == "resnet18"
    assert not any("/" in one.name for one in choose(catalogue, "architecture", "*"))


def test_options_of_a_glob_go_to_all_that_it_means(catalogue: Catalogue) -> None:
    chosen = choose(catalogue, "architecture", "torchvision/alex*:input_size=96")
    assert [one.label for one in chosen] == ["torchvision/alexnet:input_size=96"]


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("architecture", "lenett", "no architecture is named 'lenett'; did you mean 'lenet'"),
        ("architecture", "torchvision/resnet19", "did you mean 'torchvision/resnet18'"),
        ("architecture", "nofamily/x", "no architecture is named 'nofamily/x'; the nearest of "),
        ("architecture", "zzz*", "no architecture matches 'zzz\\*'; the nearest of "),
        ("architecture", "mlp:depth", "write mlp:key=value"),
        ("architecture", "torchvision/alexnet:drop", "write torchvision/alexnet:key=value"),
        ("architecture", "no_such_package.module:Net", "no module 'no_such_package.module'"),
        ("architecture", "json.decoder:JSONDecoderr", "did you mean 'JSONDecoder'"),
        ("attack", "pgd:steps", "what follows the colon is no option"),
        ("optimizer", "adam", "did you mean 'adamw'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(
    catalogue: Catalogue, kind: str, name: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        choose(catalogue, kind, name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mlp:depht=3", ["mlp' has no option 'depht'; did you mean 'depth'?"]),
        ("mlp:depth=x", ["option 'depth': a whole number is allowed; got 'x'"]),
        ("mlp:depth=1.5", ["option 'depth': a whole number is allowed; got 1.5"]),
        ("mlp:depth=0,width=0", ["at least 1 is allowed; got 0", "option 'width'"]),
        ("mlp:activation=sin", ["'relu', 'relu6', 'gelu'", "got 'sin'"]),
        ("mlp:depth=[]", ["option 'depth': the axis has no value"]),
    ],
)
def test_options_that_do_not_fit_are_all_named(
    catalogue: Catalogue, name: str, says: list[str]
) -> None:
    with pytest.raises(OptionsError) as caught:
        choose(catalogue, "architecture", name)
    for words in says:
        assert words in str(caught.value)


def test_an_item_that_an_option_names_is_checked(catalogue: Catalogue) -> None:
    with pytest.raises(OptionsError) as caught:
        choose(catalogue, "measure", {"name": "adversarial", "attacks": ["pgd", "pgdd"]})
    [(path, message)] = caught.value.details
    assert path == ("attacks", 1)
    assert "did you mean 'pgd'" in message
    with pytest.raises(OptionsError, match="attack 'pgd' has no option 'stepz'"):
        choose(catalogue, "measure", {"name": "adversarial", "attacks": ["pgd:stepz=1"]})


def test_globs_and_groups_stand_for_items_in_a_list_of_names(catalogue: Catalogue) -> None:
    def shifts(*words: str) -> list[str]:
        [chosen] = choose(catalogue, "measure", {"name": "shift", "shifts": list(words)})
        return list(chosen.options["shifts"])

    every = shifts("imagenet-c*")
    assert len(every) == 19 and every[:2] == ["gaussian_noise", "shot_noise"]
    assert shifts("imagenet-c") == every[:15]
    assert shifts("imagenet-c", "imagenet-c-extra") == every
    assert shifts("fog", "*_blur") == [
        *("fog", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    ]
    assert shifts("rotate", "imagenet-c*", "fog")[:2] == ["rotate", "gaussian_noise"]
    assert shifts("imagenet-c:jpeg=85") == [f"{name}:jpeg=85" for name in every[:15]]
    assert shifts("*_noise:jpeg=85")[1] == "shot_noise:jpeg=85"
    assert len(shifts("*")) == len(catalogue.entries("shift"))
    [one] = choose(catalogue, "measure", "shift:shifts=[imagenet-c-extra],severities=[3]")
    assert one.label == (
        "shift:shifts=[speckle_noise,gaussian_blur,spatter,saturate],severities=[3]"
    )


def test_an_option_of_one_name_is_no_list_of_letters(catalogue: Catalogue) -> None:
    [chosen] = choose(catalogue, "measure", {"name": "transfer", "attack": "pgd:steps=4"})
    assert chosen.options["attack"] == "pgd:steps=4"
    with pytest.raises(
        OptionsError, match="no attack is named 'pgdd'; did you mean 'pgd'"
    ) as caught:
        choose(catalogue, "measure", {"name": "transfer", "attack": "pgdd"})
    assert [path for path, _ in caught.value.details] == [("attack",)]


def test_a_wrong_word_beside_a_group_is_named_in_its_place(catalogue: Catalogue) -> None:
    words = ["imagenet-c", "imagenet-c", "fogg", "*_blurr"]
    with pytest.raises(OptionsError) as caught:
        choose(catalogue, "measure", {"name": "shift", "shifts": words})
    paths, messages = zip(*caught.value.details, strict=True)
    assert paths == (("shifts", 2), ("shifts", 3))
    assert "did you mean 'fog'" in messages[0]
    assert messages[1].startswith("no shift matches '*_blurr'")


def test_an_option_that_was_taken_for_a_name_is_told_how_to_be_written(
    catalogue: Catalogue,
) -> None:
    with pytest.raises(OptionsError, match=r"stands in quotes: \['name:option=value,restarts=2'\]"):
        choose(catalogue, "measure", "adversarial:attacks=[pgd:steps=2,restarts=2]")
    [chosen] = choose(catalogue, "measure", "adversarial:attacks=['pgd:steps=2,restarts=2']")
    assert chosen.options["attacks"] == ["pgd:steps=2,restarts=2"]


def test_one_item_is_asked_for(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="means 2 architectures; give one"):
        choose_one(catalogue, "architecture", "mlp:depth=[1,2]")


@pytest.mark.parametrize("written", [3, None, ["mlp"], {"depth": 3}, {"name": 3}])
def test_what_is_no_name_is_refused(catalogue: Catalogue, written: object) -> None:
    with pytest.raises(UsageError, match="name"):
        choose(catalogue, "architecture", written)  # type: ignore[arg-type]


def test_your_own_class_is_an_architecture(
    catalogue: Catalogue, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "names_mine"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported while naming')\n")
    (package / "nets.py").write_text("class Net:\n    takes = ('image', 'table')\n")
    monkeypatch.syspath_prepend(tmp_path)
    plain = choose_one(catalogue, "architecture", "names_mine.nets:Net")
    assert (plain.name, plain.options) == ("names_mine.nets:Net", {})
    [four, eight] = choose(catalogue, "architecture", "names_mine.nets:Net:width=[4,8],deep=true")
    assert (four.label, eight.options) == (
        "names_mine.nets:Net:width=4,deep=true",
        {"width": 8, "deep": True},
    )
    with pytest.raises(UsageError, match="defines no 'Nett'; did you mean 'Net'"):
        choose(catalogue, "architecture", "names_mine.nets:Nett")


def test_a_misspelt_option_of_your_own_class_is_refused_when_it_is_named(
    catalogue: Catalogue, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names_own.py").write_text(
        "class Net:\n    def __init__(self, task, width=4): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for written in ("names_own:Net:widht=8", "names_own:Net:widht=[8,64]"):
        with pytest.raises(OptionsError, match="no parameter 'widht'; did you mean 'width'") as e:
            choose(catalogue, "architecture", written)
        assert [path for path, _ in e.value.details] == [("widht",)]


@pytest.mark.parametrize(
    ("written", "values", "labels"),
    [
        ("dims=[16,24]", [16, 24], ["dims=16", "dims=24"]),
        ("dims=[[16,24]]", [[16, 24]], ["dims=[[16,24]]"]),
        ("dims=[[16,24],[8]]", [[16, 24], [8]], ["dims=[[16,24]]", "dims=[[8]]"]),
        ("dims=[[[1,2],[3]]]", [[[1, 2], [3]]], ["dims=[[[1,2],[3]]]"]),
        ("dims=[[]]", [[]], ["dims=[[]]"]),
        ("dims=None", [None], ["dims=None"]),
        ("dims=[None,[4]]", [None, [4]], ["dims=None", "dims=[[4]]"]),
    ],
)
def test_one_value_that_is_a_list_is_an_axis_of_one(
    catalogue: Catalogue, tmp_path, monkeypatch, written, values, labels
) -> None:
    (tmp_path / "own_lists.py").write_text("class Net:\n    takes = ('image',)\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = choose(catalogue, "architecture", f"own_lists:Net:{written}")
    assert [one.options["dims"] for one in found] == values
    assert [one.label for one in found] == [f"own_lists:Net:{label}" for label in labels]
    assert [choose_one(catalogue, "architecture", one.label) for one in found] == found
    dims = tomllib.loads(written.replace("None", '"None"').replace("dims=", "dims = "))
    assert choose(catalogue, "architecture", {"name": "own_lists:Net", **dims}) == found


def test_an_axis_without_values_is_told_from_an_empty_list(catalogue: Catalogue) -> None:
    with pytest.raises(OptionsError, match=r"no value; got \[\]; one value .* written \[\[\]\]"):
        choose(catalogue, "architecture", "json.decoder:JSONDecoder:takes=image,dims=[]")


def test_your_own_class_says_what_it_takes(
    catalogue: Catalogue, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_takes.py").write_text(
        "class Silent: ...\n"
        "class Table:\n    takes: tuple = ('table',)\n"
        "class Odd:\n    takes = ('picture',)\n"
        "def build(width): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    def takes(written: str) -> tuple[str, ...]:
        item = choose_one(catalogue, "architecture", written).item
        assert isinstance(item, Architecture)
        return item.takes

    assert takes("own_takes:Table") == ("table",)
    assert takes("own_takes:Table:takes=image") == ("image",)
    assert takes("own_takes:build:takes=[image,sequence],width=4") == ("image", "sequence")
    assert choose_one(catalogue, "architecture", "own_takes:Silent:takes=image").options == {
        "takes": "image"
    }
    as_they_are = ("image", "sequence", "tokens", "table")
    assert takes("own_takes:Silent") == takes("own_takes:build:width=4") == as_they_are
    for written, words in {
        "own_takes:Odd": "takes 'picture'; allowed: image, sequence, table",
        "own_takes:Table:takes=imagge": "did you mean 'image'",
        "own_takes:Table:takes=[]": "takes is \\[\\]",
    }.items():
        with pytest.raises(UsageError, match=words):
            choose(catalogue, "architecture", written)


@pytest.mark.parametrize("written", ["architecture", "architectures", "Architectures"])
def test_a_kind_may_be_written_in_the_plural(written: str) -> None:
    assert check_kind(written) == "architecture"


@pytest.mark.parametrize("written", ["", "s", "archs", "datasetss"])
def test_a_kind_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="no kind is named"):
        check_kind(written)


def test_the_error_of_an_unknown_name_says_the_kind(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError) as caught:
        choose(catalogue, "shift", "blurr")
    assert (caught.value.kind, caught.value.name) == ("shift", "blurr")


def test_a_file_is_no_architecture_and_the_class_in_it_is_asked_for(catalogue):
    with pytest.raises(UsageError, match=r"such as nets\.mynet:Net"):
        find_item(catalogue, "architecture", "./nets/mynet.py")

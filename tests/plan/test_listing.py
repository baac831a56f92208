from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import KINDS
from harness.errors import UsageError
from harness.plan.listing import describe_item, list_items, list_suites


def test_all_kinds_are_listed(catalogue: Catalogue) -> None:
    rows = list_items(catalogue)
    assert [kind for kind in KINDS if kind not in {row["kind"] for row in rows}] == []
    assert all(row["summary"] and row["plugin"] for row in rows)
    assert json.loads(json.dumps(rows)) == rows


def test_a_family_is_one_row_until_its_prefix_is_written(catalogue: Catalogue) -> None:
    names = [row["name"] for row in list_items(catalogue, "architectures")]
    assert names[-2:] == ["timm/*", "torchvision/*"]
    rows = list_items(catalogue, "architecture", "torchvision/vgg1[16]")
    assert [row["name"] for row in rows] == ["torchvision/vgg11", "torchvision/vgg16"]
    assert rows[0]["facts"]


def test_a_glob_goes_over_all_kinds_where_none_is_named(catalogue: Catalogue) -> None:
    assert {row["kind"] for row in list_items(catalogue, None, "*noise*")} == {
        "augmentation",
        "shift",
    }


def test_a_group_is_listed_by_its_name(catalogue: Catalogue) -> None:
    rows = list_items(catalogue, "shifts", "imagenet-c")
    assert len(rows) == 15 and rows[-1]["name"] == "jpeg_compression"
    assert all("imagenet-c" in row["groups"] for row in rows)
    assert len(list_items(catalogue, "shifts", "imagenet-c*")) == 19
    assert describe_item(catalogue, "shift", "fog")["fields"]["groups"] == ("imagenet-c",)


@pytest.mark.parametrize(
    ("kind", "glob", "says"),
    [
        (
            "archs",
            None,
            "no kind is named 'archs'; allowed: architectures",
        ),
        ("attakcs", None, "did you mean 'attacks'?"),
        ("attacks", "pgdd", "no attack matches 'pgdd'; did you mean 'pgd'?"),
        (None, "pgdd", "no item matches 'pgdd'; did you mean 'pgd'?"),
        ("architectures", "torchvision/zzz*", "no architecture matches 'torchvision/zzz\\*'"),
    ],
)
def test_what_matches_nothing(
    catalogue: Catalogue, kind: str | None, glob: str | None, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        list_items(catalogue, kind, glob)


def test_an_item_is_described_with_its_options(catalogue: Catalogue) -> None:
    found = describe_item(catalogue, "architectures", "mlp")
    options = {option["name"]: option for option in found["options"]}
    depth, activation, dropout = (options[name] for name in ("depth", "activation", "dropout"))
    assert (depth["name"], depth["type"], depth["default"], depth["written"]) == (
        "depth", "int", 2, "2"
    )  # fmt: skip
    assert activation["type"].startswith("one of relu, relu6, gelu")
    assert all(option["meaning"] for option in found["options"])
    assert dropout["default"] == 0.0
    assert found["fields"]["takes"] == ("table",)
    sizes = describe_item(catalogue, "architecture", "resnet")["fields"]["sizes"]
    assert sizes["depth=50"] == 25_557_032


def test_types_are_said_in_words(catalogue: Catalogue) -> None:
    options = {o["name"]: o for o in describe_item(catalogue, "measure", "adversarial")["options"]}
    assert options["attacks"]["type"] == "list of str"
    assert options["epsilons"]["type"] == "list of float or str"
    assert (options["examples"]["type"], options["examples"]["written"]) == ("int or none", "")
    path = describe_item(catalogue, "dataset", "csv")["options"][0]
    assert (path["name"], path["required"], path["default"]) == ("path", True, None)


def test_every_item_can_be_described_as_json(catalogue: Catalogue) -> None:
    for row in list_items(catalogue):
        found = describe_item(catalogue, row["kind"], row["name"])
        assert json.loads(json.dumps(found, default=list))["name"] == row["name"]


def test_a_member_of_a_family_has_facts(catalogue: Catalogue) -> None:
    found = describe_item(catalogue, "architecture", "torchvision/resnet18")
    assert found["facts"]
    assert "members" not in found["fields"]
    with pytest.raises(UsageError, match="did you mean 'torchvision/resnet18'"):
        describe_item(catalogue, "architecture", "torchvision/resnet19")


def test_a_class_of_the_users_has_the_options_of_its_source(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was said to have none."""
    (tmp_path / "listed_net.py").write_text(
        "class Net:\n    def __init__(self, num_classes, width: int = 32, act='relu', *, heads): ...\n"
        "class Open:\n    def __init__(self, **any): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = describe_item(catalogue, "architecture", "listed_net:Net")
    own = [(one["name"], one["type"], one["written"], one["required"]) for one in found["options"]]
    assert own[:3] == [
        ("width", "int", "32", False),
        ("act", "any", "relu", False),
        ("heads", "any", "", True),
    ]
    settings = ["takes", "resize", "input_range", "auxiliary"]
    assert [name for name, *_ in own[3:]] == settings and found["options_known"]
    unknown = describe_item(catalogue, "architecture", "listed_net:Open")
    assert [one["name"] for one in unknown["options"]] == settings
    assert not unknown["options_known"]


def test_suites_are_listed_with_their_descriptions() -> None:
    rows = list_suites()
    names = [row["name"] for row in rows]
    assert names == sorted(names) and {"quick", "tables", "default"} <= set(names)
    (quick,) = list_suites("qui*")
    assert quick["summary"].startswith("Five architectures")
    with pytest.raises(UsageError, match="no suite matches 'quik'; did you mean 'quick'?"):
        list_suites("quik")

import gc
from dataclasses import replace

import pytest
from attack_cases import attack_briefly

from harness.api import NotApplicable
from harness.api.measuring import open_meter
from harness.catalogue.host import Host
from harness.catalogue.kinds import KINDS
from harness.contracts import check_item
from harness_datasets import published_shifts

CATALOGUE = Host().catalogue
ITEMS = [(kind, name) for kind in KINDS for name in CATALOGUE.entries(kind)]
FILES = {
    "imagefolder",
    "maskfolder",
    "webdataset",
    "huggingface",
    "coco",
    "voc",
    "npz",
    "table",
    "time_series",
    "textfolder",
    "text_pairs",
    "csv",
    "idx",
    "cifar10",
    "cifar100",
    *(item.name for item in published_shifts()),
}  # read a person's files, so they need the option path


FAST_ATTACKS = {"fgsm"}  # the others take up to 30 s
SLOW = {
    ("architecture", "googlenet"),  # a second each; mobilenet and densenet stand for them
    ("architecture", "efficientnet"),
    ("optimizer", "timm-optim/"),  # its listing imports timm in a process of its own
    ("optimizer", "torch-optim/"),  # in a process of its own, too
    ("architecture", "timm/"),  # large networks
    ("architecture", "torchvision/"),
    ("report", "html"),
    ("engine", "local"),  # its server imports torch
    ("measure", "tree_adversarial"),  # it grows trees again and again; adversarial stands for it
    ("measure", "scaling"),  # it trains in one process and in two
}


def is_slow(kind: str, name: str) -> bool:
    return (kind, name) in SLOW or (kind == "attack" and name not in FAST_ATTACKS)


CASES = [
    pytest.param(
        kind,
        name,
        id=f"{kind}-{name}",
        marks=[pytest.mark.slow] if is_slow(kind, name) else [],
    )
    for kind, name in ITEMS
]


@pytest.fixture(autouse=True)
def _what_items_import_is_no_garbage() -> None:
    """Each measure that times or weighs collects garbage first, and would look through all that the items before it
    have imported: half of what the contracts of measures took.
    """
    gc.collect(1)
    gc.freeze()


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_built_in_item_keeps_its_contracts(kind, name):
    if kind == "dataset" and name in {"lfw_subset", "textures"}:
        pytest.importorskip("skimage")
    item = CATALOGUE.entries(kind)[name].item
    if (kind, name) == ("attack", "autoattack"):  # all its gradients on all tasks take half an hour
        item = replace(item, perturb=attack_briefly)
    results = list(check_item(item, CATALOGUE))
    assert [result for result in results if not result.ok] == []
    assert len(results) > 9
    unchecked = {result.reason for result in results if result.word == "not checked"}
    reads_files = kind == "dataset" and name in FILES
    if (kind, name) == ("measure", "energy") and unchecked:
        with pytest.raises(NotApplicable):  # this machine has no meter
            open_meter("cpu")
        return
    expected = set()
    if kind == "objective" and item.holds:
        expected.add(f"it holds {item.holds} on purpose")
    if kind == "objective" and item.joins:
        expected.add("it joins examples of a batch on purpose")
    # Without a reference mce is for ImageNet's 1000 classes; the others take five models, or four numbers of training examples.
    if kind == "measure" and name in {"mce", "effective_robustness", "data_efficiency"}:
        expected = {"it applies to none of the tasks here"}
    if kind == "engine" and item.machines:
        expected = {f"its jobs run on other machines: --engine {name}:OPTIONS says which"}
    needed = {"natural_shift": "datasets", "by_group": "column", "mfr": "reference"}
    if kind == "measure" and name in needed:
        expected = {f"it needs the option {needed[name]}"}
    assert unchecked == ({"it needs the option path"} if reads_files else expected)


@pytest.mark.slow
def test_autoattack_with_all_its_gradients_keeps_its_contracts():
    """On tables in Linf: `harness plugin check attacks` tries all else, within half an hour."""
    whole = CATALOGUE.entries("attack")["autoattack"].item
    item = replace(whole, takes=("table",), norms=("linf",))
    results = list(check_item(item, CATALOGUE))
    assert len(results) > 9
    assert [result for result in results if not result.ok or result.reason] == []


def test_every_kind_has_contracts_and_an_item():
    assert {kind for kind, _ in ITEMS} == set(KINDS)

import pytest

from harness.api import NotApplicable
from harness.api.measuring import open_meter
from harness.catalogue.host import Host
from harness.catalogue.kinds import KINDS
from harness.contracts import check_item

CATALOGUE = Host().catalogue
ITEMS = [(kind, name) for kind in KINDS for name in CATALOGUE.entries(kind)]
FILES = {
    "imagefolder",
    "npz",
    "table",
    "csv",
}  # read a person's files, so they need the option path


FAST_ATTACKS = {"fgsm", "bim", "mi-fgsm", "pgd"}  # the others take up to 15 s, autoattack minutes
CASES = [
    pytest.param(
        kind,
        name,
        id=f"{kind}-{name}",
        marks=[pytest.mark.slow] if kind == "attack" and name not in FAST_ATTACKS else [],
    )
    for kind, name in ITEMS
]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_built_in_item_keeps_its_contracts(kind, name):
    results = list(check_item(CATALOGUE.entries(kind)[name], CATALOGUE))
    assert [result for result in results if not result.ok] == []
    assert len(results) > 9
    unchecked = {result.reason for result in results if result.word == "not checked"}
    reads_files = kind == "dataset" and name in FILES
    if (kind, name) == ("measure", "energy") and unchecked:
        with pytest.raises(NotApplicable):  # this machine has no meter
            open_meter("cpu")
        return
    assert unchecked == ({"it needs the option path"} if reads_files else set())


def test_every_kind_has_contracts_and_an_item():
    assert {kind for kind, _ in ITEMS} == set(KINDS)

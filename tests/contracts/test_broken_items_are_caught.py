"""Every contract fails on an item that breaks it, with a reason in words, and stops no other."""

import pytest
from broken import (
    architectures,
    attacks,
    certificates,
    datasets,
    engines,
    items,
    measures,
    reports,
    shifts,
    subjects,
    training,
)
from broken.datasets import table
from broken.training import Rate, climber
from pydantic import BaseModel, ConfigDict, Field

from harness.api import Architecture, Dataset, Engine, NotApplicable, Optimizer
from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host
from harness.contracts import check_item

CATALOGUE = Host().catalogue
TABLES = (
    *(
        items,
        architectures,
        datasets,
        training,
        attacks,
        certificates,
        shifts,
        measures,
        reports,
        engines,
    ),
    subjects,
)
CASES = {name: case for one in TABLES for name, case in one.CASES.items()}


def failures(item) -> dict[str, str]:
    return {r.contract: r.reason for r in check_item(item, CATALOGUE) if not r.ok}


def test_an_engine_that_keeps_its_contracts_breaks_none():
    item = Engine(name="x", start=engines.Sound, source="a test")
    assert failures(item) == {}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_item_is_caught_in_words(case, monkeypatch):
    item, contract, words = CASES[case]
    if (
        case in engines.WAITED_FOR
    ):  # the others end at once, however long that takes on this machine
        monkeypatch.setattr("harness.contracts.engine.PATIENCE_SECONDS", 0.2)
        monkeypatch.setattr("harness.contracts.engine._PRINTING_SECONDS", 0.1)
    found = failures(item)
    (reason,) = [found[name] for name in found if name.startswith(contract)] or [found]
    assert words in str(reason)


def test_every_contract_has_an_item_that_breaks_it():
    import importlib

    from harness.catalogue.kinds import KINDS

    words = []
    for module in ("item", *KINDS):
        for contract in importlib.import_module(f"harness.contracts.{module}").CONTRACTS:
            words.append((module, contract.__doc__.splitlines()[0]))
    broken = {
        (module, sentence)
        for item, start, _ in CASES.values()
        for module, sentence in words
        if sentence.startswith(start) and module in ("item", item.kind)
    }
    missing = {sentence for module, sentence in words if (module, sentence) not in broken}
    assert missing == set()


def test_what_does_not_apply_is_not_checked_with_the_reason():
    class Needs(BaseModel):
        model_config = ConfigDict(extra="forbid")
        path: str = Field(description="a file")

    def refuses(task):
        raise NotApplicable("it is for others")

    for item, reason in (
        (Dataset(name="x", load=table, options=Needs), "it needs the option path"),
        (Architecture(name="x", build=refuses, takes=("image",)), "it is for others"),
        (Optimizer(name="x", build=climber, options=Rate, requires=("cuda",)), "on a GPU only"),
    ):
        results = list(check_item(item, Catalogue([])))
        assert all(result.ok for result in results)
        assert any(reason in result.reason for result in results), item

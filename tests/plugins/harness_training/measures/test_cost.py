"""The cost of training: CPU seconds, energy and money at given prices."""

from dataclasses import replace

import pytest
from measure_cases import measure, named, one

from harness.api.measuring import FitHistory, LeftOut

ROW = {"epoch": 1, "examples": 10, "core_seconds": 1800.0, "training_seconds": 7200.0}
SEARCHED = {"seconds": 3600.0, "core_seconds": 900.0, "candidates": 5}


def run(images, joules=None, size=None, searched=SEARCHED, **options):
    history = FitHistory(rows=[ROW], searched=searched, joules=joules, bytes=size)
    return measure(replace(images("cost", **options), history=lambda: history), "cost")


def test_prices_are_of_hours(images):
    found = run(images, core_hour=0.2, device_hour=3.0)
    fit, search = (one(found, "training_cost", part=part) for part in ("fit", "search"))
    assert (fit.value, search.value) == pytest.approx((0.5 * 0.2 + 2 * 3.0, 0.25 * 0.2 + 3.0))
    assert fit.unit == "euro"
    assert [m.value for m in named(found, "training_core_seconds")] == [1800, 900]


def test_energy_costs_where_it_is_told(images):
    found = run(images, joules=7.2e6, kilowatt_hour=0.3, currency="CHF")
    assert one(found, "training_cost", part="fit").value == pytest.approx(0.6)
    assert one(found, "training_cost", part="fit").unit == "CHF"
    assert one(found, "training_energy").value == 7.2e6
    with pytest.warns(LeftOut, match="does not tell"):
        run(images, kilowatt_hour=0.3)


def test_without_a_price_there_is_no_cost(images):
    found = run(images, searched={}, size=2**20)
    assert one(found, "training_memory").value == 2**20
    found = run(images, searched={})
    assert [(m.name, m.where["part"]) for m in found] == [("training_core_seconds", "fit")]

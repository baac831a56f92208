"""Stores of format 1, whose metrics do not name the arrays behind them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from store_cases import make_job, make_plan, outcome

from harness.measure.metric import Metric
from harness.store.format_1 import name_arrays
from harness.store.store import Store

BALLS = [{"norm": "linf", "epsilon": e, "epsilon_text": str(e)} for e in (0.25, 0.5)]


def arrays(measure: str, *metrics: tuple[str, dict]) -> list[tuple[str, ...]]:
    return [examples for examples, _ in name_arrays(measure, metrics)]


def test_radii_are_counted_in_the_order_of_the_record() -> None:
    found = arrays(
        "adversarial:norm=linf",
        ("clean_accuracy", BALLS[0] | {"epsilon": 0.0}),
        *(
            ("robust_accuracy", ball | {"attack": attack})
            for ball in reversed(BALLS)
            for attack in ("pgd", "worst case")
        ),
        ("median_distance", {"attack": "fmn", "norm": "l2"}),
    )
    assert found == [("clean_correct",), (), ("robust_0",), (), ("robust_1",), ()]


def test_models_are_counted_in_the_order_of_their_clean_accuracy() -> None:
    names = [{"target": "mlp", "target_recipe": "b"}, {"target": "mlp", "target_recipe": "a"}]
    pair = names[1] | {"source": "mlp", "source_recipe": "b"} | BALLS[0]
    found = arrays(
        "transfer",
        *(("clean_accuracy", name) for name in names),
        ("transfer_accuracy", pair),
        ("transfer_rate", pair),
        ("transfer_accuracy", pair | BALLS[1]),
    )
    assert found == [("correct_0",), ("correct_1",), ("stands_0_0_1",), (), ("stands_1_0_1",)]


def test_a_mean_over_shifts_has_the_arrays_of_all() -> None:
    where = [{"shift": "blur", "severity": 1}, {"shift": "fog:scale=2", "severity": 5}]
    found = arrays(
        "shift", *(("shifted_accuracy", at) for at in where), ("mean_shifted_accuracy", {})
    )
    assert found[2] == (*found[0], *found[1]) == ("correct_blur_1", "correct_fog:scale=2_5")


def test_what_was_timed_is_found_by_its_batch_size() -> None:
    ((_, timed), (_, weighed)) = (
        *name_arrays("latency:seconds=1.0", [("latency_p50", {"batch_size": 8})]),
        *name_arrays("memory", [("peak_memory", {"batch_size": 8})]),
    )
    assert (timed, weighed) == ("batch_8", "")


def test_a_store_is_read_as_it_is_and_brought_forward_where_it_is_written(tmp_path: Path) -> None:
    one, two = make_job(1), make_job(2, measure="mine")
    accuracy = Metric(name="accuracy", value=0.5, examples=("other",))
    with Store(tmp_path) as store:
        run, _ = store.start_run(make_plan(one, two), {})
        store.add_outcome(run, outcome(one, metrics=(accuracy,)))
    with sqlite3.connect(tmp_path / "store.sqlite") as rows:
        rows.execute("ALTER TABLE metrics DROP COLUMN examples")
        rows.execute("ALTER TABLE metrics DROP COLUMN samples")
        rows.execute("ALTER TABLE runs DROP COLUMN energy")
        rows.execute("UPDATE meta SET value = '1' WHERE name = 'format'")
    with Store(tmp_path, create=False) as store:  # reads only: `harness report`
        (row,) = store.run_metrics(run)
        assert (row["value"], row["examples"], row["samples"]) == (0.5, ("correct",), "")
    with Store(tmp_path) as store:
        store.add_outcome(run, outcome(two, metrics=(accuracy,)))
        assert [row["examples"] for row in store.run_metrics(run)] == [("correct",), ("other",)]
    with sqlite3.connect(tmp_path / "store.sqlite") as rows:
        assert rows.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() == ("2",)

"""The words below a table of a comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cli.compared import print_comparison, print_findings
from harness.compare.differences import Difference
from harness.compare.gate import Breach
from harness.compare.run_comparison import Lost, PairedFigure, RunComparison
from harness.compare.trainings import TrainingDifference

SUBSET = "the 9 examples that both have (A 10, B 9)"


def pair(**fields: object) -> PairedFigure:
    difference = Difference(
        a=0.5, b=0.6, value=0.1, relative=False, method="McNemar", p_value=0.5, subset=SUBSET
    )
    return PairedFigure(
        at={"architecture": "mlp"},
        measure="accuracy",
        name="accuracy",
        title="accuracy",
        unit="fraction",
        better="higher",
        where={},
        a=0.5,
        b=0.6,
        difference=difference,
        flags=("gradients are zero",),
        p_value=0.5,
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_number_of_figures_is_said_in_the_wrong_form(
    count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Lost(label="mlp", measure="flops", name="flops", missing_in="B", reason="")
    print_comparison(RunComparison(a="a", b="b", pairs=(pair(),) * count, lost=(lost,) * count))
    text = " ".join(capsys.readouterr().out.split())
    figures = {1: "1 figure", 2: "2 figures"}.get(count)
    assert ("Verdicts hold for all" in text) == (count == 2)
    assert (f"* A and B are of {SUBSET}: {figures}." in text) == (count > 0)
    assert ("Doubtful: mlp accuracy *: gradients are zero." in text) == (count > 0)
    only = {1: "1 figure is in one run only.", 2: "2 figures are in one run only."}.get(count, "")
    assert only in text and "0 " not in text.partition("McNemar")[2]


def test_trainings_that_differ_are_told_before_what_verdicts_hold_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    models = tuple(f"m{k}" for k in range(7))
    told = TrainingDifference(
        models=models, settings={"epochs": ("125", "3"), "patience": ("none", "5")}
    )
    print_comparison(
        RunComparison(a="a", b="b", pairs=(pair(), pair()), lost=(), trainings=(told,))
    )
    text = " ".join(capsys.readouterr().out.split())
    line = (
        "Trained differently: m0, m1, m2, m3, m4 and 2 more: epochs 125 in A, 3 in B; "
        "patience none in A, 5 in B."
    )
    assert line in text and text.index(line) < text.index("Verdicts hold")


def test_floors_are_told_from_models_of_their_name(capsys: pytest.CaptureFixture[str]) -> None:
    linear = replace(pair(), at={"architecture": "linear"})
    print_comparison(
        RunComparison(a="a", b="b", pairs=(linear, replace(linear, floor=True)), lost=())
    )
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines() if "linear" in line]
    assert rows[:2] == [["linear", "accuracy", "*"], ["linear", "(floor)", "accuracy"]]


def test_doubtful_is_said_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    doubtful = Breach("accuracy < -1pt", "mlp", "accuracy: -2 pt", fails=False, doubtful=True)
    print_findings([doubtful], ["accuracy < -1pt"])
    text = " ".join(capsys.readouterr().out.split())
    assert (
        "Doubtful: the figure is beyond the limit, but chance alone may have put it there" in text
    )


@pytest.mark.parametrize("columns", [80, 110, 200])
def test_no_word_of_a_row_is_broken(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    wide = Difference(
        a=1e-6, b=1e-3, value=23.1, relative=True, method="McNemar", p_value=0.5,
        low=3.349, high=132.465,
    )  # fmt: skip
    timed = replace(
        pair(), title="throughput, batch 64", unit="s", a=1e-6, b=1e-3, difference=wide, flags=()
    )
    print_comparison(RunComparison(a="a", b="b", pairs=(pair(), timed), lost=()))
    text = capsys.readouterr().out
    words = text.split()
    assert {"throughput,", "accuracy", "mlp", "(+334.9"} <= set(words)
    least = 88  # a narrower terminal breaks the lines, not the words
    assert all(len(line) <= max(columns, least) for line in text.splitlines())
    assert ("+2310.0 % (+334.9 to +13246.5)" in text) == (columns > 80)


def test_a_heading_breaks_between_words_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = replace(pair(), at={"architecture": "-".join(["wide"] * 12)})
    print_comparison(RunComparison(a="a", b="b", pairs=(long,), lost=()))
    heading = capsys.readouterr().out.partition("─")[0].split()
    assert {"change", "(95", "interval)"} <= set(heading)

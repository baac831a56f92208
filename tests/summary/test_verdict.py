"""The sentences that answer which model to take."""

import math
from dataclasses import replace

import pytest
from made_rows import table_row

from harness.catalogue.shown import Verdict
from harness.statistics.model_groups import ModelComparison
from harness.summary.report_data import Column, DatasetInfo, Figure, Row
from harness.summary.verdict import Asked, contenders_of, verdicts

LOWER = ("parameters", "ece")


def row(name: str, dataset: str = "digits", **values: float) -> Row:
    figures = {
        key: Figure(value=value, low=value * 0.99, high=value * 1.01)
        for key, value in values.items()
    }
    return table_row(name, dataset=dataset, figures=figures)


def column(key: str, title: str, unit: str = "fraction", *datasets: str) -> Column:
    return Column(
        key=key,
        title=title,
        unit=unit,
        better="lower" if key in LOWER else "higher",
        meaning="",
        datasets=datasets,
    )


def ask(key: str, title: str, unit: str, verdict: Verdict, *datasets: str) -> Asked:
    return Asked(column=column(key, title, unit, *datasets), verdict=verdict)


ASKED = [
    ask("headline", "accuracy", "fraction", Verdict(words="Most accurate"), "digits"),
    ask("headline", "r²", "", Verdict(words="Closest"), "diabetes"),
    ask("robust", "robust, linf 1/16", "fraction", Verdict(words="Most robust (linf 1/16)")),
    ask(
        "throughput",
        "throughput",
        "1/s",
        Verdict(
            words="Fastest of these",
            figure="{:,.0f} a second",
            of_contenders=True,
            tied="may be as fast",
        ),
    ),
    ask(
        "parameters",
        "parameters",
        "count",
        Verdict(words="Smallest of these", figure="{:,.0f} parameters", of_contenders=True),
    ),
]
DIGITS = DatasetInfo(name="digits", headline="accuracy", counts={})
DIABETES = DatasetInfo(name="diabetes", headline="r2", counts={})


def headline(
    p_values: dict[tuple[str, str], float], dataset: str = "digits", key: str = "headline"
):
    names = tuple(dict.fromkeys(name for pair in p_values for name in pair))
    return {key: {dataset: ModelComparison(names, p_values)}}


def test_a_clear_winner():
    rows = [row("net", headline=0.99), row("mlp", headline=0.9)]
    found = verdicts(rows, ASKED, headline({("net", "mlp"): 1e-6}), [DIGITS])
    assert found == ("Most accurate: net, 99.0 %; all others are distinguishable from it.",)


def test_a_marked_figure_makes_no_model_the_most_robust():
    rows = [row("cut", headline=0.9, robust=0.87), row("whole", headline=0.9, robust=0.79)]
    rows.append(row("other", headline=0.9, robust=0.5))
    p_values = {("cut", "whole"): 1e-6, ("cut", "other"): 1e-6, ("whole", "other"): 1e-6}
    compared = headline(p_values) | headline(p_values, key="robust")

    def robust(*marked: str) -> str:
        given = [
            replace(
                one,
                figures=one.figures
                | {"robust": replace(one.figures["robust"], doubtful=one.series in marked)},
            )
            for one in rows
        ]
        return verdicts(given, ASKED, compared, [DIGITS])[-1]

    start = "Most robust (linf 1/16): "
    assert robust() == f"{start}cut, 87.0 %; all others are distinguishable from it."
    assert robust("cut") == (
        f"{start}whole, 79.0 %; all others are distinguishable from it. Left out, as marked: cut."
    )
    assert robust("cut", "other") == f"{start}whole, 79.0 %. Left out, as marked: cut and other."
    everyone = robust("cut", "whole", "other")
    assert everyone == f"{start}not said, as every figure is marked as doubtful."


def test_the_fastest_is_sought_beside_the_best_of_those_whose_figures_are_right():
    best = row("best", headline=0.99, throughput=500.0)
    marked = replace(
        best, figures=best.figures | {"headline": replace(best.figures["headline"], doubtful=True)}
    )
    others = [row("b", headline=0.9, throughput=100.0), row("c", headline=0.89, throughput=200.0)]
    p_values = {("best", "b"): 0.3, ("best", "c"): 1e-6, ("b", "c"): 0.4}
    compared = headline(p_values)
    assert verdicts([best, *others], ASKED, compared, [DIGITS])[1].endswith("best, 500 a second.")
    assert verdicts([marked, *others], ASKED, compared, [DIGITS])[1].endswith("c, 200 a second.")


def test_where_less_is_better_the_fastest_is_sought_beside_the_least():
    mase = Column(key="headline", title="MASE", unit="", better="lower", meaning="")
    asked = [Asked(column=mase, verdict=Verdict(words="Closest", figure="MASE {:.3f}")), *ASKED[2:]]
    rows = [
        row("near", headline=0.8, throughput=100.0),
        row("same", headline=0.81, throughput=80.0),
    ]
    rows += [row("far", headline=1.3, throughput=900.0)]
    p_values = {("near", "same"): 0.6, ("near", "far"): 1e-6, ("same", "far"): 1e-6}
    closest, fastest = verdicts(rows, asked, headline(p_values), [DIGITS])
    assert closest == "Closest: near, MASE 0.800; not distinguishable from same (p = 0.60)."
    assert fastest == "Fastest of these: near, 100 a second."
    assert contenders_of(rows, headline(p_values)["headline"]["digits"]) == ["near", "same"]


def test_those_that_could_be_as_good_are_named():
    rows = [row("a", headline=0.99), row("b", headline=0.98), row("c", headline=0.985)]
    p_values = {("a", "c"): 0.8, ("a", "b"): 0.31, ("c", "b"): 1.0}
    (found,) = verdicts(rows, ASKED, headline(p_values), [DIGITS])
    assert found == "Most accurate: a, 99.0 %; not distinguishable from c and b (p = 0.31 or more)."
    p_values |= {("a", "b"): 0.01}
    (found,) = verdicts(rows, ASKED, headline(p_values), [DIGITS])
    assert found == "Most accurate: a, 99.0 %; not distinguishable from c (p = 0.80)."


def test_of_many_ties_the_five_nearest_are_named_and_the_rest_is_counted():
    names = [f"net{n:02d}" for n in range(60)]
    rows = [row(name, headline=0.9 + 0.0001 * n, throughput=100.0) for n, name in enumerate(names)]
    p_values = {("net59", name): 0.5 for name in names[:-1]}
    accurate, fastest = verdicts(rows, ASKED, headline(p_values), [DIGITS])
    assert accurate == (
        "Most accurate: net59, 90.6 %; not distinguishable from net58, net57, net56, net55, net54 and "
        "54 more (p = 0.50 or more)."
    )
    assert fastest.endswith("; net01, net02, net03, net04, net05 and 54 more may be as fast.")
    six = verdicts(rows[-6:], ASKED, headline(p_values), [DIGITS])[0]
    assert "net58, net57, net56, net55 and net54 (p" in six


def test_the_fastest_and_smallest_are_sought_among_those_that_may_be_the_most_accurate():
    rows = [
        row("big", headline=0.99, throughput=1000.0, parameters=9e6),
        row("near", headline=0.97, throughput=5000.0, parameters=1234.0),
        row("also", headline=0.985, throughput=4950.0, parameters=2000.0),
        row("far", headline=0.985, throughput=99999.0, parameters=1.0),
    ]
    p_values = {("big", "near"): 0.2, ("big", "also"): 0.9, ("big", "far"): 0.01}
    found = verdicts(rows, ASKED, headline(p_values), [DIGITS])
    assert found == (
        "Most accurate: big, 99.0 %; not distinguishable from also and near (p = 0.20 or more).",
        "Fastest of these: near, 5,000 a second; also may be as fast.",
        "Smallest of these: near, 1,234 parameters.",
    )


def test_without_examples_those_whose_intervals_reach_the_best_are_named():
    rows = [row(name, headline=value) for name, value in {"a": 0.99, "b": 0.985, "c": 0.9}.items()]
    said = "Most accurate: a, 99.0 %; the interval of b reaches its own."
    assert verdicts(rows, ASKED, {}, [DIGITS]) == (said,)
    (said,) = verdicts([*rows, row("d", headline=0.98)], ASKED, {}, [DIGITS])
    assert said.endswith("; the intervals of b and d reach its own.")
    exact = {"headline": Figure(value=0.99, exact=True)}
    assert verdicts([replace(rows[0], figures=exact), *rows[1:]], ASKED, {}, [DIGITS]) == (
        "Most accurate: a, 99.0 %.",
    )


def test_no_p_value_is_more_than_one():
    rows = [row(name, headline=0.9) for name in "abc"]
    p_values = {("a", "b"): 1.0, ("a", "c"): 0.9999, ("b", "c"): 1.0}
    (found,) = verdicts(rows, ASKED, headline(p_values), [DIGITS])
    assert found.endswith("not distinguishable from b and c (p = 1.00).")


def test_robustness_names_its_condition():
    rows = [row("a", headline=0.99, robust=0.2), row("b", headline=0.98, robust=0.5)]
    found = verdicts(rows, ASKED, headline({("b", "a"): 0.001}, key="robust"), [DIGITS])
    assert found[1] == "Most robust (linf 1/16): b, 50.0 %; all others are distinguishable from it."


def test_each_data_set_has_sentences_in_its_own_unit():
    rows = [
        row("a", headline=0.9),
        row("b", headline=0.8),
        row("a", "diabetes", headline=0.41),
        row("b", "diabetes", headline=0.44),
    ]
    found = verdicts(rows, ASKED, {}, [DIGITS, DIABETES])
    assert found == ("digits: Most accurate: a, 90.0 %.", "diabetes: Closest: b, r² 0.440.")


def test_nothing_to_compare_is_nothing_to_say():
    assert verdicts([row("a", headline=0.9)], ASKED, {}, [DIGITS]) == ()
    assert verdicts([], ASKED, {}, []) == ()
    rows = [row("a", headline=0.9), row("b", headline=math.nan), row("c")]
    assert verdicts(rows, ASKED, {}, [DIGITS]) == ()


def test_another_quality_is_not_called_accuracy():
    """Where only a measure of a plugin says what models are ranked by, the words and the unit are its own."""
    rows = [row("a", headline=0.91), row("b", headline=0.8)]
    for title, unit, words in (
        ("F1", "fraction", "91.0 %"),
        ("log score", "nats", "log score 0.910"),
    ):
        found = verdicts(
            rows, [ask("headline", title, unit, Verdict(words=f"Best {title}"))], {}, [DIGITS]
        )
        assert found == (f"Best {title}: a, {words}.",)


def test_less_may_be_better_among_all_and_among_the_few():
    """A stranger's metric takes part as its declaration says."""
    rows = [
        row("a", headline=0.9, ece=0.04),
        row("b", headline=0.91, ece=0.0402),
        row("c", headline=0.89, ece=0.2),
    ]
    said = [
        ASKED[0],
        ask("ece", "calibration error, 15 bins", "", Verdict(words="Best calibrated")),
    ]
    p_values = {("a", "b"): 0.4, ("a", "c"): 0.01}
    tests = headline({("b", "a"): 0.6, ("b", "c"): 0.01}) | headline(p_values, key="ece")
    assert verdicts(rows, said, tests, [DIGITS])[1] == (
        "Best calibrated: a, calibration error 0.040; not distinguishable from b (p = 0.40)."
    )
    few = Verdict(words="Best calibrated of these", of_contenders=True, tied="may be as good")
    said[1] = ask("ece", "calibration error", "", few)
    assert verdicts(rows, said, tests, [DIGITS])[1] == (
        "Best calibrated of these: a, calibration error 0.040; b may be as good."
    )


def test_what_is_asked_of_the_best_is_told_before_what_is_asked_of_all():
    rows = [
        row("a", headline=0.9, robust=0.5, throughput=1.0),
        row("b", headline=0.9, robust=0.4, throughput=2.0),
    ]
    found = verdicts(rows, ASKED, headline({("a", "b"): 0.5}), [DIGITS])
    assert [sentence.partition(":")[0] for sentence in found] == [
        "Most accurate",
        "Fastest of these",
        "Most robust (linf 1/16)",
    ]


def test_a_format_that_is_none_is_refused_where_it_is_declared():
    with pytest.raises(ValueError, match="no format of one number"):
        Verdict(words="Best", figure="{:d} {}")

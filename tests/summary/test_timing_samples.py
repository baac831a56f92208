"""Which figures belong to a series of raw timings."""

from harness.summary.timing_samples import TimedFigure, condition_of, figures_under

FIGURES = [
    TimedFigure(name="rate", value=10.0, where={"batch_size": 8, "threads": 2}, samples="eights"),
    TimedFigure(
        name="part",
        value=0.5,
        where={"batch_size": 8, "threads": 2, "part": "forward"},
        samples="eights",
    ),
    TimedFigure(name="rate", value=1.0, where={"batch_size": 1, "threads": 2}, samples="ones"),
    TimedFigure(name="share", value=0.1, where={"batch_size": 8, "threads": 2, "flag": "drift"}),
    TimedFigure(name="load", value=0.0, where={}),
]


def test_a_series_holds_for_what_all_its_figures_hold_for() -> None:
    """Its name says nothing: "eights" is no number."""
    assert condition_of("eights", FIGURES) == {"batch_size": 8, "threads": 2}
    assert condition_of("none", FIGURES) == {}


def test_figures_of_a_series_are_those_that_hold_where_it_does() -> None:
    found = figures_under(condition_of("eights", FIGURES), FIGURES)
    assert found == {
        "rate": 10.0,
        "part[part=forward]": 0.5,
        "share": 0.1,
        "flag": "drift",
        "load": 0.0,
    }
    assert figures_under({"batch_size": 1, "threads": 2}, FIGURES) == {"rate": 1.0, "load": 0.0}

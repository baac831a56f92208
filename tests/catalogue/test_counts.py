"""How many of what, in words."""

from harness.catalogue.counts import counted


def test_only_one_is_singular():
    words = [counted(count, "figure") for count in (0, 1, 2, 30_000)]
    assert words == ["0 figures", "1 figure", "2 figures", "30,000 figures"]
    assert [counted(n, "row has", "rows have") for n in (1, 2)] == ["1 row has", "2 rows have"]
    assert counted(2, "class", "classes") == "2 classes"

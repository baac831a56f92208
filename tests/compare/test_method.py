"""Which comparison is chosen, by what both sides kept."""

import math
from types import SimpleNamespace

import numpy as np

from harness.catalogue.shown import Shown
from harness.compare.differences import UNDEFINED
from harness.compare.method import choose_difference
from harness.compare.samples import UNPAIRED
from harness.statistics.model_groups import Scores

SHOWN = Shown(metric="accuracy", bounds=(-math.inf, 1.0))


def side(name, shares, ids, *, scored=True, unit="fraction"):
    """Five seeds, each right on a share of the examples, and its rows."""
    rows = [
        SimpleNamespace(
            value=share, unit=unit, exact=False, name="accuracy", fingerprint=f"{name}{seed}",
            low=share - 0.1, high=share + 0.1,
        )
        for seed, share in enumerate(shares)
    ]  # fmt: skip
    seeds = tuple(range(len(rows)))
    values = np.array([np.arange(len(ids)) < share * len(ids) for share in shares], dtype=float)
    scores = Scores(seeds, np.asarray(ids), values) if scored else None
    return SimpleNamespace(
        jobs={row.fingerprint: SimpleNamespace(folder=row.fingerprint, shared=False) for row in rows},
        kept=SimpleNamespace(scores=lambda found: scores, ids=lambda found: np.asarray(ids)),
        by_seed=lambda found: dict(zip(seeds, found, strict=True)),
    ), rows  # fmt: skip


def chosen(one, other):
    return choose_difference((one[0], other[0]), SHOWN, one[1], other[1], {})


A = side("a", (0.80, 0.82, 0.78, 0.80, 0.82), range(50))


def test_runs_without_a_common_example_are_not_paired_by_seed():
    """Over the seeds alone, p was 0.0015 for the luck of other rows."""
    found = chosen(A, side("b", (0.70, 0.70, 0.66, 0.68, 0.72), range(50, 100)))
    assert found.method == UNPAIRED and found.p_value > 0.1 and found.low < 0 < found.high
    assert found.subset.startswith("test examples of which none is common (A 50, B 50)")


def test_what_kept_no_scores_is_unpaired_too_where_its_examples_are_others():
    shares = (0.70, 0.70, 0.66, 0.68, 0.72)
    found = chosen(A, side("b", shares, range(10, 60), scored=False))
    assert found.method == UNPAIRED and "40 are common" in found.subset
    assert chosen(A, side("b", shares, range(50), scored=False)).method.startswith("t test over")


def test_pairs_are_made_of_the_common_examples():
    found = chosen(A, side("b", (0.70, 0.70, 0.66, 0.68, 0.72), range(25, 75)))
    assert found.method.endswith("paired")
    assert found.subset == "the 25 examples that both have (A 50, B 50)"


def test_nothing_is_claimed_of_a_figure_without_a_value():
    undefined = side("b", (math.nan,) * 5, range(50), unit="")
    for other in (A, undefined):
        found = chosen(other, undefined)
        assert (found.method, found.p_value, found.low) == (UNDEFINED, None, None)

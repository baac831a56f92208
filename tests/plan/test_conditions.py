"""Which conditions of claims a suite's measures can meet, known before they run."""

from __future__ import annotations

from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.errors import ProblemsError
from harness.plan.conditions import is_asked, values_of
from harness.plan.names import choose_one
from harness.plan.reader import load_suite


def test_a_condition_that_no_measure_of_the_suite_has_is_told_before_anything_runs(
    catalogue,
) -> None:
    suite = {
        "suite": {"name": "x"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
        "measure": [
            {"name": "adversarial", "attacks": ["pgd:steps=5"], "epsilons": ["1/16", 0.25]},
            {"name": "throughput", "batch_sizes": "auto"},
            {"name": "shift", "shifts": ["contrast"], "severities": [1]},
        ],
    }

    def problems(*claims: str, **changes: Any) -> list[str]:
        tables = [{"expect": f"{claim} > 0"} for claim in claims]
        try:
            load_suite({**suite, "claim": tables}, catalogue, **changes)
        except ProblemsError as error:
            return [problem.message for problem in error.problems]
        return []

    assert problems(
        "robust_accuracy(mlp; epsilon=1/8)",
        "robust_accuracy(mlp; attack=pgd)",
        "robust_accuracy(mlp; epsilonn=1/16)",
        "shifted_accuracy(mlp; severity=5)",
        "robust_accuracy(mlp; seed=0)",
        "robust_accuracy(mlp; measure=shift)",
    ) == [
        "no robust_accuracy of the suite is of epsilon '1/8'; there are 0, 1/16, 0.25",
        "no robust_accuracy of the suite is of attack 'pgd'; there are worst case, pgd:steps=5, square:queries=1000",
        "robust_accuracy has no condition 'epsilonn'; did you mean 'epsilon' or 'epsilon_text'?",
        "no shifted_accuracy of the suite is of severity '5'; there are 1",
        "a claim is about all seeds of the suite; leave seed out",
        "no measure of the suite with a metric 'robust_accuracy' is named 'shift'; allowed: adversarial",
    ]
    assert not problems(
        "robust_accuracy(mlp; epsilon=0.0625)",
        "robust_accuracy(mlp; epsilon=1/4; attack=worst case; norm=linf)",
        "throughput(mlp; batch_size=77)",  # which ones it finds is not known yet
        "shifted_accuracy(mlp; shift=contrast; measure=shift)",
    )
    cut = problems(
        "robust_accuracy(mlp; epsilon=1/16)", settings=["measure.adversarial.epsilons=[0.5]"]
    )
    assert not cut  # it is not judged then
    assert problems("clean_accuracy(mlp; seed=0)", settings=["measure.shift.severities=[2]"])


@pytest.mark.parametrize(
    ("measure", "key", "values"),
    [
        ("adversarial:epsilons=[8/255],instead=[]", "epsilon", (0, "8/255")),
        ("adversarial:attacks=[pgd:steps=20],instead=[]", "attack", ("worst case", "pgd")),
        ("tree_adversarial", "attack", ("worst case", "hopskipjump")),  # it has no `instead`
        ("throughput:batch_sizes=auto", "batch_size", None),
        ("throughput", "threads", None),
        ("uncertainty:severities=[2]", "severity", (0, 2)),
    ],
)
def test_options_list_what_figures_are_of(
    catalogue: Catalogue, measure: str, key: str, values: tuple[Any, ...] | None
) -> None:
    found = values_of(choose_one(catalogue, "measure", measure), key, catalogue)
    assert found == values


def test_an_option_is_asked_for_as_the_same_number_or_text() -> None:
    assert is_asked("1/16", "0.0625") and is_asked(0.25, "1/4") and is_asked("pgd", "pgd")
    assert not is_asked("1/16", "1/8") and not is_asked("pgd", "pgd:steps=5")

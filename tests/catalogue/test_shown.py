"""What a measure says of the axes of its metrics."""

import pytest

from harness.catalogue.shown import Axes, Axis, fill_in

AXES = Axes(
    (
        Axis(name="attack", usual="worst case"),
        Axis(name="epsilon", text="epsilon_text"),
        Axis(name="batch_size", title="batch"),
        Axis(name="threads", setting=True),
        Axis(name="source", title="made on", models=True),
    )
)
BALL = {"epsilon": 0.0625, "epsilon_text": "1/16"}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"threads": 2, "attack": "worst case"}, []),
        (BALL | {"attack": "pgd"}, ["attack pgd", "epsilon 1/16"]),
        ({"batch_size": 64, "flag": "drift"}, ["batch 64"]),
        ({"source": "mlp", "source_recipe": "b"}, ["made on mlp b"]),
        ({"source": "mlp"}, ["made on mlp"]),
        ({"a_b": 0.5, "epsilon": 0.25}, ["epsilon 0.25", "a b 0.5"]),
    ],
)
def test_conditions_are_said_in_the_words_of_their_axes(where: dict, said: list[str]) -> None:
    assert AXES.said(where) == said


def test_what_a_title_says_is_not_said_again() -> None:
    assert AXES.said({"batch_size": 1, "part": "forward"}, without="throughput, batch 16") == [
        "batch 1",
        "part forward",
    ]
    assert AXES.said({"batch_size": 16}, without="throughput, batch 16") == []


def test_a_title_is_filled_in() -> None:
    assert fill_in("robust, {norm} {epsilon_text} {x}", BALL | {"norm": "l2"}) == (
        "robust, l2 1/16 {x}"
    )

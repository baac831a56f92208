"""Which classes are which: every way to name them, and what does not fit."""

from __future__ import annotations

import pytest

from harness.data.class_match import match_classes
from harness.errors import DataError

ANIMALS = ("cat", "dog", "polar_bear")


def match(names, known=ANIMALS, means=(), outputs=None):
    return match_classes(names, means, known, len(known) if outputs is None else outputs)


def test_names_are_compared_without_case_and_with_spaces():
    assert match(("Polar bear", "CAT")) == ((2,), (0,))


def test_one_class_may_stand_for_several():
    means = (("cat", "dog", "wolf"), ("polar bear",))
    assert match(("pet", "bear"), means=means) == ((0, 1), (2,))


def test_numbers_are_places_and_not_an_order_of_texts():
    known = tuple(f"class {number}" for number in range(12))
    assert match(("0", "1", "10", "11", "2"), known) == ((0,), (1,), (10,), (11,), (2,))
    assert match(("2", "0"), known=("2", "1", "0")) == ((0,), (2,))  # where they are names, by name


def test_without_names_as_many_are_in_their_order():
    assert match(("cat", "dog"), known=(), outputs=2) == ((0,), (1,))
    assert match(("3", "1"), known=(), outputs=5) == ((3,), (1,))


@pytest.mark.parametrize(
    ("names", "means", "known", "words"),
    [
        (("cat", "cow", "ox"), (), ANIMALS, "2 of its 3 classes are none of the data's, which are 'cat', 'dog', 'polar_bear': 'cow', 'ox'"),
        (("pet",), (("wolf", "fox"),), ANIMALS, r"1 of its 1 class is none of .*: 'pet' \(for 'wolf', 'fox'\)"),
        (("3",), (), ANIMALS, "'3'"),
        (("cat", "dog"), (), (), "none of the data's, 3 without names"),
        (("cat", "pet"), (("cat",), ("cat", "dog")), ANIMALS, "its classes 'cat' and 'pet' both stand for the data's 'cat'"),
        (("a b",), (), ("a b", "A_b"), "none of the data's"),  # which of them is not known
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(names, means, known, words):
    with pytest.raises(DataError, match=words):
        match(names, known, means, outputs=3)

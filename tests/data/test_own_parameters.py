"""Values in the form that a class asks for, by its annotations or its defaults."""

from collections.abc import Sequence
from typing import Annotated, Any, Optional

import pytest
from torch import nn

from harness.data.own_parameters import parameters_of, spell_sequences


def function(
    tuples: tuple[int, ...],
    nested: tuple[tuple[int, ...], ...],
    pair: tuple[list[int], tuple[int]],
    maybe: Optional[tuple[int, ...]] = None,  # noqa: UP045
    either: int | tuple[int, int] = 3,
    as_text: "tuple[int, ...]" = (),
    marked: Annotated[tuple[int, ...], "of stages"] = (),
    lists: list[int] = [],  # noqa: B006
    rows: Sequence[tuple[int, ...]] = (),
    any_thing: Any = None,
    text: str = "",
    unknown: "no_such_name.of_anything" = (1,),  # type: ignore[name-defined]  # noqa: F821
    by_default=(1, 2),
    by_nested_default=((1, 2), (3,)),
    by_list=[(1, 2)],  # noqa: B006
    plain=3,
): ...


@pytest.mark.parametrize(
    ("name", "value", "formed"),
    [
        ("tuples", [1, 2], (1, 2)),
        ("tuples", [], ()),
        ("nested", [[1, 2], [3]], ((1, 2), (3,))),
        ("pair", [[1], [2]], ([1], (2,))),
        ("maybe", [1], (1,)),
        ("maybe", None, None),
        ("either", [3, 3], (3, 3)),
        ("either", 3, 3),
        ("as_text", [1], (1,)),
        ("marked", [1], (1,)),
        ("lists", [1], [1]),
        ("rows", [[1, 2]], [(1, 2)]),
        ("any_thing", [1, [2]], [1, [2]]),
        ("text", [1], [1]),
        ("unknown", [1], (1,)),
        ("by_default", [4, 5, 6], (4, 5, 6)),
        ("by_nested_default", [[1], [2]], ((1,), (2,))),
        ("by_list", [[1, 2]], [(1, 2)]),
        ("plain", [1], [1]),
    ],
)
def test_a_list_becomes_what_is_asked_for(name, value, formed):
    assert parameters_of(function)[0][name].formed(value) == formed


def test_what_can_only_be_a_sequence_is_known():
    named, _ = parameters_of(function)
    found = {key for key, one in named.items() if one.is_sequence}
    several = {"tuples", "nested", "pair", "maybe", "as_text", "marked", "lists", "rows", "unknown"}
    assert found == several | {"by_default", "by_nested_default", "by_list"}
    words = spell_sequences(named, {"tuples": 4, "either": 4, "rows": [1], "maybe": None})
    assert words.endswith("two pairs of brackets: tuples=[[4]]") and words.count(";") == 1


class Parent(nn.Module):
    def __init__(self, width: tuple[int, ...], depth: int = 1, **options): ...


class Child(Parent):
    def __init__(self, name, **options): ...


def test_a_class_that_hands_on_has_its_parents_parameters():
    named, takes_any = parameters_of(Child)
    assert list(named) == ["name", "width", "depth"]
    assert takes_any and named["name"].needed and not named["width"].needed
    assert (named["width"].formed([1]), named["depth"].formed([1])) == ((1,), [1])
    assert parameters_of(nn.Linear)[0]["in_features"].needed


def test_an_inherited_constructor_needs_what_it_needed():
    class Own:
        def __init__(self, in_features, out_features, width=4):
            pass

    class Child(Own):
        pass

    named, takes_any = parameters_of(Child)
    assert [one.name for one in named.values() if one.needed] == ["in_features", "out_features"]
    assert not takes_any

"""The options of an item: unknown names are refused, values stay, and what checks them is built late."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from harness.api import Options


class Depth(Options):
    depth: int = Field(default=2, ge=1, description="layers")


class Deeper(Depth):
    width: int = Field(default=8, description="units")


def test_a_name_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(ValidationError, match="widht"):
        Deeper.model_validate({"widht": 4})


def test_values_are_checked_and_stay() -> None:
    options = Deeper(depth=3)
    assert options.model_dump() == {"depth": 3, "width": 8}
    with pytest.raises(ValidationError, match="frozen"):
        options.depth = 4
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Deeper(depth=0)


def test_fields_are_known_before_anything_is_checked() -> None:
    class Late(Options):
        rate: float = Field(default=0.5, description="of a step")

    assert not Late.__pydantic_complete__
    assert Late.model_fields["rate"].get_default() == 0.5
    assert Late(rate=1).rate == 1.0
    assert Late.__pydantic_complete__

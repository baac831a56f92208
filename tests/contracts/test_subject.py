"""Which member of a family is checked for all."""

from types import SimpleNamespace

from harness.api import Architecture
from harness.contracts.subject import Subject

FAMILY = Architecture(name="zoo/", build="zoo:build", takes=("image",), members="zoo:members")


def member(**members: dict[str, object]) -> str:
    return Subject(FAMILY, SimpleNamespace(members=lambda item: members)).member()


def test_the_smallest_input_then_the_fewest_parameters_then_the_name():
    large, small = {"input": [3, 224, 224]}, {"input": [3, 32, 32]}
    assert member(a=large, b=small) == "b"
    assert member(a=large | {"parameters": 9}, b=large | {"parameters": 2}, c=large) == "b"
    assert member(b={}, a={}) == "a"
    assert (
        member(a=small | {"unusable": "it is old"}, b=small | {"requires": ["cuda"]}, c={}) == "c"
    )

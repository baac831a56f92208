"""The parameters of a class, in the words of its source."""

from __future__ import annotations

import ast

from harness.catalogue.own_signature import SourceParameter, named_by

SOURCE = """
@dataclass
class Sizes:
    width: int = 4
    _hidden: int = 1

class Net:
    def __init__(self, outputs, /, task, rate: float = 0.1, *, config: Sizes, gated=False): ...
"""


def test_parameters_and_those_of_a_configuration() -> None:
    body = ast.parse(SOURCE).body
    net = body[-1]
    assert isinstance(net, ast.ClassDef)
    assert named_by(net, body) == (
        SourceParameter("task"),
        SourceParameter("rate", "float", "0.1"),
        SourceParameter("gated", "", "False"),
        SourceParameter("width", "int", "4", "Sizes"),
        SourceParameter("config", "Sizes", "its defaults"),
    )
    assert named_by(net, [*body, *body]) is None  # one of two of that name

"""How a network takes its input: by place, by the name that it has for it, with None for what it must be given."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

INPUT_NAMES = ("pixel_values", "inputs_embeds", "past_values")
"""What libraries call an input of real numbers where it is not the first parameter."""


@dataclass(frozen=True)
class Call:
    """How a network is called.

    keyword: the name of the input; "" gives it by place. others: what else it must be given.
    """

    keyword: str = ""
    others: dict[str, None] = field(default_factory=dict)

    def __call__(self, net: nn.Module, inputs: Tensor) -> Any:
        """Run the network on a batch."""
        if self.keyword:
            return net(**{self.keyword: inputs}, **self.others)
        return net(inputs, **self.others)

    def words(self) -> str:
        """Say it, where it is not the usual way; "" where it is."""
        parts = [f"its input as {self.keyword}"] if self.keyword else []
        parts += [f"None for {', '.join(self.others)}"] if self.others else []
        return " and ".join(parts)


def call_of(net: nn.Module) -> Call:
    """Return how a network is called, by the signature of its `forward`."""
    try:
        parameters = list(inspect.signature(net.forward).parameters.values())
    except (TypeError, ValueError):  # written in C
        return Call()
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    nameable = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    known = next((p.name for p in nameable if p.name in INPUT_NAMES), "")
    keyword = ""
    if by_place and (not known or by_place[0].name == known):
        first = by_place[0].name
    elif any(p.kind is p.VAR_POSITIONAL for p in parameters) and not known:
        first = ""
    else:
        needed = next((p.name for p in nameable if p.default is p.empty), "")
        first = keyword = known or needed or (nameable[0].name if nameable else "")
    others = {p.name: None for p in nameable if p.name != first and p.default is p.empty}
    return Call(keyword, others)

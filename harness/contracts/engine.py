"""What an engine must satisfy. It is not started: that may take a cluster."""

from __future__ import annotations

import inspect

from harness.catalogue.kinds import Engine
from harness.catalogue.references import resolve
from harness.contracts.subject import Subject, require


def check_start(subject: Subject) -> None:
    """It can be started with a setting, and its options where it has some."""
    item = subject.item
    assert isinstance(item, Engine)
    needed = [
        parameter.name
        for parameter in inspect.signature(resolve(item.start)).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    available = ["setting"] + (["options"] if item.options is not None else [])
    unknown = [name for name in needed if name not in available]
    require(
        not unknown, f"its start asks for {', '.join(unknown)}; available: {', '.join(available)}"
    )


CONTRACTS = (check_start,)

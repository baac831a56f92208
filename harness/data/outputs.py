"""What a network returns, and the logits in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from harness.data.task import Task
from harness.errors import PluginError


class WrongOutput(PluginError):
    """A network returned something that its logits are not in."""


def take_logits(output: Any) -> Any:
    """Return the logits of what a network returned; the thing itself where none are known in it.

    They are what is called `logits`, as an attribute or a key, or else the first item of a tuple: what comes
    beside them (features, the outputs of auxiliary heads) is not used.
    """
    if isinstance(output, Tensor):
        return output
    named = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return named
    if isinstance(output, tuple | list) and output and isinstance(output[0], Tensor):
        return output[0]
    return output


def auxiliary_outputs(output: Any) -> tuple[Tensor, ...]:
    """Return what a network returned beside its logits that has their shape: the outputs of auxiliary heads."""
    logits = take_logits(output)
    values = output.values() if isinstance(output, Mapping) else output
    if isinstance(output, Tensor) or not isinstance(values, Iterable):
        return ()
    return tuple(
        one
        for one in values
        if isinstance(one, Tensor) and one is not logits and one.shape == logits.shape
    )


def describe_output(output: Any) -> str:
    """Say what is taken of an output; "" where it is a tensor."""
    found = take_logits(output)
    if isinstance(output, Tensor) or not isinstance(found, Tensor):
        return ""
    kind = type(output).__name__
    is_first = (
        isinstance(output, tuple | list) and found is output[0] and not hasattr(output, "logits")
    )
    return f"the first of {len(output)} in its {kind}" if is_first else f"the logits in its {kind}"


def check_output(label: str, task: Task, output: object) -> Tensor:
    """Return a model's output, checked: a float tensor ``(batch, *output_shape)`` of the task.

    Raises:
        WrongOutput: It is something else; the message says what was wanted.
    """
    if not isinstance(output, Tensor):
        held = f" of {', '.join(map(repr, output))}" if isinstance(output, Mapping) else ""
        raise WrongOutput(
            f"{label} returned a {type(output).__name__}{held}, not a tensor of logits; an object or a "
            "dictionary with `logits`, or a tuple that begins with them, is taken too"
        )
    wanted = task.output_shape
    if tuple(output.shape[1:]) != wanted:
        raise WrongOutput(
            f"{label} returned the shape {tuple(output.shape)}; wanted (batch, {', '.join(map(str, wanted))}): "
            f"{task.problem_item.output_words}"
        )
    if not output.is_floating_point():
        raise WrongOutput(f"{label} returned {output.dtype} values; logits are real numbers")
    return output

"""Models as people have them: a class, a factory or an instance named ``package.module:Net``.

They are built with what they name (`num_classes`, `input_shape` ...) and with the user's options, and run once
on a batch of zeros, so that layers which are made by their first input are there before anything reads them.
Options of their name that are the harness's own: `takes`, `resize`, `input_range` and `auxiliary`.
"""

from __future__ import annotations

import contextlib
import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.references import call, resolve
from harness.catalogue.size_names import CONFIG_NAMES
from harness.data.outputs import check_output, describe_output, take_logits
from harness.data.own_arguments import arguments_of, describe_given, names_parameter, options_of
from harness.data.task import InputSpec, Task
from harness.errors import PluginError, UsageError

_CHANNELS = re.compile(r"to have (\d+) channels, but got (\d+) channels")
_RANGE = re.compile(r"\s*(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)\s*")


def own_inputs(chosen: Chosen, seen: Task) -> Iterator[InputSpec]:
    """Yield the inputs that are tried with a class of the user's: the data's own, then larger images.

    seen: the task, in the modality that the class takes. Its option `resize` asks for one size alone, and
    `input_range` (or an attribute of the class) for values in a range such as "0..255" in place of
    standardised ones.

    Raises:
        UsageError: These make no sense.
    """
    found = resolve(chosen.name)
    limits = _input_range(chosen, found)
    size = None if names_parameter(found, "resize") else chosen.options.get("resize")
    if size is not None:
        if not seen.modality_item.resizable or type(size) is not int or size < 1:
            raise UsageError(
                f"{chosen.label}: resize is a number of pixels, of images; got {size!r} for "
                f"{seen.modality} data"
            )
        yield InputSpec((seen.input_shape[0], size, size), range=limits)
        return
    yield InputSpec(seen.input_shape, range=limits)
    others = seen.modality_item.shapes
    if others is not None:
        for shape in call(others, shape=seen.input_shape):
            yield InputSpec(tuple(shape), range=limits)


def wanted_channels(error: Exception, spec: InputSpec) -> int:
    """Return how many channels a convolution says that it wants of an image in place of the given ones; or 0.

    A grey image is repeated for a class of three fixed channels, and colours are averaged for one of one.
    """
    said = _CHANNELS.search(str(error))
    if said is None or len(spec.shape) != 3 or int(said[2]) != spec.shape[0]:
        return 0
    return int(said[1]) if said[1] in ("1", "3") else 0


def make_own(chosen: Chosen, available: Mapping[str, Any]) -> Any:
    """Build what a name of the user's means, with what it names of the `available` values and its options.

    An instance is copied, and its parameters are drawn anew where its modules can.

    Raises:
        UsageError: It does not take an option. PluginError: It needs a value that is not available, or is an
            instance that cannot be copied.
    """
    found = resolve(chosen.name)
    if isinstance(found, nn.Module):
        given = options_of(chosen, found)
        if given:
            raise UsageError(
                f"{chosen.label} is an instance, which takes no options; got {', '.join(given)}"
            )
        return _copied(chosen.label, found)
    made = arguments_of(chosen, found, available)
    values = dict(made.values)
    if made.config is not None:
        values[made.config.parameter] = made.config.build(made.config_values)
    missing = [name for name, one in made.named.items() if one.needed and name not in values]
    if missing:
        hint = (
            f"; or name its class, {missing[0]}: MyConfig or config_class = MyConfig, and it is built from its "
            "defaults"
            if missing[0] in CONFIG_NAMES
            else ""
        )
        raise PluginError(
            f"{chosen.name} needs {', '.join(missing)}: write {chosen.name}:{missing[0]}=...; "
            f"what it may ask for by name: {', '.join(sorted(available))}{hint}"
        )
    return _built(found, values)


def _built(found: Any, values: Mapping[str, Any]) -> Any:
    """Call a class with values; lists of what nothing says the form of are tuples where lists fail."""
    try:
        return found(**values)
    except Exception:
        tuples = {key: _as_tuples(value) for key, value in values.items()}
        if tuples == values:
            raise
        with contextlib.suppress(Exception):  # what it says of lists is about what was written
            return found(**tuples)
        raise


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def try_once(label: str, model: Any, task: Task) -> str:
    """Run a model on two examples, so that all of it is there; say what is taken of its output.

    Raises:
        PluginError: Its output is none that can be taken. What it raises itself is raised as it is.
    """
    value = min(max(0.0, task.low), task.high)
    kind = getattr(torch, task.modality_item.input_type)
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            inputs = model.eval().first(torch.full((2, *task.input_shape), value, dtype=kind))
            output = model.call(model.net, inputs)
    finally:
        for module, mode in modes:
            module.training = mode
    check_output(label, task, take_logits(output))
    return describe_output(output)


def auxiliary_weight(chosen: Chosen) -> float:
    """Return the weight that the option `auxiliary` gives to the loss of each auxiliary head; 0 without it.

    Raises:
        UsageError: It is no number from 0 on.
    """
    if names_parameter(resolve(chosen.name), "auxiliary"):
        return 0.0
    weight = chosen.options.get("auxiliary", 0)
    if type(weight) not in (int, float) or not 0 <= weight < math.inf:
        raise UsageError(
            f"{chosen.label}: auxiliary is the weight of the loss of each auxiliary head, such as 0.3 "
            f"(GoogLeNet) or 0.4 (Inception v3); got {weight!r}"
        )
    return float(weight)


def remarks_on(chosen: Chosen, net: nn.Module, seen: Task) -> list[str]:
    """Say what a class was given of the data, and what seeds mean nothing for."""
    found = resolve(chosen.name)
    return _kept_parameters(net) if isinstance(found, nn.Module) else describe_given(chosen, seen)


def _kept_parameters(net: nn.Module) -> list[str]:
    kept = sum(p.numel() for module in net.modules() if not _reset(module) for p in _own(module))
    total = sum(p.numel() for p in net.parameters())
    if not kept:
        return []
    whose = "parameters are the instance's own whatever the seed"
    return [f"{kept:,} of {total:,} {whose}: their modules have no reset_parameters"]


def _copied(label: str, instance: nn.Module) -> nn.Module:
    try:
        net = copy.deepcopy(instance)
    except Exception as error:
        first_line = (str(error).splitlines() or [""])[0]
        raise PluginError(
            f"{label} is an instance that cannot be copied ({type(error).__name__}: {first_line}); name its "
            "class, or a function that builds it"
        ) from error
    for module in net.modules():
        reset = _reset(module)
        if reset is not None:
            reset()
    return net


def _reset(module: nn.Module) -> Callable[[], Any] | None:
    """Return what draws a module's parameters anew; torch's attention has it under a private name."""
    found = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
    return found if callable(found) else None


def _own(module: nn.Module) -> Iterator[nn.Parameter]:
    return module.parameters(recurse=False)


def _input_range(chosen: Chosen, found: Any) -> tuple[float, float] | None:
    said = getattr(found, "input_range", None)
    written = said if isinstance(said, str) else None
    if not names_parameter(found, "input_range"):
        written = chosen.options.get("input_range", written)
    if written is None:
        return None
    ends = _RANGE.fullmatch(str(written))
    if ends is None or not float(ends[1]) < float(ends[2]):
        raise UsageError(
            f'{chosen.label}: input_range is {written!r}; write two numbers, such as "0..1" or "0..255"'
        )
    return float(ends[1]), float(ends[2])

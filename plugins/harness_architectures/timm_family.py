"""`timm/`: the models of PyTorch Image Models."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import nn

from harness.api import InputSpec, Task, UsageError, import_timm
from harness_architectures.input_size import Shape, find_smallest, try_shape
from harness_architectures.options import TimmOptions
from harness_architectures.preprocessing import from_timm, timm_facts


def list_members() -> dict[str, dict[str, Any]]:
    """Return every model with facts; encoders ("..._enc"), which give no logits, are left out.

    pretrained: whether weights are published. hub: the default ones, a Hugging Face id or an
    address. tags: the same for each published tag. input: the shape that they were trained with.
    preprocessing: what each tag, and "" for the default one, expects of pictures.
    """
    timm = import_timm()
    tags: dict[str, dict[str, str]] = {}
    expected: dict[str, dict[str, Any]] = {}
    for full_name in timm.list_models(pretrained=True):
        name, _, tag = full_name.partition(".")
        config = timm.get_pretrained_cfg(full_name)
        tags.setdefault(name, {})[tag] = _location(config)
        expected.setdefault(name, {})[tag] = timm_facts(config)
    members = {}
    for name in timm.list_models():
        if name.endswith("_enc"):
            continue
        config = timm.get_pretrained_cfg(name)
        hub = _location(config)
        members[name] = {
            "pretrained": bool(hub),
            "hub": hub,
            "tags": tags.get(name, {}),
            "input": list(config.input_size),
            "preprocessing": expected.get(name, {}) | {"": timm_facts(config)},
        }
    return members


def wants(task: Task, options: TimmOptions, member: str, pretrained: bool) -> InputSpec:
    """Return the input that the model needs for a task.

    Published weights have their own channels, size, mean, deviation and preprocessing. Without them the
    model takes the task's channels, and its size where that works, or else the smallest that does.
    """
    config = _config(member, options)
    own: Shape = config.input_size
    if pretrained:
        expected = from_timm(timm_facts(config), options)
        shape = (own[0], *expected.size)
        return InputSpec(shape, tuple(config.mean), tuple(config.std), expected)
    return InputSpec(_find_shape(member, options, _image_shape(task), own))


@lru_cache(maxsize=64)
def _find_shape(member: str, options: TimmOptions, shape: Shape, own: Shape) -> Shape:
    name = f"timm/{member}"

    def make(candidate: Shape) -> nn.Module:
        return _create(member, options, candidate, 10, pretrained=False)

    channels = (shape[0], own[0])
    if options.input_size is None:
        return find_smallest(name, make, channels, own, shape)
    asked = [(count, options.input_size, options.input_size) for count in dict.fromkeys(channels)]
    problems = [try_shape(make, candidate) for candidate in asked]
    for candidate, problem in zip(asked, problems, strict=True):
        if problem is None:
            return candidate
    raise UsageError(f"{name} does not work with input_size={options.input_size}: {problems[0]}")


def build(
    input_shape: tuple[int, ...],
    num_classes: int,
    options: TimmOptions,
    member: str,
    pretrained: bool,
) -> nn.Module:
    """Build a model, with the published weights and a head for `num_classes` if asked.

    A head of as many classes as the weights have is kept. Position embeddings and the first
    convolution are fitted by timm where the input differs from the weights' own.
    """
    return _create(member, options, input_shape, num_classes, pretrained)


def _create(
    member: str,
    options: TimmOptions,
    shape: tuple[int, ...],
    num_classes: int,
    pretrained: bool,
) -> nn.Module:
    config = _config(member, options)
    arguments: dict[str, Any] = {"num_classes": num_classes, "in_chans": shape[0]}
    if config.fixed_input_size:  # timm's own mark of those that take their size when built
        arguments["img_size"] = tuple(shape[1:])
    for name in ("drop_rate", "drop_path_rate"):
        if getattr(options, name) is not None:
            arguments[name] = getattr(options, name)
    name = f"{member}.{options.tag}" if options.tag else member
    try:
        model: nn.Module = import_timm().create_model(name, pretrained=pretrained, **arguments)
    except TypeError as error:
        for option in ("drop_rate", "drop_path_rate"):
            if f"'{option}'" in str(error):
                raise UsageError(f"timm/{member} has no option {option!r}") from None
        raise
    return model


def _config(member: str, options: TimmOptions) -> Any:
    """Return timm's record of the model and its weights."""
    timm = import_timm()
    if options.tag:
        tags = [
            name.partition(".")[2]
            for name in timm.list_models(f"{member}.*", pretrained=True)
            if name.partition(".")[0] == member
        ]
        if options.tag not in tags:
            allowed = ", ".join(tags) or "none, no weights are published"
            raise UsageError(f"timm/{member} has no tag {options.tag!r}; allowed: {allowed}")
        return timm.get_pretrained_cfg(f"{member}.{options.tag}")
    return timm.get_pretrained_cfg(member)


def _location(config: Any) -> str:
    return config.hf_hub_id or config.url or ""


def _image_shape(task: Task) -> Shape:
    channels, height, width = task.input_shape
    return channels, height, width

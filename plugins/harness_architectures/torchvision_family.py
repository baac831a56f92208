"""`torchvision/`: the classification models of torchvision."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from torch import nn

from harness.api import InputSpec, Task, UsageError, import_torchvision
from harness_architectures.input_size import Shape, find_smallest, try_shape
from harness_architectures.options import TorchvisionOptions
from harness_architectures.preprocessing import from_torchvision, torchvision_facts

# Those that take the size of their input when they are built, and what they call it.
SIZE_ARGUMENTS = {"vit_": "image_size", "maxvit_": "input_size"}
AUXILIARY_HEADS = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}


def list_members() -> dict[str, dict[str, Any]]:
    """Return every classification model with facts.

    pretrained: whether weights are published. hub: the address of the default ones. tags: the same
    for each published name. input: the shape that the default ones were trained with.
    parameters: how many it has, with the default ones' classes. preprocessing: what each published name expects of pictures.
    """
    models = import_torchvision().models
    members = {}
    for name in models.list_models(module=models):
        published = list(models.get_model_weights(name))
        tags = {weights.name: weights.url for weights in published}
        expected = {weights.name: torchvision_facts(weights.transforms()) for weights in published}
        default = _weights(name, "DEFAULT")
        members[name] = {
            "pretrained": bool(tags),
            "hub": default.url,
            "tags": tags | {"DEFAULT": default.url},
            "input": list(_own_shape(default)),
            "parameters": int(default.meta["num_params"]),
            "preprocessing": expected | {"DEFAULT": torchvision_facts(default.transforms())},
        }
    return members


def wants(task: Task, options: TorchvisionOptions, member: str, pretrained: bool) -> InputSpec:
    """Return the input that the model needs for a task: always three channels.

    Published weights have their own size, mean, deviation and preprocessing. Without them it is the
    task's size where that works, or else the smallest that does.
    """
    weights = _weights(member, options.weights)
    own = _own_shape(weights)
    if pretrained:
        transforms = weights.transforms()
        expected = from_torchvision(torchvision_facts(transforms), options)
        shape = (3, *expected.size)
        return InputSpec(shape, tuple(transforms.mean), tuple(transforms.std), expected)
    height, width = task.input_shape[1:]
    return InputSpec(_find_shape(member, options.input_size, (3, height, width), own))


@lru_cache(maxsize=64)
def _find_shape(member: str, side: int | None, shape: Shape, own: Shape) -> Shape:
    def make(candidate: Shape) -> nn.Module:
        return _create(member, candidate, None, 10)

    name = f"torchvision/{member}"
    if side is None:
        return find_smallest(name, make, (3,), own, shape)
    problem = try_shape(make, (3, side, side))
    if problem is not None:
        raise UsageError(f"{name} does not work with input_size={side}: {problem}")
    return (3, side, side)


def build(
    input_shape: tuple[int, ...],
    num_classes: int,
    options: TorchvisionOptions,
    member: str,
    pretrained: bool = False,
    published: bool = False,
) -> nn.Module:
    """Build a model, with the published weights and a head for `num_classes` if asked.

    A head of as many classes as the weights have is kept. Auxiliary heads are left out. What
    torchvision changes in a network that takes published weights, it changes in one that takes
    those that were fitted from them, too.
    """
    if not pretrained:
        return _create(member, input_shape, None, num_classes, published)
    weights = _weights(member, options.weights)
    classes = len(weights.meta["categories"])
    model = _create(member, input_shape, weights, classes)
    if num_classes != classes:
        replace_head(model, classes, num_classes)
    return model


def replace_head(model: nn.Module, published: int, num_classes: int) -> None:
    """Put a fresh layer in place of the last one that has as many outputs as published classes."""
    for name, module in reversed(list(model.named_modules())):
        head: nn.Module
        if isinstance(module, nn.Linear) and module.out_features == published:
            head = nn.Linear(module.in_features, num_classes, bias=module.bias is not None)
        elif isinstance(module, nn.Conv2d) and module.out_channels == published:
            head = nn.Conv2d(module.in_channels, num_classes, module.kernel_size)  # type: ignore[arg-type]
        else:
            continue
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, head)
        return
    raise UsageError(f"{type(model).__name__} has no layer with {published} outputs to replace")


def _create(
    member: str,
    shape: tuple[int, ...],
    weights: Any | None,
    num_classes: int,
    published: bool = False,
) -> nn.Module:
    arguments: dict[str, Any] = {"num_classes": num_classes}
    for prefix, argument in SIZE_ARGUMENTS.items():
        if member.startswith(prefix):
            height, width = shape[1:]
            if argument == "input_size":
                arguments[argument] = (height, width)
            elif height == width:
                arguments[argument] = height
            else:
                raise UsageError(f"torchvision/{member} takes square images only")
    if member in AUXILIARY_HEADS and weights is None:
        arguments["aux_logits"] = False
        arguments["init_weights"] = not published  # slow, and fitted weights take their place
        arguments["transform_input"] = published  # from ImageNet's mean and deviation to its own
    models = import_torchvision().models
    model: nn.Module = models.get_model(member, weights=weights, **arguments)
    for head in AUXILIARY_HEADS.get(member, ()):  # published weights are loaded with them only
        setattr(model, head, None)
        setattr(model, "aux_logits", False)  # noqa: B010 - of torchvision's class, not of Module
    return model


def _weights(member: str, name: str) -> Any:
    """Return torchvision's record of published weights."""
    published = import_torchvision().models.get_model_weights(member)
    try:
        return published[name]
    except KeyError:
        allowed = ", ".join(weights.name for weights in published)
        raise UsageError(
            f"torchvision/{member} has no weights {name!r}; allowed: DEFAULT, {allowed}"
        ) from None


def _own_shape(weights: Any) -> Shape:
    (side,) = weights.transforms().crop_size
    return (3, side, side)

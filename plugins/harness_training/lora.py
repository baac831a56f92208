"""`lora`: fine-tune by low-rank changes of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.utils import parametrize

from harness.api import NotApplicable, Task
from harness.api.layers import head_parameters
from harness.api.training import TrainingHooks
from harness_training.options import LoraOptions


class Lora(TrainingHooks):
    """Each weight W of a linear, attention or convolutional layer becomes W + (alpha / r) B A, of which A and B are trained.

    Hu et al. 2022, "LoRA: Low-rank adaptation of large language models", section 4.1: A is random, B is 0 at first, r the rank; of a
    convolution W is taken as ``(out, in * kernel)``. The head is trained whole, as it is new for new classes, and all else is
    frozen. At the end the changes are added to the weights, or to what a weight is made of, as by `weight_norm`: the fitted model costs
    what it did.
    """

    def __init__(self, task: Task, options: LoraOptions) -> None:
        """Take the rank."""
        self.task, self.options = task, options

    def prepare(self, model: nn.Module) -> None:
        """Freeze all but the head, and put the changes in.

        Raises:
            NotApplicable: There is no weight to change, as in recurrent networks.
        """
        head = {id(parameter) for parameter in head_parameters(model, self.task)}
        self.asked = [(p, p.requires_grad) for p in model.parameters()]
        found = [pair for pair in _matrices(model) if id(getattr(*pair)) not in head]
        if not found:
            raise NotApplicable(
                "lora changes weights of linear, attention and convolutional layers, and beside its head this network has none; "
                'freeze = "trunk" trains the head alone'
            )
        for parameter, was in self.asked:
            parameter.requires_grad_(was and id(parameter) in head)
        self.orders = [list(module._parameters) for module, _ in found]
        for module, name in found:
            weight = getattr(module, name)
            change = LowRank(weight, self.options)
            parametrize.register_parametrization(module, name, change)
        self.changed = found

    def finish(self, model: nn.Module) -> None:
        """Add the changes to the weights."""
        for (module, name), order in zip(self.changed, self.orders, strict=True):
            chain = module.get_submodule(f"parametrizations.{name}")
            assert isinstance(chain, parametrize.ParametrizationList)
            if len(chain) > 1:  # a function of other parameters before: those take the change
                changed = getattr(module, name).detach()
                del chain[-1]
                setattr(module, name, changed)
                continue
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
            for each in order:  # what was put back came last
                module._parameters[each] = module._parameters.pop(each)
        for parameter, was in self.asked:
            parameter.requires_grad_(was)


class LowRank(nn.Module):
    """W -> W + (alpha / r) B A, A ``(r, in)`` and B ``(out, r)``."""

    def __init__(self, weight: Tensor, options: LoraOptions) -> None:
        """Take a weight ``(out, ...)``."""
        super().__init__()
        rows, columns = weight.flatten(1).shape
        rank = min(options.rank, rows, columns)
        self.scale = 1.0 if options.alpha is None else options.alpha / rank
        self.a = nn.Parameter(weight.new_empty(rank, columns))
        self.b = nn.Parameter(weight.new_zeros(rows, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the changed weight."""
        return weight + (self.scale * self.b @ self.a).view_as(weight)


def _matrices(model: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Yield (module, name) of the weights that are changed."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            yield module, "weight"
        elif isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            yield module, "in_proj_weight"

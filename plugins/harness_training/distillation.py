"""`distillation`: learn the answers of a teacher."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws
from harness_training.options import DistillationOptions


def build(
    teacher: Callable[[Tensor], Tensor], options: DistillationOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats, and the logits.

    Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", section 2: a T^2 KL(q || p) + (1 - a) CE, means over
    the batch, where p and q are the softmax of the model's and of the teacher's logits divided by the temperature T, and
    a is `weight`. The factor T^2 keeps the size of the gradient. The teacher sees the inputs as the model does, augmented.
    """

    def distillation(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        logits = model(inputs)
        answers = (teacher(inputs).float() / options.temperature).log_softmax(1)
        own = (logits.float() / options.temperature).log_softmax(1)
        apart = functional.kl_div(own, answers, reduction="batchmean", log_target=True)
        told = functional.cross_entropy(logits.float(), targets)
        weight = options.weight
        return weight * options.temperature**2 * apart + (1 - weight) * told, logits

    return distillation

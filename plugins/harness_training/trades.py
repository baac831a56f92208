"""`trades`: cross-entropy on clean examples, and predictions that change little inside the ball."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, Draws, Task
from harness.api.training import SearchTwins
from harness_training.ball_search import ascend, evaluating
from harness_training.options import TradesOptions

_START = 1e-3  # the gradient of the divergence is zero at the clean example itself


def build(
    task: Task, options: TradesOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats and the logits of clean examples.

    Zhang et al. 2019, "Theoretically principled trade-off between robustness and accuracy",
    algorithm 1 with the losses of its code: CE(f(x), y) + beta KL(p(x) || p(x')), means over the
    batch, where x' maximises the divergence in the ball. The gradient goes through both arguments
    of the divergence.

    As in the authors' code, the search starts from x + 0.001 N(0, 1) (in units of the box's
    width) and runs the model in evaluation mode; then both the clean and the perturbed examples
    pass in training mode, so that running statistics learn from both. The clean pass serves both
    terms; theirs are two, which differ where something is dropped at random.
    """
    budget = Budget(options.norm, options.epsilon, task.low, task.high)
    spread = _START * (task.high - task.low)
    twins = SearchTwins()

    def trades(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        noise = draws.normal("trades/start", tuple(inputs.shape[1:])).to(inputs.dtype)
        with evaluating(model):
            # detached, not under no_grad: autocast would keep weights that it cast there, and the
            # training passes below would find them without a gradient
            searched = twins.of(model, inputs)
            fixed = searched(inputs).detach()
            perturbed = ascend(
                lambda at: divergence(fixed, searched(at)),
                inputs,
                inputs + spread * noise,
                budget,
                steps=options.steps,
                step_size=options.step_size,
            )
        logits, attacked = model(inputs), model(perturbed)
        loss = functional.cross_entropy(logits.float(), targets)
        loss = loss + options.beta * divergence(logits, attacked) / len(inputs)
        return loss, logits

    return trades


def divergence(clean: Tensor, attacked: Tensor) -> Tensor:
    """Return the sum over the batch of KL(p(clean) || p(attacked)), float32, in nats.

    clean, attacked: logits ``(batch, classes)``.
    """
    return functional.kl_div(
        attacked.float().log_softmax(1),
        clean.float().log_softmax(1),
        reduction="sum",
        log_target=True,
    )

"""`ibp`: training on the worst answers that interval bounds allow inside a ball."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, fx, nn
from torch.nn import functional

from harness.api import Draws, Task
from harness_certified.interval import Interval, margins_over
from harness_certified.network import trace_itself
from harness_certified.options import IbpOptions


def build(
    task: Task, options: IbpOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats and the logits of clean examples.

    Gowal et al. 2018, arXiv:1810.12715, equation 12: k CE(z(x), y) + (1 - k) CE(z_worst, y), where z_worst is of the least
    margins to each other class over the linf ball. What is not theirs: epsilon and k do not move by a schedule over the
    steps. With p the probability that the model gives an example's class now, held, its radius is `epsilon` p and its k is
    1 - (1 - `kappa`) p: both come to their ends as the model learns, and give way where bounds that are still too wide
    begin to destroy what it has learnt. Bounds go through the network as it is in evaluation; running statistics learn
    from the clean pass.

    Raises:
        NotApplicable: An operation of the network has no bounds (attention, recurrence).
    """
    graphs: list[tuple[nn.Module, fx.GraphModule]] = []  # of the last model, as it is read once

    def ibp(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        if not graphs or graphs[0][0] is not model:
            graphs[:] = [(model, trace_itself(model))]
        logits = model(inputs)
        sure = logits.detach().float().softmax(1).gather(1, targets[:, None])[:, 0]
        radius = options.epsilon * sure.view(-1, *[1] * (inputs.dim() - 1)).to(inputs)
        ball = Interval(
            (inputs - radius).clamp_min(task.low), (inputs + radius).clamp_max(task.high)
        )
        with _evaluating(model):
            margins = margins_over(graphs[0][1], targets, ball)
        worst = (-margins).scatter(1, targets[:, None], 0.0)  # its own margin to itself is none
        share = (1 - options.kappa) * sure
        clean = functional.cross_entropy(logits.float(), targets, reduction="none")
        bound = functional.cross_entropy(worst.float(), targets, reduction="none")
        loss = ((1 - share) * clean + share * bound).mean()
        return loss, logits

    return ibp


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode

"""`gpt`: a small decoder of tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.api import Task, UsageError
from harness_architectures.options import GptOptions
from harness_architectures.transformer import TransformerBlock

STD = 0.02


class Gpt(nn.Module):
    """Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.

    ``(batch, time)`` tokens -> ``(batch, time, outputs)``, a step of which depends on the tokens up to it alone; or
    ``(batch, outputs)``, of the last step (Radford et al. 2018, section 3.2). Positions are learnt. Weights start from
    N(0, 0.02^2), those that end a residual branch from one over the square root of the branches of that.
    """

    def __init__(
        self, vocabulary: int, steps: int, outputs: int, options: GptOptions, *, each_step: bool
    ) -> None:
        """Build for examples of so many steps."""
        super().__init__()
        self.each_step = each_step
        self.tokens = nn.Embedding(vocabulary, options.dim)
        self.positions = nn.Parameter(torch.empty(1, steps, options.dim))
        self.dropout = nn.Dropout(options.dropout)
        self.blocks = nn.Sequential(
            *(TransformerBlock(options, causal=True) for _ in range(options.depth))
        )
        self.norm = nn.LayerNorm(options.dim)
        self.head = nn.Linear(options.dim, outputs, bias=False)
        self._start(math.sqrt(2 * options.depth))

    def _start(self, branches: float) -> None:
        nn.init.normal_(self.positions, std=STD)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                ends_branch = name.endswith(("attention.output", "mlp.2"))
                nn.init.normal_(module.weight, std=STD / branches if ends_branch else STD)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, time, outputs)``, or ``(batch, outputs)`` of the last step."""
        states = self.dropout(self.tokens(inputs) + self.positions)  # (batch, time, dim)
        states = self.norm(self.blocks(states))
        logits: Tensor = self.head(states if self.each_step else states[:, -1])
        return logits


def build(task: Task, input_shape: tuple[int, ...], num_classes: int, options: GptOptions) -> Gpt:
    """Build a `Gpt` for examples ``(time,)`` of the task's vocabulary.

    Raises:
        UsageError: The heads do not divide the width of a token.
    """
    if options.dim % options.heads:
        raise UsageError(f"gpt: heads={options.heads} does not divide dim={options.dim}")
    each_step = len(task.output_shape) > 1
    return Gpt(task.vocabulary, input_shape[0], num_classes, options, each_step=each_step)

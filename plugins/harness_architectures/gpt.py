"""`gpt`: a small decoder of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from harness.api import Task, UsageError
from harness_architectures.positions import AddedPositions
from harness_architectures.sequence_options import GptOptions
from harness_architectures.transformer import Past, TransformerBlock

STD = 0.02


class Gpt(nn.Module):
    """Radford et al. 2019, "Language models are unsupervised multitask learners", section 2.3.

    ``(batch, time)`` tokens -> ``(batch, time, outputs)``, a step of which depends on the tokens up to it alone; or
    ``(batch, outputs)``, of the last step (Radford et al. 2018, section 3.2). Weights start from N(0, 0.02^2), those that
    end a residual branch from one over the square root of the branches of that.
    """

    def __init__(
        self, vocabulary: int, steps: int, outputs: int, options: GptOptions, *, each_step: bool
    ) -> None:
        """Build for examples of so many steps."""
        super().__init__()
        self.each_step = each_step
        self.tokens = nn.Embedding(vocabulary, options.dim)
        self.positions: AddedPositions | None = None
        if options.positions in ("learnt", "sinusoidal"):
            learnt = options.positions == "learnt"
            self.positions = AddedPositions(steps, options.dim, learnt=learnt)
        self.dropout = nn.Dropout(options.dropout)
        rotary = options.positions == "rotary"
        self.blocks = nn.ModuleList(
            TransformerBlock(options, causal=True, rotary=rotary) for _ in range(options.depth)
        )
        self.norm = nn.LayerNorm(options.dim)
        self.head = nn.Linear(options.dim, outputs, bias=False)
        if options.tied:
            self.head.weight = self.tokens.weight
        self._start(math.sqrt(2 * options.depth))

    def _start(self, branches: float) -> None:
        if self.positions is not None and isinstance(self.positions.table, nn.Parameter):
            nn.init.normal_(self.positions.table, std=STD)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                ends_branch = name.endswith(("attention.output", "mlp.2"))
                nn.init.normal_(module.weight, std=STD / branches if ends_branch else STD)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, time, outputs)``, or ``(batch, outputs)`` of the last step."""
        return self._answer(inputs, [None] * len(self.blocks), 0)

    def forward_from(
        self, inputs: Tensor, state: tuple[Past, ...] | None
    ) -> tuple[Tensor, tuple[Past, ...]]:
        """Return the logits of tokens that follow a state, and the state after them; None: nothing came before.

        The state is the keys and values of each block (a KV cache): a token costs what attends to it, and no pass over those
        before it.
        """
        after = tuple(Past(past.held) for past in state or (Past(),) * len(self.blocks))
        return self._answer(inputs, after, len(after[0])), after

    def _answer(self, inputs: Tensor, pasts: Sequence[Past | None], first: int) -> Tensor:
        """Return the logits of tokens from the place `first`; pasts: of each block, which they extend."""
        states = self.tokens(inputs)  # (batch, time, dim)
        states = self.dropout(states if self.positions is None else self.positions(states, first))
        for block, past in zip(self.blocks, pasts, strict=True):
            states = block(states, past)
        logits: Tensor = self.head(self.norm(states if self.each_step else states[:, -1]))
        return logits


def build(task: Task, input_shape: tuple[int, ...], num_classes: int, options: GptOptions) -> Gpt:
    """Build a `Gpt` for examples ``(time,)`` of the task's vocabulary.

    Raises:
        UsageError: A head that is tied to the tokens has other outputs.
    """
    if options.tied and num_classes != task.vocabulary:
        raise UsageError(
            f"gpt: tied=true answers with one of the {task.vocabulary} tokens that it reads; here are {num_classes} outputs"
        )
    each_step = len(task.output_shape) > 1
    return Gpt(task.vocabulary, input_shape[0], num_classes, options, each_step=each_step)

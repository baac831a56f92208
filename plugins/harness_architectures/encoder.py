"""`transformer`: an encoder of sequences and of tokens."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Task
from harness_architectures.positions import POSITION_STD, AddedPositions
from harness_architectures.sequence_options import TransformerOptions
from harness_architectures.transformer import TransformerBlock


class TransformerEncoder(nn.Module):
    """The encoder of Vaswani et al. 2017, "Attention is all you need", section 3.1, arXiv:1706.03762.

    ``(batch, time, features)``, or tokens ``(batch, time)`` -> ``(batch, num_classes)``, or ``(batch, time, num_classes)`` of
    each step. Every step attends to all. MLPs have GELU for ReLU; norms come first (Xiong et al. 2020, "On layer normalization
    in the transformer architecture", arXiv:2002.04745) or after each sum, as in the paper.
    """

    def __init__(
        self,
        embedding: nn.Module,
        steps: int,
        num_classes: int,
        options: TransformerOptions,
        *,
        each_step: bool,
    ) -> None:
        """Take the layer that makes ``(batch, time, dim)`` of an input of so many steps."""
        super().__init__()
        self.each_step, self.pool = each_step, options.pool
        self.embedding = embedding
        self.positions: nn.Module = nn.Identity()
        if options.positions in ("learnt", "sinusoidal"):
            learnt = options.positions == "learnt"
            self.positions = AddedPositions(steps, options.dim, learnt=learnt)
            if learnt:
                nn.init.trunc_normal_(self.positions.table, std=POSITION_STD)
        self.dropout = nn.Dropout(options.dropout)
        rotary, post_norm = options.positions == "rotary", options.norm == "post"
        self.blocks = nn.Sequential(
            *(
                TransformerBlock(options, post_norm=post_norm, rotary=rotary)
                for _ in range(options.depth)
            )
        )
        self.norm = nn.Identity() if post_norm else nn.LayerNorm(options.dim)
        self.head = nn.Linear(options.dim, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``, or ``(batch, time, num_classes)``."""
        states = self.dropout(self.positions(self.embedding(inputs)))  # (batch, time, dim)
        states = self.norm(self.blocks(states))
        if not self.each_step:
            states = states[:, -1] if self.pool == "last" else states.mean(1)
        logits: Tensor = self.head(states)
        return logits


def build(
    task: Task, input_shape: tuple[int, ...], num_classes: int, options: TransformerOptions
) -> TransformerEncoder:
    """Build a `TransformerEncoder` for inputs ``(time, features)`` or tokens ``(time,)``."""
    embedding = (
        nn.Embedding(task.vocabulary, options.dim)
        if len(input_shape) == 1
        else nn.Linear(input_shape[1], options.dim)
    )
    each_step = len(task.output_shape) > 1
    return TransformerEncoder(embedding, input_shape[0], num_classes, options, each_step=each_step)

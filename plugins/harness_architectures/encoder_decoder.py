"""`encoder-decoder`: the transformer that reads a source whole and writes a target token by token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import NotApplicable, Task
from harness_architectures.positions import POSITION_STD, AddedPositions
from harness_architectures.sequence_options import EncoderDecoderOptions
from harness_architectures.transformer import (
    Attention,
    CrossAttention,
    Past,
    TransformerBlock,
    feed_forward,
)

SOURCE_STEPS = "source_steps"  # of a task's details: how many steps of an example are the source


@dataclass(frozen=True)
class Read:
    """What was read: the source's tokens ``(batch, tokens)``, and of each block, once they are all there, what it holds.

    memory: keys and values of the encoded source. pasts: of the tokens that were written before.
    """

    source: Tensor
    memory: tuple[tuple[Tensor, Tensor], ...] = ()
    pasts: tuple[Past, ...] = ()


class DecoderBlock(nn.Module):
    """A block of the decoder of Vaswani et al. 2017, section 3.1: causal attention, attention to a memory, and an MLP.

    Norms come first, or with `post_norm` after each sum, as in the paper.
    """

    def __init__(self, options: EncoderDecoderOptions) -> None:
        """Build from the model's options."""
        super().__init__()
        dim = options.dim
        self.post_norm = options.norm == "post"
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))
        rotary = options.positions == "rotary"
        self.attention = Attention(dim, options.heads, causal=True, rotary=rotary)
        self.memory_attention = CrossAttention(dim, options.heads)
        self.mlp = feed_forward(options, options.activation)
        self.dropout = nn.Dropout(options.dropout)

    def forward(
        self, tokens: Tensor, memory: tuple[Tensor, Tensor], past: Past | None = None
    ) -> Tensor:
        """Return tokens of the same shape ``(batch, tokens, dim)``; memory: as `CrossAttention.read` returns it."""
        tokens = self._close(0, tokens, self.attention(self._open(0, tokens), past))
        tokens = self._close(1, tokens, self.memory_attention(self._open(1, tokens), *memory))
        return self._close(2, tokens, self.mlp(self._open(2, tokens)))

    def _open(self, branch: int, tokens: Tensor) -> Tensor:
        """Return what a branch is given."""
        given: Tensor = tokens if self.post_norm else self.norms[branch](tokens)
        return given

    def _close(self, branch: int, tokens: Tensor, added: Tensor) -> Tensor:
        """Return the sum of tokens and what a branch made of them."""
        total: Tensor = tokens + self.dropout(added)
        return self.norms[branch](total) if self.post_norm else total


class EncoderDecoder(nn.Module):
    """Vaswani et al. 2017, "Attention is all you need", section 3, arXiv:1706.03762.

    ``(batch, time)`` tokens, of which the first `source_steps` are the source, -> logits ``(batch, time, vocabulary)``. The encoder
    reads the source, every step of which sees all of it; the decoder reads the rest from its first step on, each step of which
    sees those up to it and the source. Nothing is asked at the source's steps, and the logits there are 0. Source and target have one
    vocabulary: embeddings, times the root of `dim`, and the head have the same weights (section 3.4). MLPs have GELU for ReLU and norms
    come first, unless options say otherwise; each part has then a norm at its end.
    """

    def __init__(
        self, vocabulary: int, steps: int, source_steps: int, options: EncoderDecoderOptions
    ) -> None:
        """Build for examples of so many steps, of which the first are the source."""
        super().__init__()
        dim, post_norm = options.dim, options.norm == "post"
        self.vocabulary, self.source_steps, self.scale = vocabulary, source_steps, math.sqrt(dim)
        self.tokens = nn.Embedding(vocabulary, dim)
        nn.init.normal_(self.tokens.weight, std=1 / self.scale)
        self.source_positions = _positions(source_steps, options)
        self.target_positions = _positions(steps - source_steps, options)
        self.dropout = nn.Dropout(options.dropout)
        self.encoder = nn.Sequential(
            *(
                TransformerBlock(
                    options,
                    post_norm=post_norm,
                    rotary=options.positions == "rotary",
                    activation=options.activation,
                )
                for _ in range(options.depth)
            ),
            nn.Identity() if post_norm else nn.LayerNorm(dim),
        )
        self.decoder = nn.ModuleList(DecoderBlock(options) for _ in range(options.depth))
        self.norm = nn.Identity() if post_norm else nn.LayerNorm(dim)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, time, vocabulary)``, 0 at the source's steps."""
        source, target = inputs[:, : self.source_steps], inputs[:, self.source_steps :]
        return self._beside_source(
            source, self._decode(target, self._read(source), (None,) * len(self.decoder))
        )

    def forward_from(self, inputs: Tensor, state: Read | None) -> tuple[Tensor, Read]:
        """Return the logits of tokens that follow a state, and the state after them; None: nothing came before.

        The source is encoded once, when its last token has come, and each token of the target is passed over once.
        """
        before = Read(inputs[:, :0]) if state is None else state
        missing = self.source_steps - before.source.shape[1]
        source, target = inputs[:, :missing], inputs[:, missing:]
        read = torch.cat([before.source, source], 1)
        memory = before.memory
        if missing and read.shape[1] == self.source_steps:
            memory = self._read(read)
        pasts = tuple(Past(past.held) for past in before.pasts or (Past(),) * len(self.decoder))
        logits = inputs.new_zeros((len(inputs), 0, self.vocabulary), dtype=self.tokens.weight.dtype)
        if target.shape[1]:
            logits = self._decode(target, memory, pasts)
        return self._beside_source(source, logits), Read(read, memory, pasts)

    def _read(self, source: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return for each block of the decoder the keys and values of the encoded source."""
        memory = self.encoder(self.dropout(self._embed(source, self.source_positions, 0)))
        return tuple(block.memory_attention.read(memory) for block in self._blocks())

    def _decode(
        self,
        target: Tensor,
        memory: tuple[tuple[Tensor, Tensor], ...],
        pasts: tuple[Past | None, ...],
    ) -> Tensor:
        """Return the logits of a target's tokens; pasts: of each block, which they extend."""
        first = 0 if pasts[0] is None else len(pasts[0])
        states = self.dropout(self._embed(target, self.target_positions, first))
        for block, read, past in zip(self.decoder, memory, pasts, strict=True):
            states = block(states, read, past)
        return functional.linear(self.norm(states), self.tokens.weight)

    def _embed(self, tokens: Tensor, positions: AddedPositions | None, first: int) -> Tensor:
        states: Tensor = self.tokens(tokens) * self.scale
        return states if positions is None else positions(states, first)

    def _beside_source(self, source: Tensor, logits: Tensor) -> Tensor:
        """Put zeros for the source's steps before the logits of the target's."""
        return functional.pad(logits, (0, 0, source.shape[1], 0))

    def _blocks(self) -> list[DecoderBlock]:
        return [block for block in self.decoder if isinstance(block, DecoderBlock)]


def _positions(steps: int, options: EncoderDecoderOptions) -> AddedPositions | None:
    """Return the vectors that are added to so many steps; None: of these options none are."""
    if options.positions not in ("learnt", "sinusoidal"):
        return None
    learnt = options.positions == "learnt"
    positions = AddedPositions(steps, options.dim, learnt=learnt)
    if learnt:
        nn.init.trunc_normal_(positions.table, std=POSITION_STD)
    return positions


def build(
    task: Task, input_shape: tuple[int, ...], num_classes: int, options: EncoderDecoderOptions
) -> EncoderDecoder:
    """Build an `EncoderDecoder` for examples ``(time,)`` of the task's vocabulary.

    Raises:
        NotApplicable: The data do not say which steps are the source, or answers are not of the vocabulary.
    """
    source = task.details.get(SOURCE_STEPS)
    if source is None:
        raise NotApplicable(
            f"encoder-decoder reads a source and writes a target, and data for {task.problem} have no source; take data for "
            "sequence_to_sequence, or gpt"
        )
    if num_classes != task.vocabulary:
        raise NotApplicable(
            f"encoder-decoder answers with one of the {task.vocabulary} tokens that it reads; here are {num_classes} outputs"
        )
    return EncoderDecoder(task.vocabulary, input_shape[0], source, options)

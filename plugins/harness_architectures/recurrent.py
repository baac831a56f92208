"""`rnn`, `lstm` and `gru`: recurrent networks, which read a sequence step by step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.api import NotApplicable, Task
from harness_architectures.sequence_options import (
    GruOptions,
    LstmOptions,
    RecurrentOptions,
    RnnOptions,
)


class Recurrent(nn.Module):
    """Recurrent layers and a linear head: ``(batch, time, features)`` -> ``(batch, num_classes)``.

    The head reads the mean of the states over time, so that the gradient reaches every step directly, or with `pool` the
    last state of each direction. Where each step is asked for it reads the state of each: ``(batch, time, num_classes)``.
    """

    def __init__(
        self,
        layers: nn.RNNBase,
        num_classes: int,
        options: RecurrentOptions,
        *,
        each_step: bool,
    ) -> None:
        """Take the recurrent layers, which read ``(batch, time, features)``."""
        super().__init__()
        self.each_step = each_step
        self.recurrent = layers
        self.pool = options.pool
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(layers.hidden_size * _directions(layers), num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``, or ``(batch, time, num_classes)``."""
        states, last = self.recurrent(inputs)  # (batch, time, hidden * directions)
        if self.each_step:
            return self._answer(states)
        if self.pool == "mean":
            return self._answer(states.mean(1))
        hidden = last[0] if isinstance(last, tuple) else last  # an LSTM has cells beside it
        ends = hidden[-_directions(self.recurrent) :].transpose(0, 1).flatten(1)
        return self._answer(ends)  # of (batch, hidden * directions)

    def forward_from(self, inputs: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return the logits of steps that follow a state, and the state after them; None: nothing came before."""
        states, last = self.recurrent(inputs, state)
        return self._answer(states), last

    def _answer(self, states: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(states))
        return logits


def build_rnn(
    task: Task, input_shape: tuple[int, ...], num_classes: int, options: RnnOptions
) -> Recurrent:
    """Build a simple recurrent network: Elman 1990, "Finding structure in time".

    Raises:
        NotApplicable: It is to read from both ends where answers may depend on what came before alone.
    """
    layers = nn.RNN(**_sizes("rnn", task, input_shape, options), nonlinearity=options.activation)
    net = Recurrent(layers, num_classes, options, each_step=_each_step(task))
    _start(layers, options.start, gates=1)
    return net


def build_lstm(
    task: Task, input_shape: tuple[int, ...], num_classes: int, options: LstmOptions
) -> Recurrent:
    """Build a long short-term memory: Hochreiter & Schmidhuber 1997, with the forget gates of Gers et al. 2000.

    Forget gates start with a bias: from 0 they forget half of a cell at each step (Jozefowicz, Zaremba & Sutskever 2015,
    "An empirical exploration of recurrent network architectures").

    Raises:
        NotApplicable: It is to read from both ends where answers may depend on what came before alone.
    """
    layers = nn.LSTM(**_sizes("lstm", task, input_shape, options))
    net = Recurrent(layers, num_classes, options, each_step=_each_step(task))
    _start(layers, options.start, gates=4)
    hidden = options.hidden
    with torch.no_grad():
        for name, bias in layers.named_parameters():
            if name.startswith("bias"):  # of which torch has two: their sum counts
                bias[hidden : 2 * hidden] = options.forget_bias if name.startswith("bias_ih") else 0
    return net


def build_gru(
    task: Task, input_shape: tuple[int, ...], num_classes: int, options: GruOptions
) -> Recurrent:
    """Build gated recurrent units: Cho et al. 2014, equations 5 to 8.

    Raises:
        NotApplicable: It is to read from both ends where answers may depend on what came before alone.
    """
    layers = nn.GRU(**_sizes("gru", task, input_shape, options))
    net = Recurrent(layers, num_classes, options, each_step=_each_step(task))
    _start(layers, options.start, gates=3)
    return net


def _each_step(task: Task) -> bool:
    return len(task.output_shape) > 1


def _directions(layers: nn.RNNBase) -> int:
    return 2 if layers.bidirectional else 1


def _sizes(
    name: str, task: Task, input_shape: tuple[int, ...], options: RecurrentOptions
) -> dict[str, Any]:
    """Return what torch's recurrent layers are made with, for inputs ``(time, features)``."""
    ahead = task.problem_item.answers_each == "prefix"
    if ahead and options.bidirectional is True:
        raise NotApplicable(
            f"{name} with bidirectional=true reads what comes later, and answers may depend on what came before alone; leave "
            "it out, or say false"
        )
    return {
        "input_size": input_shape[-1],
        "hidden_size": options.hidden,
        "num_layers": options.layers,
        "batch_first": True,
        "bidirectional": not ahead if options.bidirectional == "auto" else options.bidirectional,
        "dropout": options.dropout if options.layers > 1 else 0.0,
    }


def _start(layers: nn.RNNBase, start: str, gates: int) -> None:
    """Draw the weights from state to state anew; "uniform" leaves torch's, from +-1 over the root of the units.

    orthogonal: each gate's by itself, so that no state grows or shrinks (Saxe, McClelland & Ganguli 2014, arXiv:1312.6120).
    identity: a state stays as it is, and biases are 0 (Le, Jaitly & Hinton 2015, arXiv:1504.00941).
    """
    if start == "uniform":
        return
    with torch.no_grad():
        for name, parameter in layers.named_parameters():
            if name.startswith("weight_hh"):
                for block in parameter.chunk(gates):
                    (nn.init.orthogonal_ if start == "orthogonal" else nn.init.eye_)(block)
            elif start == "identity" and name.startswith("bias"):
                parameter.zero_()

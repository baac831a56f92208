"""`clip`: bounds the gradient of a step."""

from __future__ import annotations

import torch

from harness.api.training import Fitting, TrainingHooks
from harness_training.options import ClipOptions


class Clip(TrainingHooks):
    """By norm, the gradient g of all parameters becomes g most / ||g|| where its L2 norm is larger than `most`; by value, each
    number of it is cut to [-most, most].

    Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
    """

    def __init__(self, options: ClipOptions) -> None:
        """Take the bound."""
        self.options = options

    def begin(self, fitting: Fitting) -> None:
        """Take the parameters."""
        self.parameters = [p for group in fitting.optimizer.param_groups for p in group["params"]]

    def before_step(self) -> None:
        """Bound the gradient."""
        if self.options.by == "norm":
            torch.nn.utils.clip_grad_norm_(self.parameters, self.options.most)
        else:
            torch.nn.utils.clip_grad_value_(self.parameters, self.options.most)

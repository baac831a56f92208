"""`layer-decay`: lower learning rates for the layers that are nearer to the inputs."""

from __future__ import annotations

from harness.api.training import Fitting, TrainingHooks
from harness_training.blocks import block_of, blocks_of
from harness_training.options import LayerDecayOptions


class LayerDecay(TrainingHooks):
    """The learning rate of the l-th of L layers is factor^(L - l) of the optimizer's.

    Clark et al. 2020, "ELECTRA", appendix A; Bao, Dong & Wei 2022, "BEiT", section 3.2. Layers are the blocks of a network (`blocks`) in the
    order in which it has registered them, parameters of its own before all; the last one is the head.
    """

    def __init__(self, options: LayerDecayOptions) -> None:
        """Take the factor."""
        self.options = options

    def begin(self, fitting: Fitting) -> None:
        """Split the optimizer's groups: one for each of them and each layer, the last layer first."""
        named = [(_module_of(name), p) for name, p in fitting.model.named_parameters()]
        layers = blocks_of(name for name, _ in named)
        depth = {id(p): len(layers) - 1 - layers.index(block_of(name)) for name, p in named}
        groups = fitting.optimizer.param_groups
        split = [
            {
                **group,
                "params": [p for p in group["params"] if depth[id(p)] == below],
                "lr": group["lr"] * self.options.factor**below,
            }
            for below in range(len(layers))
            for group in groups
        ]
        groups[:] = [group for group in split if group["params"]]


def _module_of(parameter: str) -> str:
    """Return the name of the module that a parameter is of, and of one that stands in for its weight (as of `lora`)."""
    return (
        parameter.partition(".parametrizations.")[0]
        if ".parametrizations." in parameter
        else parameter.rpartition(".")[0]
    )

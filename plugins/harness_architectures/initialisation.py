"""How weights start, where that is chosen; one place for all architectures."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

# Half of what they are given passes.
RECTIFIERS = ("relu", "relu6", "gelu", "silu", "elu", "leaky_relu")


def start_convolutions(model: nn.Module) -> None:
    """Draw the weights of convolutions from N(0, 2 / outputs), He et al. 2015, section 2.2 (fan out); biases are zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialise(model: nn.Module, how: str, activation: str) -> None:
    """Draw the weights of linear and convolution layers anew, and set their biases to zero; "own" leaves all as it is.

    "kaiming": N(0, g^2 / inputs) (He et al. 2015, equation 10). "xavier": uniform with the variance
    2 / (inputs + outputs) (Glorot & Bengio 2010, equation 16). "orthogonal": a random (semi-)orthogonal matrix times g
    (Saxe, McClelland & Ganguli 2014). g is sqrt(2) before rectifiers and what is like them, 5/3 before tanh, else 1.
    """
    if how == "own":
        return
    gain = nn.init.calculate_gain("relu" if activation in RECTIFIERS else activation)  # type: ignore[arg-type]
    for module in model.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        if how == "kaiming":
            inputs = module.weight[0].numel()
            nn.init.normal_(module.weight, std=gain / inputs**0.5)
        elif how == "xavier":
            nn.init.xavier_uniform_(module.weight)
        else:
            nn.init.orthogonal_(module.weight, gain)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def zero_branches(branches: Iterable[nn.Module]) -> None:
    """Set the last weights of residual branches to zero, so that each returns zeros at first.

    Goyal et al. 2017, section 5.1 (the scale of the last batch norm); Zhang, Dauphin & Ma 2019 (the last layer, without norms).
    """
    for branch in branches:
        weighted = [layer for layer in branch.modules() if "weight" in layer._parameters]
        for parameter in weighted[-1].parameters(recurse=False):
            nn.init.zeros_(parameter)

"""How many sentences one edit fools: of all single edits, and of those that attacks ask a model about.

Two architectures are trained on sentences as bytes. An attack tries every insertion, deletion, substitution and swap; HotFlip
asks the model about the 1, 8 or 64 edits of the largest gain to first order, DeepWordBug about 8 or 64. Run by hand, for
some minutes:

    python tests/evidence/edits_beside_brute_force.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import torch
from torch import Tensor, nn

import harness
from harness.api import Attack, Budget, hookimpl
from harness_attacks.edits.gradients import margins
from harness_attacks.edits.moves import KINDS, Alphabet, all_single_edits


def perturb(model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget) -> Tensor:
    """Return of each row the single edit that brings the model nearest to another answer."""
    alphabet, found = Alphabet.of(budget, inputs.device), []
    for row, target in zip(inputs, targets, strict=True):
        made = all_single_edits(row, alphabet, frozenset(KINDS.values()))
        with torch.no_grad():
            outputs = torch.cat([model(part) for part in torch.split(made, 512)])
        found.append(made[margins(outputs, target.expand(len(made))).argmax()])
    return torch.stack(found)


@hookimpl
def harness_register_attacks() -> Iterator[Attack]:
    """Yield brute force."""
    yield Attack(name="every-edit", takes=("tokens",), norms=("edits",), perturb=perturb)


ATTACKS = (
    "every-edit",
    "hotflip:asked=1",
    "hotflip:asked=8",
    "hotflip",
    "deepwordbug:asked=8",
    "deepwordbug",
)
SUITE = {
    "suite": {"name": "every-edit"},
    "matrix": {
        "architectures": ["mlp", "gru"],
        "datasets": ["docstring_sentences:by=bytes,length=48"],
        "seeds": [0],
    },
    "recipes": {"plain": {"optimizer": "adamw:learning_rate=3e-3", "epochs": 10}},
    "measure": [
        {
            "name": "adversarial",
            "attacks": list(ATTACKS),
            "norm": "edits",
            "epsilons": ["1"],
            "examples": 100,
        }
    ],
}


def main() -> None:
    """Run the suite and print what share of the sentences stays correct."""
    with tempfile.TemporaryDirectory() as store:
        run = harness.run(SUITE, store=store, plugins=[__file__])
        found = run.metrics[run.metrics.name.isin(["robust_accuracy", "clean_accuracy"])]
        table = found.fillna({"attack": "none"}).pivot_table(
            index="attack", columns="architecture", values="value"
        )
        print(table.loc[["none", *ATTACKS]].mul(100).round(1).to_string())


if __name__ == "__main__":
    main()

"""How much better adversarial examples transfer when their attack goes on after it has fooled its source.

Five architectures are trained on digits. PGD and MI-FGSM make examples on each, and all others judge them: as the
measure `transfer` has it, and by an attack that does not ask for a judge, so that each example leaves at
its first success. Prints mean transfer rates over the 20 pairs of models. Run by hand, for some minutes:

    python tests/evidence/transfer_to_the_end.py
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator

from torch import Tensor, nn

import harness
from harness.api import Attack, Budget, Draws, hookimpl
from harness_attacks import mi_fgsm, pgd
from harness_attacks.options import MiFgsmOptions, PgdOptions


def stop_pgd(
    model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget, draws: Draws
) -> Tensor:
    """Return what PGD returns of examples that leave at their first success."""
    return pgd.perturb(model, inputs, targets, budget, draws, PgdOptions())


def stop_mi_fgsm(
    model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget, draws: Draws
) -> Tensor:
    """Return what MI-FGSM returns of examples that leave at their first success."""
    return mi_fgsm.perturb(model, inputs, targets, budget, draws, MiFgsmOptions())


@hookimpl
def harness_register_attacks() -> Iterator[Attack]:
    """Yield the attacks that stop."""
    yield Attack(name="stopping-pgd", takes=("image", "sequence", "table"), perturb=stop_pgd)
    yield Attack(
        name="stopping-mi-fgsm", takes=("image", "sequence", "table"), perturb=stop_mi_fgsm
    )


ATTACKS = ("stopping-pgd", "pgd", "stopping-mi-fgsm", "mi-fgsm")
SUITE = {
    "suite": {"name": "to-the-end"},
    "matrix": {
        "architectures": ["mlp", "lenet", "resnet", "vit", "gru"],
        "datasets": ["digits"],
        "seeds": [0, 1, 2],
    },
    "recipes": {"plain": {"optimizer": "adamw:learning_rate=1e-2", "epochs": 20}},
    "measure": [
        {"name": "transfer", "attack": attack, "epsilons": ["1/16", "2/16"]} for attack in ATTACKS
    ],
}


def main() -> None:
    """Run the suite and print a table."""
    with tempfile.TemporaryDirectory() as store:
        run = harness.run(SUITE, store=store, plugins=[__file__])
        rates = run.metrics[run.metrics.name == "transfer_rate"]
        table = rates.pivot_table(index="attack", columns="epsilon_text", values="value")
        print(table.loc[list(ATTACKS)].mul(100).round(1).to_string(), file=sys.stdout)


if __name__ == "__main__":
    main()

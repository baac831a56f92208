"""Built-in attacks: searches for a small perturbation that changes a model's answer."""

from collections.abc import Iterator

from harness.api import Attack, hookimpl
from harness_attacks.options import PgdOptions


@hookimpl
def harness_register_attacks() -> Iterator[Attack]:
    """Yield the attacks that follow the gradient of the cross-entropy."""
    yield Attack(
        name="fgsm",
        summary="one step of size epsilon along the gradient's sign (L2: its direction)",
        source="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",
        perturb="harness_attacks.fgsm:perturb",
        norms=("linf", "l2"),
    )
    yield Attack(
        name="pgd",
        summary="projected gradient ascent from random starts",
        source="Madry et al. 2018, arXiv:1706.06083",
        options=PgdOptions,
        perturb="harness_attacks.pgd:perturb",
        norms=("linf", "l2"),
    )

"""Built-in attacks: searches for a small perturbation that changes a model's answer."""

from collections.abc import Iterator

from harness.api import Attack, hookimpl
from harness_attacks import options


@hookimpl
def harness_register_attacks() -> Iterator[Attack]:
    """Yield attacks by gradients inside a ball, then those that look for the nearest perturbation, then those
    that only see outputs, then their ensemble.
    """
    yield Attack(
        name="fgsm",
        summary="one step of size epsilon along the gradient's sign (L2: its direction)",
        source="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",
        perturb="harness_attacks.fgsm:perturb",
        norms=("linf", "l2", "l1"),
    )
    yield Attack(
        name="bim",
        summary="FGSM in many small steps from the input itself",
        source="Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533",
        options=options.BimOptions,
        perturb="harness_attacks.bim:perturb",
        norms=("linf", "l2", "l1"),
    )
    yield Attack(
        name="mi-fgsm",
        summary="iterated FGSM with momentum, made to transfer",
        source="Dong et al. 2018, arXiv:1710.06081",
        options=options.MiFgsmOptions,
        perturb="harness_attacks.mi_fgsm:perturb",
        norms=("linf", "l2"),
    )
    yield Attack(
        name="pgd",
        summary="projected gradient ascent from random starts",
        source="Madry et al. 2018, arXiv:1706.06083",
        options=options.PgdOptions,
        perturb="harness_attacks.pgd:perturb",
        norms=("linf", "l2", "l1"),
    )

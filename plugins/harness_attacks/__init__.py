"""Built-in attacks: searches for a small perturbation that changes a model's answer."""

from collections.abc import Iterator

from harness.api import Attack, hookimpl
from harness_attacks import options

WITH_ADVERSARY = ("with-adversary",)  # problems that say when an adversary has succeeded
REAL_VALUED = ("real-valued",)  # modalities between whose values there are others


@hookimpl
def harness_register_attacks() -> Iterator[Attack]:
    """Yield attacks by gradients inside a ball, then those that look for the nearest perturbation, then those
    that only see outputs, then their ensemble.
    """
    yield Attack(
        name="fgsm",
        takes=REAL_VALUED,
        problems=WITH_ADVERSARY,
        summary="one step of size epsilon along the gradient's sign (L2: its direction)",
        source="Goodfellow, Shlens & Szegedy 2015, arXiv:1412.6572",
        perturb="harness_attacks.fgsm:perturb",
        norms=("linf", "l2", "l1"),
    )
    yield Attack(
        name="bim",
        takes=REAL_VALUED,
        problems=WITH_ADVERSARY,
        summary="FGSM in many small steps from the input itself",
        source="Kurakin, Goodfellow & Bengio 2017, arXiv:1607.02533",
        options=options.BimOptions,
        perturb="harness_attacks.bim:perturb",
        norms=("linf", "l2", "l1"),
    )
    yield Attack(
        name="mi-fgsm",
        takes=REAL_VALUED,
        problems=WITH_ADVERSARY,
        summary="iterated FGSM with momentum, made to transfer",
        source="Dong et al. 2018, arXiv:1710.06081",
        options=options.MiFgsmOptions,
        perturb="harness_attacks.mi_fgsm:perturb",
        norms=("linf", "l2"),
    )
    yield Attack(
        name="pgd",
        takes=REAL_VALUED,
        problems=WITH_ADVERSARY,
        summary="projected gradient ascent from random starts",
        source="Madry et al. 2018, arXiv:1706.06083",
        options=options.PgdOptions,
        perturb="harness_attacks.pgd:perturb",
        norms=("linf", "l2", "l1"),
    )
    yield Attack(
        name="apgd-ce",
        takes=REAL_VALUED,
        summary="gradient ascent on the cross-entropy that sets its own step sizes",
        source="Croce & Hein 2020, arXiv:2003.01690; L1: arXiv:2103.01208",
        options=options.ApgdOptions,
        perturb="harness_attacks.apgd:perturb_ce",
        norms=("linf", "l2", "l1"),
        checked_with={"steps": 16},
    )
    yield Attack(
        name="apgd-dlr",
        takes=REAL_VALUED,
        summary="the same on the difference of logits ratio, which no scale of the logits hides",
        source="Croce & Hein 2020, arXiv:2003.01690; L1: arXiv:2103.01208",
        options=options.ApgdOptions,
        perturb="harness_attacks.apgd:perturb_dlr",
        norms=("linf", "l2", "l1"),
        fewest_classes=3,
        checked_with={"steps": 16},
    )
    yield Attack(
        name="apgd-t",
        takes=REAL_VALUED,
        summary="the same towards each of the likeliest other classes, one after another",
        source="Croce & Hein 2020, arXiv:2003.01690; L1: arXiv:2103.01208",
        options=options.ApgdTOptions,
        perturb="harness_attacks.apgd:perturb_targeted",
        norms=("linf", "l2", "l1"),
        fewest_classes=4,
        checked_with={"steps": 10, "targets": 2},
    )
    yield Attack(
        name="fab",
        takes=REAL_VALUED,
        summary="steps along the nearest linearised class boundary to its point nearest to the input",
        source="Croce & Hein 2020, arXiv:1907.02044",
        options=options.FabOptions,
        perturb="harness_attacks.fab:perturb",
        norms=("linf", "l2", "l1"),
        minimum_norm=True,
        checked_with={"steps": 12},
    )
    yield Attack(
        name="fab-t",
        takes=REAL_VALUED,
        summary="the same towards each of the likeliest other classes, a gradient a step",
        source="Croce & Hein 2020, arXiv:1907.02044 and arXiv:2003.01690",
        options=options.FabTOptions,
        perturb="harness_attacks.fab:perturb_targeted",
        norms=("linf", "l2", "l1"),
        minimum_norm=True,
        checked_with={"steps": 6, "targets": 2},
    )
    yield Attack(
        name="deepfool",
        takes=REAL_VALUED,
        summary="steps to the nearest linearised class boundary, until the class changes",
        source="Moosavi-Dezfooli, Fawzi & Frossard 2016, arXiv:1511.04599",
        options=options.DeepFoolOptions,
        perturb="harness_attacks.deepfool:perturb",
        norms=("linf", "l2"),
        minimum_norm=True,
    )
    yield Attack(
        name="cw-l2",
        takes=REAL_VALUED,
        summary="Adam on the squared distance and the margin, weighed anew for each example",
        source="Carlini & Wagner 2017, arXiv:1608.04644",
        options=options.CwL2Options,
        perturb="harness_attacks.cw_l2:perturb",
        norms=("l2",),
        checked_with={"steps": 20, "learning_rate": 0.03},
        minimum_norm=True,
    )
    yield Attack(
        name="fmn",
        takes=REAL_VALUED,
        summary="gradient ascent in a ball that shrinks while the example is fooled",
        source="Pintor et al. 2021, arXiv:2102.12827",
        options=options.FmnOptions,
        perturb="harness_attacks.fmn:perturb",
        norms=("linf", "l2", "l1", "l0"),
        checked_with={"steps": 24, "gamma": 0.5},
        minimum_norm=True,
    )
    yield Attack(
        name="square",
        takes=REAL_VALUED,
        summary="random search by square windows, by the model's outputs alone",
        source="Andriushchenko et al. 2020, arXiv:1912.00049",
        options=options.SquareOptions,
        perturb="harness_attacks.square:perturb",
        norms=("linf", "l2", "l1"),
        checked_with={"queries": 60},
        access="scores",
    )
    yield Attack(
        name="hopskipjump",
        takes=REAL_VALUED,
        summary="a walk along the decision boundary, by the model's answers alone",
        source="Chen, Jordan & Wainwright 2020, arXiv:1904.02144",
        options=options.HopSkipJumpOptions,
        perturb="harness_attacks.hopskipjump:perturb",
        norms=("linf", "l2"),
        minimum_norm=True,
        checked_with={"steps": 4, "initial_evaluations": 50},
        access="decisions",
    )
    yield from edit_attacks()
    yield Attack(
        name="autoattack",
        takes=REAL_VALUED,
        summary="APGD, targeted APGD, FAB and Square, each on the examples that are still robust",
        source="Croce & Hein 2020, arXiv:2003.01690; in L1 Croce & Hein 2021, arXiv:2103.01208",
        options=options.AutoAttackOptions,
        perturb="harness_attacks.autoattack:perturb",
        norms=("linf", "l2", "l1"),
        fewest_classes=4,
        checked_with={"version": "rand"},
    )


def edit_attacks() -> Iterator[Attack]:
    """Yield the attacks on numbers of things, between which there are no others: they change a few, by whole edits."""
    yield Attack(
        name="hotflip",
        takes=("tokens",),
        summary="tokens changed, put in, taken out or swapped by the gradient of their embeddings",
        source="Ebrahimi, Rao, Lowd & Dou 2018, arXiv:1712.06751",
        options=options.EditOptions,
        perturb="harness_attacks.hotflip:perturb",
        norms=("edits",),
    )
    yield Attack(
        name="deepwordbug",
        takes=("tokens",),
        summary="the same edits where a token matters most, by the model's outputs alone",
        source="Gao, Lanchantin, Soffa & Qi 2018, arXiv:1801.04354",
        options=options.EditOptions,
        perturb="harness_attacks.deepwordbug:perturb",
        norms=("edits",),
        access="scores",
    )
    yield Attack(
        name="word-substitution",
        takes=("tokens",),
        summary="words of a text in place of others, from a list, by the model's outputs alone",
        source="after Jin, Jin, Zhou & Szolovits 2020, arXiv:1907.11932",
        options=options.WordSubstitutionOptions,
        perturb="harness_attacks.word_substitution:perturb",
        norms=("edits",),
        access="scores",
    )

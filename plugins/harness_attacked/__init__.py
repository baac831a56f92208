"""Built-in measures of robustness to attacks."""

from collections.abc import Iterator

from harness.api import Axis, Measure, hookimpl
from harness_attacked import shown
from harness_attacked.options import (
    AdversarialOptions,
    TransferOptions,
    TreeAdversarialOptions,
)

REAL_VALUED = ("real-valued",)  # modalities between whose values there are others


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="adversarial",
        takes=(*REAL_VALUED, "tokens"),
        summary="accuracy under attack, each attack and their worst case, by epsilon",
        source="Croce & Hein 2020, arXiv:2003.01690 (point-wise worst case)",
        options=AdversarialOptions,
        run="harness_attacked.adversarial:run",
        shares_process=True,
        problems=("with-adversary",),
        axes=shown.ADVERSARIAL_AXES,
        shows=shown.ADVERSARIAL,
        charts=shown.ADVERSARIAL_CHARTS,
        gallery=shown.ADVERSARIAL_GALLERY,
    )
    yield Measure(
        name="transfer",
        takes=REAL_VALUED,
        summary="adversarial examples made on each model and judged on all others, as a matrix",
        source="Papernot, McDaniel & Goodfellow 2016, arXiv:1605.07277",
        options=TransferOptions,
        run="harness_attacked.transfer:run",
        over=("architecture", "recipe"),
        problems=("classification",),
        axes=shown.TRANSFER_AXES,
        shows=shown.TRANSFER,
        charts=shown.TRANSFER_CHARTS,
    )
    yield Measure(
        name="tree_adversarial",
        takes=("table",),
        summary="accuracy of scikit-learn's boosted trees under attacks by answers alone: a row beside the models'",
        source="Kantchelian, Tygar & Joseph 2016, arXiv:1509.07892; Chen et al. 2019, arXiv:1902.10660",
        options=TreeAdversarialOptions,
        run="harness_attacked.tree_adversarial:run",
        scope="data",
        axes=(Axis(name="architecture"), *shown.ADVERSARIAL_AXES),
        shows=shown.ADVERSARIAL,
        checked_with={"attacks": ["hopskipjump:queries=200"], "examples": 4},
    )

"""No alarm of the self-audit on 21 sane models: those of `test_audit_sane`, and more of their families.

MLPs, LeNets, ResNets, ViTs, GRUs and two of timm's, with dropout and without, on images, tables and sequences, in
standard and PGD training; each under PGD and Square in Linf and L2. Run by hand, for five minutes on one core:

    python tests/evidence/sane_models.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run all of them, and fail where there is an alarm."""
    sys.path[:0] = [str(TESTS), str(TESTS / "plugins" / "harness_attacked")]
    from test_audit_sane import FAMILIES, OTHERS, check, run, write_sequences

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, rows = folder / "store", write_sequences(folder)
        check(
            [
                run(store, [*FAMILIES, *OTHERS], ["digits"], "plain"),
                run(store, ["mlp", "mlp:dropout=0.3"], ["breast_cancer"], "plain"),
                run(store, ["gru", "mlp"], [rows], "plain", steps=40),
                run(store, ["mlp", "lenet", "resnet", "gru"], ["digits"], "pgd-at"),
                run(store, ["vit"], ["digits"], "pgd-at"),
            ],
            models=21,
        )
    print("no alarm on 21 models")


if __name__ == "__main__":
    main()

"""FAB, APGD, Square and HopSkipJump beside their authors' code in every norm: more cases than the slow tests have time for.

FAB of 100 steps, in reference mode, on 400 digits at two radii: how many verdicts differ from the authors' (wanted:
at most 0.5 %). APGD with the harness's own draws, five seeds, 400 digits, a plain and a robust network: how many
points more stand after it than after the authors' attack, and the error of that by chance (wanted: no more than 2.5
errors and 0.1 points). Square with its own draws, three seeds, 200 digits: which shares stand after either (wanted: at most
0.5 points more). HopSkipJump of eight steps in Linf beside foolbox's: the median of the distances' ratios (wanted: at most
1.05). The networks and the comparisons are those of `test_fab`, `test_apgd_authors`, `test_square` and
`test_hopskipjump`. Run by hand, for a quarter of an hour on one core:

    python tests/evidence/attacks_beside_their_authors.py
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import product
from pathlib import Path

import torch

TESTS = Path(__file__).resolve().parents[1] / "plugins" / "harness_attacks"
APGD_CASES = (("linf", "ce"), ("l2", "dlr"), ("l1", "ce"), ("l1", "dlr"))


def main() -> None:
    """Print a row for each case as it is done."""
    sys.path.insert(0, str(TESTS))
    import apgd_cases
    import test_apgd_authors
    import test_fab
    import test_hopskipjump
    import test_square

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| attack | case | verdicts that differ | seconds |\n| --- | --- | --- | --- |")
    trained = test_fab.train()
    for norm, targeted in product(test_fab.NORMS, (True, False)):
        started = time.perf_counter()
        differ, count = test_fab.compare(trained, norm, targeted, 400, steps=100)
        aim = "targeted" if targeted else "untargeted"
        print(
            f"| FAB | {norm}, {aim} | {differ} of {count} | {time.perf_counter() - started:.0f} |",
            flush=True,
        )
    print("\n| attack | case | more standing, points | error, points | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for robust in (False, True):
        trained = apgd_cases.known(apgd_cases.train(robust))
        for norm, kind in APGD_CASES:
            started = time.perf_counter()
            epsilon = apgd_cases.EPSILON[robust][norm]
            more, error = test_apgd_authors.with_own_draws(trained, norm, epsilon, kind)
            network = "robust" if robust else "plain"
            print(
                f"| APGD {kind} | {norm}, {network} | {100 * more:+.2f} | {100 * error:.2f} "
                f"| {time.perf_counter() - started:.0f} |",
                flush=True,
            )
    print(
        "\n| attack | norm | standing after the authors', % | after ours, % |\n| --- | --- | --- | --- |"
    )
    for norm in test_square.NAMES:
        theirs, ours = test_square.with_own_draws(norm)
        print(f"| Square | {norm} | {100 * theirs:.2f} | {100 * ours:.2f} |", flush=True)
    print("\n| attack | images | distance, ours / foolbox's |\n| --- | --- | --- |")
    for name in ("digits", "colour"):
        print(f"| HopSkipJump | {name} | {test_hopskipjump.beside_foolbox(name):.3f} |", flush=True)


if __name__ == "__main__":
    main()

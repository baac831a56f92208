"""How often the 95 % intervals hold the truth, and equal models are told apart, by simulation.

    python tests/evidence/interval_coverage.py [DRAWS]

Prints a table; 3,000 draws a row take about a minute. README.md has the figures.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "statistics"))

from interval_cases import coverage, false_alarms, mean_width

CASES = [  # accuracy, seeds, test examples, standard deviation of the seeds' effect
    *((0.9, seeds, examples, 0.0) for seeds in (1, 2, 3, 5, 10) for examples in (20, 359, 10_000)),
    *(
        (0.9, seeds, examples, 0.0135)
        for seeds in (1, 2, 3, 5, 10)
        for examples in (20, 359, 10_000)
    ),
    *((0.9, seeds, 2000, 0.02) for seeds in (1, 2, 3, 5, 10)),
    (0.5, 1, 50, 0.0),
    (0.5, 3, 100, 0.0),
    (0.98, 1, 359, 0.0),
    (0.98, 3, 359, 0.0),
    (0.98, 3, 359, 0.004),
    (0.995, 1, 359, 0.0),
]


def main(draws: int) -> None:
    print("accuracy  seeds  examples  seed effect  coverage   width  false alarms")
    for share, seeds, examples, spread in CASES:
        found = coverage(share, seeds, examples, spread, draws)
        width = mean_width(share, seeds, examples, spread, min(draws, 200))
        alarms = false_alarms(share, seeds, examples, spread, draws)
        print(
            f"{share:8}  {seeds:5}  {examples:8}  {spread:11}  {100 * found:6.1f} %  {100 * width:6.1f}  "
            f"{100 * alarms:10.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)

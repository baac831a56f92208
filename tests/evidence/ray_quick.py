"""The suite `quick` on a cluster of Ray of three nodes on this machine: the figures of the local engine, bit for bit.

    python tests/evidence/ray_quick.py [--untimed] [--seeds N]

Times are another thing each time, and so are shares of a machine; all else is compared. What travels is sent through the
object store (`shared=false`), as to a machine that has nothing of the store. `--untimed` leaves out the two measures that have a
machine to themselves, and of which no figure is compared, `--seeds` takes fewer: for a machine that others keep busy.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "execute"), str(TESTS / "plugins" / "harness_ray")]

from harness_process import Workplace, outcomes, rows
from ray_cluster import RayCluster

TIMED = ("throughput", "memory")
SECONDS = 1800.0
FIGURES = """
SELECT run_jobs.label, metrics.name, metrics.value, metrics.low, metrics.high, metrics.n, metrics.holds FROM run_jobs
JOIN metrics ON metrics.outcome = run_jobs.outcome WHERE metrics.name != 'fit_seconds' ORDER BY run_jobs.position, metrics.rowid
"""


class Patient(Workplace):
    patience = SECONDS


def run(place: Workplace, store: str, *engine: str) -> list[tuple[Any, ...]]:
    """Run it; return the figures that no clock or machine has a part in."""
    began = time.monotonic()
    code, _, errors = place.run("quick.toml", store, *engine)
    assert code == 0, errors
    found = outcomes(place.folder / store)
    print(f"{store}: {dict(Counter(row['status'] for row in found.values()))}", end=", ")
    print(f"{time.monotonic() - began:.0f} s with all imports", flush=True)
    figures = [tuple(row.values()) for row in rows(place.folder / store, FIGURES)]
    return [row for row in figures if not row[0].startswith(TIMED)]


def suite(untimed: bool, seeds: int) -> str:
    """Return the suite, or the same without what times and weighs, with so many seeds."""
    text = (TESTS.parent / "suites" / "quick.toml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^seeds = .*$", f"seeds = {list(range(seeds))}", text)
    first, *measures = text.split("[[measure]]")
    kept = [one for one in measures if not (untimed and any(name in one for name in TIMED))]
    return "[[measure]]".join([first, *kept])


def main() -> None:
    """Print how many figures were compared, and which differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--untimed", action="store_true")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Patient(Path(folder))
        place.write("quick.toml", suite(asked.untimed, asked.seeds))
        here = run(place, "local")
        cluster = RayCluster.start(2, 2, 2)
        try:
            there = run(place, "ray", "--engine", f"ray:address={cluster.address},shared=false")
        finally:
            cluster.close()
    other = [(one, two) for one, two in zip(here, there, strict=True) if one != two]
    by_name = Counter(row[1] for row in here)
    print(f"{len(here)} figures compared bit for bit: {dict(by_name)}; {len(other)} differ")
    for pair in other[:20]:
        print(*pair, sep="\n    ")
    assert not other


if __name__ == "__main__":
    main()

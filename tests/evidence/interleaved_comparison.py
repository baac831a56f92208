"""How often an interleaved comparison raises a false alarm, and how often it finds a true slowdown.

Two forks of this process time the same small network in turns, as `harness run --against` does. B may
also burn a planted share of the time of each call. Run by hand on two cores, for some 20 minutes:

    python tests/evidence/interleaved_comparison.py [TRIES_SAME TRIES_SLOWER]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
import torch

from harness.measure import alternation
from harness.measure.timing import time_calls
from harness.statistics.paired_ratio import ALPHA, PairedRatio, paired_ratio


def make_call(slower: float) -> Callable[[], object]:
    """Return a call of a millisecond or so that burns a share `slower` of its usual time on top."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(32 * 36, 10)
    ).eval()
    inputs = torch.rand(64, 1, 8, 8)

    def plain() -> object:
        with torch.inference_mode():
            return network(inputs)

    def burdened() -> object:
        started = time.perf_counter()
        answer = plain()
        until = time.perf_counter() + slower * (time.perf_counter() - started)
        while time.perf_counter() < until:
            pass
        return answer

    return burdened if slower else plain


def side(pipes: dict[str, str], log: Path, slower: float) -> None:
    """Be one of the two processes."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    alternation.current = alternation.Alternation.open(pipes, log)
    time_calls(make_call(slower), seconds=1.0)


def compare_once(slower: float) -> PairedRatio:
    """Fork the pairs one after the other and compare the sides."""
    return paired_ratio(
        [run_pair(slower, swapped=bool(index % 2)) for index in range(alternation.PAIRS)]
    )


def run_pair(slower: float, swapped: bool) -> tuple[list[float], list[float]]:
    """Fork both sides; return the turns of A and B. swapped: B takes the first turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        a, b = str(folder / "a"), str(folder / "b")
        os.mkfifo(a)
        os.mkfifo(b)
        keep = [os.open(path, os.O_RDWR) for path in (a, b)]
        children = []
        for index, pipes in enumerate(({"mine": a, "theirs": b}, {"mine": b, "theirs": a})):
            child = os.fork()
            if not child:
                side(pipes, folder / f"{index}.json", slower if index else 0.0)
                os._exit(0)
            children.append(child)
        alternation.begin(keep[1 if swapped else 0])
        for child in children:
            os.waitpid(child, 0)
        for handle in keep:
            os.close(handle)
        first, second = (json.loads((folder / f"{i}.json").read_text()) for i in (0, 1))
        return first[0]["medians"], second[0]["medians"]


def main() -> None:
    """Print a row for each planted slowdown."""
    same, slower = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (200, 100)
    for share, tries in ((0.0, same), (0.05, slower), (0.02, slower)):
        started = time.perf_counter()
        found = [compare_once(share) for _ in range(tries)]
        told = sum(one.p_value < ALPHA and (one.value > 1 or not share) for one in found)
        middle = sorted(one.value for one in found)[tries // 2]
        width = sorted(one.high / one.low - 1 for one in found)[tries // 2]
        seconds = (time.perf_counter() - started) / tries
        print(
            f"planted {share:.0%}: told apart {told} of {tries}; median paired_ratio {middle:.4f}; "
            f"median width of the interval {width:.2%}; {seconds:.1f} s a comparison",
            flush=True,
        )


if __name__ == "__main__":
    main()

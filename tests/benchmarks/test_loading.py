"""How fast a person's files are read, beside torchvision and pandas, and how much memory that holds. Timed by `--benchmark-enable`.

A folder of 20,000 JPEGs of 224 px beside torchvision's ImageFolder with a DataLoader of two workers, and a csv of 1,000,000 rows
and 50 columns beside pandas. To the end of the first epoch, ours reads, checks, hashes, cuts and writes the data and looks for
copies between the parts; from the second it reads what it wrote. The sides run by turns, each in a process of its own. Ratios
are of CPU time, workers' included, as the clock is worth little on a machine that does something else; both are printed and kept
as `extra_info`.

Memory is what a side's processes hold alone or share with one another, not what is mapped from files, which the system drops where
it needs room: the sum of Pss_Anon and Pss_Shmem of /proc/PID/smaps_rollup, looked at every 50 ms, the largest.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDES = Path(__file__).with_name("loading_sides.py")
EPOCHS, ROUNDS = 3, 2
MOST_BYTES = 1.2e9
# Times as fast as the peer to the end of the first epoch, at least. Ours also gives each row a key of its cells by which it
# is cut and known, writes the prepared copy and looks for what is odd about columns and rows, once.
FIRST = {"torchvision": 1.0, "pandas": 0.8}


def make_images(folder: Path, count: int) -> None:
    """Write coloured textures of 224 px as JPEG, 15 KB each, in ten classes."""
    from PIL import Image

    draw = np.random.default_rng(0)
    grain = draw.normal(0, 6, (448, 448, 3)).astype(np.int16)
    for number in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (20, 20, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((224, 224), Image.Resampling.BICUBIC), dtype=np.int16)
        top, left = draw.integers(0, 224, 2)
        pixels = (smooth + grain[top : top + 224, left : left + 224]).clip(0, 255).astype(np.uint8)
        path = folder / f"class{number % 10}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path, quality=85)


def make_table(path: Path, rows: int) -> None:
    """Write 49 columns of numbers with four decimals and one of two words."""
    import pyarrow
    import pyarrow.csv

    draw = np.random.default_rng(0)
    names = [*(f"x{number}" for number in range(49)), "label"]
    with path.open("wb") as file:
        file.write((",".join(names) + "\n").encode())
        for start in range(0, rows, 100_000):
            values = draw.normal(size=(min(100_000, rows - start), 49)).round(4)
            labels = np.where(values[:, 0] + values[:, 1] > 0, "yes", "no")
            block = pyarrow.table([*values.T, labels], names=names)
            how = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
            pyarrow.csv.write_csv(block, file, how)


@pytest.mark.parametrize(("peer", "full"), [("torchvision", 20_000), ("pandas", 1_000_000)])
def test_loading(benchmark: Any, tmp_path: Path, peer: str, full: int) -> None:
    enabled = not benchmark.disabled
    count = full if enabled else 200
    path = tmp_path / ("files" if peer == "torchvision" else "table.csv")
    if peer == "torchvision":
        path.mkdir()
        make_images(path, count)
    else:
        make_table(path, count)
    found: dict[str, list[dict[str, Any]]] = {peer: [], "ours": []}

    def rounds() -> None:
        for number in range(ROUNDS if enabled else 1):
            for side, done in found.items():
                folder = tmp_path / f"{side}-{number}"
                folder.mkdir()
                done.append(timed(side, path, folder))

    benchmark.pedantic(rounds, rounds=1)
    for side, all_rounds in found.items():
        for one in all_rounds:
            assert one["examples"] == count
            said = {
                "to the end of the first": [one[k][1] - one[k][0] for k in ("clock", "cpu")],
                "each later": [(one[k][-1] - one[k][1]) / (EPOCHS - 1) for k in ("clock", "cpu")],
            }
            words = "; ".join(
                f"{epoch} epoch {clock:.1f} s ({count / clock:,.0f}/s), CPU {cpu:.1f} s ({count / cpu:,.0f}/s)"
                for epoch, (clock, cpu) in said.items()
            )
            print(f"{side}: {words}; memory {one['peak'] / 1e6:,.0f} MB")
            one["first"], one["later"] = said.values()
    if not enabled:
        return
    first, later = (
        min(one[part][1] for one in found[peer]) / min(one[part][1] for one in found["ours"])
        for part in ("first", "later")
    )
    benchmark.extra_info |= {"found": found, "first": first, "later": later}
    print(
        f"faster than {peer}: {first:.2f} times to the first epoch, {later:.1f} times from the second"
    )
    assert first >= FIRST[peer]
    assert later >= 5
    assert max(one["peak"] for one in found["ours"]) <= MOST_BYTES


def timed(side: str, path: Path, folder: Path) -> dict[str, Any]:
    """Run a side, and return what it prints and the most memory that it held."""
    command = [sys.executable, str(SIDES), side, str(path), str(folder), str(EPOCHS)]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, held(process.pid))
            time.sleep(0.05)
        assert process.stdout is not None
        printed = process.stdout.read()
    assert process.returncode == 0
    return {**json.loads(printed), "peak": peak}


def held(pid: int) -> int:
    """Return the bytes that a process and those below it hold, without what is mapped from files."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, value = line.split()[:2]
            total += int(value) * 1024 if name in ("Pss_Anon:", "Pss_Shmem:") else 0
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, ValueError):  # it has ended meanwhile
        return total
    return total + sum(held(int(child)) for child in below)

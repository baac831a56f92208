"""Files that are broken in many ways, by the command line: each is refused in words, and nothing half made stays."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from here_command import call_here
from here_engine import OPTIONS
from own_files import write_idx, write_ten
from shard_files import examples, picture, write_shard
from shift_files import noise

# What is read, and what is said of it: the file, the row or member, and what is there.
BROKEN = {
    "cifar": "cifar/data_batch_3 is cut off or no pickle file: it ends too early",
    "idx": "idx/train-images-idx3-ubyte is no IDX file: it begins with 01 00 08 03",
    "ragged.csv": "ragged.csv cannot be read as a table: line 22 has 4 cells, and there are 3 columns",
    "missing.csv": "missing.csv: no column is left to learn from ('a': empty)",
    "letters": "letters/a/bad.txt: it is not UTF-8: line 1 has the byte 0xe9",
    "zero:size=8": "zero/a/none.png cannot be read as an image",
    "huge:size=8": "huge/a/huge.png: too many pixels to be an honest image",
    "flat:size=8": "flat has 0 class folders; two or more are needed",
    "classes:size=8": "classes/test and classes/train have different classes; only one of them has: b, c",
    "cut:size=8": "cut/0.tar is cut short: member a/0002.png should end at byte 5,120, and the file has 5,000 bytes",
    "alone:size=8": "alone/0.tar, member a/0099.png has no label, a/0099.cls, in its shard",
    "out:size=8": "out/0.tar, member ../x.png: its name leads out of the archive",
    "nested.parquet": "nested.parquet: the column 'a' holds list<element: int64>",
}


def write_broken(folder: Path) -> None:
    (folder / "cifar").mkdir()
    batch = write_ten(folder / "cifar") / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-5000])
    (folder / "idx").mkdir()
    labels = {"train": np.arange(30) % 3, "t10k": np.arange(9) % 3}
    images = {part: noise(len(own), len(own), 6, 6) for part, own in labels.items()}
    magic = write_idx(folder / "idx", images, labels) / "train-images-idx3-ubyte"
    magic.write_bytes(b"\1" + magic.read_bytes()[1:])
    rows = "".join(f"{row},{row * row % 7},{'uv'[row % 2]}\n" for row in range(20))
    (folder / "ragged.csv").write_text(f"a,b,y\n{rows}1,2,3,4\n")
    (folder / "missing.csv").write_text("a,y\n" + ",u\n,v\n" * 10)
    for number in range(8):
        for place in ("letters", "zero", "huge"):
            (folder / place / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (folder / f"letters/{'ab'[number % 2]}/{number}.txt").write_text(f"a letter {number}")
        for place in (f"zero/{'ab'[number % 2]}", f"huge/{'ab'[number % 2]}", "flat"):
            (folder / place).mkdir(exist_ok=True)
            (folder / place / f"{number}.png").write_bytes(picture(number))
        for place in (f"classes/train/{'ab'[number % 2]}", f"classes/test/{'ac'[number % 2]}"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            (folder / place / f"{number}.png").write_bytes(picture(number))
    (folder / "letters/a/bad.txt").write_bytes(b"caf\xe9")
    (folder / "zero/a/none.png").write_bytes(b"")
    huge = bytearray(picture(0))
    huge[16:24] = struct.pack(">II", 50_000, 50_000)
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    (folder / "huge/a/huge.png").write_bytes(huge)
    cut = write_shard(folder / "cut/0.tar", examples(0, 12))
    cut.write_bytes(cut.read_bytes()[:5000])
    write_shard(folder / "alone/0.tar", examples(0, 12) | {"a/0099.png": picture(99)})
    write_shard(folder / "out/0.tar", examples(0, 12) | {"../x.png": picture(99)})
    columns = {"a": [[1, 2]] * 20, "b": list(range(20)), "y": ["u", "v"] * 10}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "nested.parquet")


def test_each_is_refused_in_words_and_nothing_half_made_stays(tmp_path: Path) -> None:
    write_broken(tmp_path)
    data = [word for name in BROKEN for word in ("-d", f"./{name}")]
    short = ("--measure", "accuracy", "--set", "matrix.floors=false")
    done = call_here(tmp_path, "run", "-a", "mlp", *data, *OPTIONS, *short)
    assert done.returncode == 1, done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("failed: prepare ")]
    for name, words in BROKEN.items():
        (line,) = (line for line in said if f"path=./{name.partition(':')[0]}" in line)
        assert words in line
    assert len(said) == len(BROKEN)
    assert (tmp_path / "runs/jobs").is_dir() and not list((tmp_path / "runs").rglob("*.npy"))

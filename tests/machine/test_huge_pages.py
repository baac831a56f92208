"""Memory in huge pages: what it holds stays, and forks have it too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from huge_pages_here import has_huge_pages

from harness.machine.huge_pages import _own_memory

CODE = """
import hashlib, os
from harness.machine.huge_pages import take_huge_pages

def huge():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("AnonHugePages"))

kept = bytearray(os.urandom(16 << 20))
said = hashlib.sha256(kept).digest()
take_huge_pages()
print(huge(), hashlib.sha256(kept).digest() == said)
if not (child := os.fork()):
    first = kept[0]
    kept[0] ^= 255
    os._exit(kept[0] == first)
print(os.waitpid(child, 0)[1], hashlib.sha256(kept).digest() == said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_what_is_moved_into_huge_pages_holds_what_it_held() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=os.environ
    )
    huge, same, status, alone = done.stdout.split()
    assert (same, status, alone) == ("True", "0", "True")
    if has_huge_pages():
        assert int(huge) >= 12 << 10  # kB


def test_files_the_stack_and_what_others_see_is_left_alone() -> None:
    maps = """\
55d0c0a00000-55d0c0c00000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000400000-7f0000600000 r--p 00000000 00:00 0
7f0000600000-7f0000800000 rw-s 00000000 00:01 0                          /dev/zero (deleted)
7f0000800000-7f0000a00000 rw-p 00200000 fe:01 4711                       /usr/lib/a name.so
7f0000a00000-7f0000c00000 rw-p 00000000 00:00 0                          [anon:a name]
7ffd00000000-7ffd00200000 rw-p 00000000 00:00 0                          [stack]
"""
    assert _own_memory(maps) == [
        (0x55D0C0A00000, 0x55D0C0C00000),
        (0x7F0000000000, 0x7F0000400000),
        (0x7F0000A00000, 0x7F0000C00000),
    ]

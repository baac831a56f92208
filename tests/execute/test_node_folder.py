"""What a node that was killed has left is removed by the next one on its machine."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.execute.node_folder import NodeFolder

CHILD = """
from harness.execute.node_folder import NodeFolder
folder = NodeFolder()
(folder.path / "jobs").mkdir()
print(folder.path, flush=True)
input()
"""


def test_a_folder_goes_with_its_node_or_when_the_next_one_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "model-harness-node-new").mkdir()  # it is being made
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        assert theirs.parent == tmp_path
        first = NodeFolder()
        assert theirs.is_dir()  # it lives
        other.send_signal(signal.SIGKILL)
        other.wait()
    second = NodeFolder()
    assert not theirs.exists() and first.path.is_dir()
    first.remove()
    second.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["model-harness-node-new"]

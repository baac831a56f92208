"""A problem and a modality of a stranger's, in one file: the core runs, skips and reports them without a change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "stranger_plugins" / "graphs_to_rank.py"
SUITE = """
[suite]
name = "graphs"
[matrix]
architectures = ["mine", "mlp"]
datasets = ["degrees"]
[recipes.plain]
epochs = 1
batch_size = 32
[[measure]]
name = "accuracy"
[[measure]]
name = "adversarial"
attacks = ["fgsm"]
epsilons = ["1/16"]
"""


@pytest.mark.slow
def test_a_strangers_problem_and_modality_go_the_whole_way(tmp_path: Path) -> None:
    (tmp_path / "graphs.toml").write_text(SUITE)
    command = [
        sys.executable,
        "-c",
        "from harness.cli import main; main()",
        "run",
        "graphs.toml",
        "-p",
        str(PLUGIN),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = " ".join(done.stdout.split())
    assert "degrees, 18 test examples" in shown and "architecture best first" in shown
    assert (
        "skipped 2: adversarial is for classification or segmentation or detection, not ranking"
        in shown
    )
    assert "Jobs: 6 ok, 2 skipped." in shown

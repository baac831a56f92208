"""`harness compare` and the gates, as a person and as a build use them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from here_command import call_here
from here_engine import OPTIONS

from harness.measure import alternation

SUITE = """\
[suite]
name = "{name}"
[matrix]
floors = false
architectures = ["mlp"]
datasets = ["digits"]
seeds = [0, 1]
[recipes.plain]
epochs = {epochs}
learning_rate = {rate}
[[measure]]
name = "accuracy"
[[measure]]
name = "flops"
[[measure]]
name = "throughput"
batch_sizes = [16]
seconds = 0.1
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of an MLP: good-0001, and bad-0002, which learns next to nothing."""
    folder = tmp_path_factory.mktemp("both")
    for name, epochs, rate in (("good", 3, 0.01), ("bad", 1, 1e-6)):
        (folder / f"{name}.toml").write_text(SUITE.format(name=name, epochs=epochs, rate=rate))
        done = call_here(folder, "run", f"{name}.toml", *OPTIONS)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runs(both: Path, tmp_path: Path) -> Path:
    """A copy of them, in the folder of the command."""
    return shutil.copytree(both, tmp_path, dirs_exist_ok=True)


def compare(harness, *arguments: str) -> subprocess.CompletedProcess[str]:
    return harness("compare", *arguments, COLUMNS="160")


def test_words_gates_and_json(harness, runs) -> None:
    done = compare(harness, "good-0001", "bad-0002")
    assert done.returncode == 0, done.stderr
    assert "A = good-0001, B = bad-0002" in done.stdout
    accuracy = next(line for line in done.stdout.splitlines() if "accuracy" in line)
    assert " pt (-" in accuracy and accuracy.rstrip().endswith("worse")
    flops = next(line for line in done.stdout.splitlines() if "parameters" in line)
    assert flops.rstrip().endswith("equal")
    assert "Compared by: moderated t test over seeds and examples, paired" in done.stdout

    held = compare(harness, "runs/good-0001", "runs:2", "--fail-if", "parameters > 0")
    assert held.returncode == 0 and "All gates hold: parameters > 0" in held.stdout
    fails = compare(harness, "good-0001", "bad-0002", "--fail-if", "accuracy < -1pt")
    assert fails.returncode == 3 and "FAILS accuracy < -1pt: " in fails.stdout
    missing = compare(harness, "good-0001", "bad-0001")
    assert missing.returncode == 2
    assert "no run is named 'bad-0001'; did you mean 'bad-0002'" in missing.stderr
    other_way = compare(harness, "bad-0002", "good-0001", "--fail-if", "accuracy < -1pt")
    assert other_way.returncode == 0

    done = compare(harness, "good-0001", "bad-0002", "--json", "--fail-if", "accuracy < -1pt")
    assert done.returncode == 3
    found = json.loads(done.stdout)
    (pair,) = [one for one in found["pairs"] if one["name"] == "accuracy" and not one["floor"]]
    assert pair["verdict"] == "worse" and pair["a"] - pair["b"] > 0.3
    assert pair["difference"]["low"] < pair["b"] - pair["a"] < pair["difference"]["high"]
    assert [gate["fails"] for gate in found["gates"]] == [True]


def test_a_run_with_itself_differs_in_nothing(harness, runs) -> None:
    done = compare(harness, "good-0001", "good-0001", "--all", "--json")
    verdicts = {pair["verdict"] for pair in json.loads(done.stdout)["pairs"]}
    assert done.returncode == 0 and not verdicts & {"better", "worse", "higher", "lower"}


@pytest.mark.slow
def test_a_run_against_another_is_held_to_what_is_not_timed_as_well(
    harness, runs, monkeypatch
) -> None:
    monkeypatch.setattr(
        alternation, "PAIRS", 3
    )  # of processes: it is not the timing that is looked at
    gate = ("--against", "good-0001", "--fail-if", "accuracy < -1pt")
    done = harness("run", "bad.toml", *gate)
    assert done.returncode == 3, done.stderr
    assert "bad-0003 against good-0001, interleaved" in done.stdout
    assert "FAILS accuracy < -1pt: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("compare", "good-0001"), "Missing argument 'B'"),
        (("compare", "one-0001", "two-0001"), "error: there is no store in 'runs'"),
        (
            ("compare", "a", "b", "--fail-if", "throughput"),
            "error: --fail-if 'throughput' is no condition: write NAME < LIMIT",
        ),
        (
            ("run", "quick", "--fail-if", "throughput < -5%"),
            "error: --fail-if compares with another run: say which by --against RUN",
        ),
    ],
)
def test_slips(harness, arguments, says) -> None:
    done = harness(*arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", "").split()), done.stderr

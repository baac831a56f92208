"""`pytest --harness-suite`: in a process of its own, as a person starts it, where something is said of that,
and everywhere in the slow tier; else in the tests' own, which has imported already what each would.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import here_engine
import numpy as np
import pytest

from harness.execute.run import run_plan
from harness.pytest_plugin.replay import recorded_clock

SUITE = """
[suite]
name = "tiny"
[matrix]
floors = false
architectures = ["mlp"]
datasets = ["digits"]
[[measure]]
name = "throughput"
batch_sizes = [1, 16]
seconds = 0.05
"""

BROKEN = """
from harness.api import Architecture, hookimpl

def build(num_classes):
    raise ValueError("this one never builds")

@hookimpl
def harness_register_architectures():
    yield Architecture(name="broken", build=build, takes=("image",))
"""


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def start_here(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a session, and its jobs, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "path", [str(folder), *sys.path])  # as `python -m` puts it there
        for name in [name for name in os.environ if "PYTEST" in name]:
            patch.delenv(name)
        here = partial(run_plan, engine="here")
        patch.setattr("harness.pytest_plugin.suite.run_plan", here)
        # in one word: pytest takes a path that stands alone for one of tests
        plugin = f"--harness-plugin={here_engine.__file__}"
        code = pytest.main(["-W", "error", plugin, *arguments])
    return subprocess.CompletedProcess(arguments, int(code), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.toml").write_text(SUITE)
    (folder / "broken.py").write_text(BROKEN)
    (folder / "test_other.py").write_text("def test_other():\n    pass\n")
    return folder


@pytest.fixture(scope="module")
def session(tiny: Path) -> subprocess.CompletedProcess[str]:
    """A session with an architecture that fails, its timings saved by pytest-benchmark."""
    return start_here(
        tiny, "--harness-suite=tiny.toml", "--harness-plugin=broken.py", "-v",
        '--harness-set=matrix.architectures=["mlp","broken"]',
        "--benchmark-json=out.json", "--benchmark-save=one",
    )  # fmt: skip


@pytest.fixture(scope="module")
def first(tiny: Path, session: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What pytest-benchmark saved of it."""
    data: dict[str, Any] = json.loads((tiny / "out.json").read_text())
    return data


def test_what_fails_is_a_failure_with_its_reason(
    session: subprocess.CompletedProcess[str],
) -> None:
    assert session.returncode == 1, session.stdout + session.stderr
    assert "collected 5 items" in session.stdout
    assert "2 failed, 3 passed" in session.stdout
    assert "ValueError: this one never builds" in session.stdout
    assert re.search(r"tiny::throughput broken digits\[batch_1\] FAILED", session.stdout)


def test_timings_reach_pytest_benchmark_as_they_were_recorded(
    tiny: Path, first: dict[str, Any]
) -> None:
    (kept,) = (tiny / "runs").rglob("samples.npz")
    found = {one["fullname"]: one for one in first["benchmarks"]}
    assert set(found) == {f"tiny::throughput mlp digits[batch_{size}]" for size in (1, 16)}
    for size in (1, 16):
        one = found[f"tiny::throughput mlp digits[batch_{size}]"]
        recorded = np.load(kept)[f"batch_{size}"].tolist()
        assert one["stats"]["data"] == recorded  # to the last bit
        assert one["group"] == "throughput"
        median = one["stats"]["median"]
        assert one["extra_info"]["throughput"] == pytest.approx(size / median, rel=1e-6)


@pytest.mark.slow
def test_a_second_run_is_compared_and_held_to_a_limit(tiny: Path, first: dict[str, Any]) -> None:
    (file,) = (tiny / ".benchmarks").rglob("0001_one.json")
    compare = ("--harness-suite", "tiny.toml", "--benchmark-compare=0001")
    same = start(tiny, *compare, "--benchmark-compare-fail=median:1%")  # cached: the same figures
    assert same.returncode == 0, same.stdout + same.stderr
    assert "throughput mlp digits[batch_16] (NOW)" in same.stdout
    data = json.loads(file.read_text())
    for one in data["benchmarks"]:
        one["stats"]["median"] /= 10  # as if it had been ten times as fast before
    file.write_text(json.dumps(data))
    slower = start(
        tiny, *compare, "--harness-fresh=throughput", "--benchmark-compare-fail=median:150%"
    )
    assert slower.returncode != 0
    assert "Performance has regressed" in slower.stdout + slower.stderr


@pytest.mark.slow
def test_k_chooses_jobs_and_runs_what_they_need(tiny: Path) -> None:
    done = start(
        tiny, "--harness-suite=tiny.toml", "--harness-store=other", "-k", "batch_16",
        "--benchmark-only",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 2 deselected" in done.stdout
    assert "2 jobs" in done.stderr + done.stdout


@pytest.mark.slow
def test_without_pytest_benchmark_the_jobs_are_tests_all_the_same(
    tiny: Path, first: dict[str, Any]
) -> None:
    done = start(tiny, "--harness-suite=tiny.toml", "-p", "no:benchmark", "test_other.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout  # a path that is named is collected too


@pytest.mark.slow
def test_collecting_runs_nothing_and_skipping_skips(tiny: Path, first: dict[str, Any]) -> None:
    listed = start(tiny, "--harness-suite=tiny.toml", "--harness-store=none", "--collect-only")
    assert listed.returncode == 0 and "batch_16" in listed.stdout
    assert not (tiny / "none").exists()
    skipped = start(tiny, "--harness-suite=tiny.toml", "--benchmark-skip")
    assert "1 passed, 2 skipped" in skipped.stdout, skipped.stdout + skipped.stderr


def test_a_mistake_is_a_sentence(tiny: Path) -> None:
    done = start_here(tiny, "--harness-suite=tinny.toml")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "tinny.toml" in done.stderr and "Traceback" not in done.stderr + done.stdout


def test_tests_that_are_spread_over_processes_are_refused(tiny: Path) -> None:
    (tiny / "spreading.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--dist', default='load')\n"
    )  # the option by which pytest-xdist says that it is at work
    done = start_here(tiny, "--harness-suite=tiny.toml", "-p", "no:xdist", "-p", "spreading")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "leave out -n" in done.stderr


def test_without_a_suite_it_does_nothing(tiny: Path) -> None:
    done = start(tiny, "-q", "test_other.py")
    assert "1 passed" in done.stdout


def test_loading_it_is_light() -> None:
    code = (
        "import sys, harness.pytest_plugin;"
        "heavy = ('torch', 'pandas', 'numpy', 'harness.execute', 'harness.plan', 'rich');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_clock_shows_each_duration_exactly() -> None:
    seconds = [0.1, 1e-9, 3.7]
    clock = recorded_clock(seconds)
    assert [-(clock() - clock()) for _ in seconds] == seconds


INTERRUPTED = """
import os, signal
import pytest
import harness
from harness.api import hookimpl

@hookimpl
def harness_job_started(event):
    os.kill(os.getpid(), signal.SIGTERM)

@pytest.fixture
def figures():
    return harness.run("tiny.toml", store="interrupted", plugins=[__file__])

def test_one(figures):
    pass

def test_two():
    pass
"""


@pytest.mark.slow
def test_a_run_in_a_fixture_that_is_stopped_stops_the_session(tiny: Path) -> None:
    (tiny / "test_stopped.py").write_text(INTERRUPTED)
    done = start(tiny, "-q", "test_stopped.py")
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout + done.stderr
    assert "tiny-0001 was interrupted" in done.stdout
    assert "error" not in done.stdout and "passed" not in done.stdout

"""The environment is JSON, names no person or place, and has a stable digest."""

import getpass
import json
import platform
import subprocess
import sys

import torch

from harness.machine.environment import (
    describe_environment,
    environment_digest,
    library_versions,
    thread_count,
)


def test_it_is_json_and_names_no_place():
    found = describe_environment("cpu")
    text = json.dumps(found)
    assert found["python"] == platform.python_version()
    assert found["libraries"]["torch"] == torch.__version__
    assert found["cores"] >= 1 and found["memory_bytes"] > 0
    assert len(platform.node()) < 4 or platform.node() not in text
    assert len(getpass.getuser()) < 5 or getpass.getuser() not in text


def test_the_digest_ignores_the_order_of_keys():
    found = describe_environment("cpu")
    turned = dict(reversed(found.items()))
    assert environment_digest(found) == environment_digest(turned)
    assert len(environment_digest(found)) == 16
    assert environment_digest(found) != environment_digest({**found, "threads": 999})


def test_threads_are_torchs_own():
    assert thread_count() == torch.get_num_threads()


def test_threads_without_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert thread_count() >= 1


def test_a_pinned_process_still_tells_of_the_whole_machine():
    code = (
        "import os; from harness.machine.environment import describe_environment as d; "
        "before = d('cpu')['cores']; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "print(before == d('cpu')['cores'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_missing_libraries_are_absent(monkeypatch):
    monkeypatch.setattr("harness.machine.environment.DISTRIBUTIONS", ("numpy", "no-such-thing"))
    assert list(library_versions()) == ["numpy"]


def test_nothing_here_imports_torch():
    code = (
        "import sys, harness.machine.environment as e, harness.measure.timing, "
        "harness.measure.memory, harness.measure.flops, harness.measure.context; "
        "e.describe_environment('cpu'); print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["False", "False"]

"""Each sort of job is covered by what its own module of the core imports: no more, and no less.

Modules are edited in a copy of the tree, and it is looked at what a plan would do again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
HERE = Path(__file__).parent
SUITE = {
    "suite": {"name": "edited"},
    "matrix": {
        "architectures": ["mlp", "lenet"],
        "datasets": ["digits"],
        "seeds": [0],
        "floors": False,
    },
    "recipes": {"plain": {"optimizer": "adamw", "epochs": 2}},
    "measure": [
        {"name": "accuracy"},
        {"name": "throughput"},
        {"name": "adversarial", "attacks": ["pgd"], "epsilons": ["8/255"]},
        {"name": "shift", "shifts": ["blur"], "severities": [1]},
    ],
}
MEASURES = ("accuracy", "adversarial", "shift", "throughput")
FITTED = ("fit", "accuracy", "adversarial", "shift")  # what is measured on a fit follows it
ALL = ("prepare", "fit", *MEASURES)

EDITS: list[tuple[str, str, tuple[str, ...]]] = [
    ("harness/machine/doctor.py", "add", ()),
    ("harness/execute/run.py", "add", ()),
    ("harness/execute/fork_server.py", "add", ()),
    ("harness/plan/plan.py", "add", ()),
    ("harness/plan/tables.py", "add", ()),
    ("harness/store/store.py", "add", ()),
    ("harness/summary/verdict.py", "add", ()),
    ("harness/catalogue/reach.py", "add", ()),
    ("harness/contracts/measure.py", "add", ()),
    ("harness/errors.py", "add", ALL),
    ("harness/errors.py", "comment", ()),
    ("harness/data/splits.py", "add", ALL),
    ("harness/execute/prepare_job.py", "add", ALL),
    ("harness/execute/fit_job.py", "add", FITTED),
    ("harness/execute/job_device.py", "add", ("fit", *MEASURES)),
    ("harness/execute/measure_job.py", "add", MEASURES),
    ("harness/execute/measure_job.py", "comment", ()),
    ("harness/train/fit.py", "add", FITTED),
    ("harness/train/fit.py", "comment", ()),
    ("harness/train/precision.py", "add", ("fit", *MEASURES)),
    ("harness/train/checkpoint.py", "add", ("fit", *MEASURES)),
    ("harness/machine/energy.py", "add", FITTED),
    ("harness/measure/memory.py", "add", FITTED),
    ("harness/measure/flops.py", "add", ("throughput",)),
    ("harness/measure/quantiles.py", "add", ("adversarial", "throughput")),
    ("harness/measure/timing.py", "add", ("throughput",)),
    ("harness/plan/quantities.py", "add", ("adversarial",)),
    ("harness/data/budget.py", "add", ("adversarial",)),
    ("plugins/harness_attacks/__init__.py", "comment", ()),
    ("plugins/harness_attacks/__init__.py", "register", ()),
    ("plugins/harness_attacks/fgsm.py", "bodies", ()),
    ("plugins/harness_attacks/pgd.py", "bodies", ("adversarial",)),
    ("plugins/harness_attacks/gradient_steps.py", "bodies", ("adversarial",)),
    ("plugins/harness_shifts/blur.py", "bodies", ("blur", "shift")),
    ("plugins/harness_training/adamw.py", "bodies", FITTED),
    ("plugins/harness_training/sgd.py", "bodies", ()),
    ("plugins/harness_architectures/lenet.py", "bodies", ("lenet",)),
    ("plugins/harness_quality/accuracy.py", "bodies", ("accuracy",)),
]


@pytest.fixture(scope="module")
def redone(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Return, for each edit, the labels of the jobs that a plan would do again.

    Those that should redo nothing are made together, with one plan after all of them.
    """
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("harness", "plugins", "reports"):
        shutil.copytree(TREE / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join(str(copy / part) for part in (".", "plugins", "reports"))
    quiet = [(file, how) for file, how, words in EDITS if not words]
    rounds = [quiet, *([(file, how)] for file, how, words in EDITS if words)]
    done = subprocess.run(
        [sys.executable, str(HERE / "replan.py"), json.dumps(SUITE), json.dumps(rounds)],
        env=os.environ | {"PYTHONPATH": path},
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    together, *alone = json.loads(done.stdout)
    others = iter(alone)
    return [next(others) if words else together for _, _, words in EDITS]


LABELS = [
    *("prepare digits", "prepare digits blur@1"),
    *(
        f"{sort} {net}{'' if sort == 'throughput' else '#0'} digits"
        for net in ("mlp", "lenet")
        for sort in ("fit", *MEASURES)
    ),
]


@pytest.mark.parametrize("index", range(len(EDITS)), ids=[f"{f} {how}" for f, how, _ in EDITS])
def test_an_edit_redoes_what_it_may_change(redone: list[list[str]], index: int) -> None:
    words = EDITS[index][2]
    expected = {label for label in LABELS if any(word in label for word in words)}
    assert set(redone[index]) == expected

"""Choices are made on validation examples: whatever stands in the test split changes nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
from as_before import as_before

from harness.catalogue.host import Host
from harness.execute.job import run_job
from harness.execute.request import Request
from harness.execute.session import open_suite
from harness.measure.history import TOOK
from harness.plan.jobs import Job
from harness.plan.plan import make_plan
from harness.train.clock import TIMES

SUITE = {
    "suite": {"name": "choices"},
    "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
    "recipes": {
        "stopped": {"epochs": 6, "patience": 1, "optimizer": "sgd:learning_rate=0.5"},
        "searched": {"epochs": 2, "learning_rate": "search"},
        "tuned": {"epochs": 2, "search": {"over": {"batch_size": [16, 64]}, "trials": 3}},
    },
    "measure": [{"name": "accuracy"}],
}


def poison(data: Path, split: int) -> None:
    """Make the examples of a split into noise with false labels."""
    generator = np.random.default_rng(0)
    chosen = np.load(data / "split.npy") == split
    inputs, targets = (np.load(data / f"{name}.npy") for name in ("inputs", "targets"))
    inputs[chosen] = generator.integers(0, 17, inputs[chosen].shape)
    targets[chosen] = (targets[chosen] + 1 + generator.integers(0, 9, chosen.sum())) % 10
    np.save(data / "inputs.npy", inputs)
    np.save(data / "targets.npy", targets)


def train_all(host: Host, data: Path, root: Path) -> dict[str, bytes | list]:
    """Do the fits of the suite, the search too, and return all that they chose and learnt."""
    jobs: list[Job] = make_plan(open_suite(host, SUITE), host.catalogue).jobs
    folders: dict[str, str] = {}
    found: dict[str, bytes | list] = {}
    for job in jobs:
        if job.sort == "prepare":
            folders[job.fingerprint] = str(data)
        elif job.sort == "fit":
            folder = root / job.fingerprint
            folder.mkdir(parents=True)
            outcome = run_job(Request(job, str(folder), folders), host.catalogue)
            assert outcome.status == "ok", outcome.traceback
            folders[job.fingerprint] = str(folder)
            for path in sorted(folder.iterdir()):
                if path.name != TOOK:
                    found[f"{job.label}/{path.name}"] = path.read_bytes()
            if (folder / "search.json").exists():
                tried = json.loads((folder / "search.json").read_text())
                found[f"{job.label}/search.json"] = [tried | dict.fromkeys(TIMES)]
            if (folder / "curves.json").exists():
                rows = json.loads((folder / "curves.json").read_text())
                found[f"{job.label}/curves.json"] = [r | dict.fromkeys(TIMES) for r in rows]
    return found


@as_before()
def test_the_test_split_changes_no_fit_and_no_search(tmp_path):
    host = Host()
    prepare = next(
        job for job in make_plan(open_suite(host, SUITE), host.catalogue).jobs if not job.needs
    )
    clean = tmp_path / "clean"
    clean.mkdir()
    assert run_job(Request(prepare, str(clean)), host.catalogue).status == "ok"
    poisoned = {}
    for split, name in enumerate(("train", "validation", "test")):
        poisoned[name] = tmp_path / name
        shutil.copytree(clean, poisoned[name])
        poison(poisoned[name], split)

    expected = train_all(host, clean, tmp_path / "from_clean")
    assert sum(name.endswith("model.safetensors") for name in expected) == 3
    assert sum(name.endswith("search.json") for name in expected) == 8
    assert train_all(host, poisoned["test"], tmp_path / "from_test") == expected
    for name in ("train", "validation"):  # the same trick is felt there
        found = train_all(host, poisoned[name], tmp_path / f"from_{name}")
        assert {k for k in expected if found[k] != expected[k]} >= {
            k for k in expected if k.endswith(("search.json", "curves.json"))
        }

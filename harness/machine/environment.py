"""Where a figure was taken: versions and hardware, as plain JSON values."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from harness.machine.ceilings import Ceilings, load_ceilings
from harness.machine.devices import cpu_count, cpu_model, gpus, total_memory
from harness.machine.matrix_products import onednn_is_faster

DISTRIBUTIONS = ("model-harness", "torch", "timm", "torchvision", "numpy", "scikit-learn")


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that figures depend on; those not installed are absent.

    A local label ("+cpu", "+cu128") is kept: it tells which build of torch ran.
    """
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def thread_count() -> int:
    """Return the threads of one operation: torch's own answer where it is loaded.

    Elsewhere it is what torch would take: OMP_NUM_THREADS, or the usable cores.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(asked) if asked.isdigit() and int(asked) > 0 else cpu_count()


@lru_cache(maxsize=1)
def describe_machine() -> dict[str, Any]:
    """Return the software and hardware as the process sees them first; no host name, user or path.

    It is kept, so that a job that is pinned to one core later still tells of the whole machine.
    """
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": library_versions(),
        "cpu": cpu_model(),
        "cores": cpu_count(),
        "memory_bytes": total_memory(),
        "gpus": [dataclasses.asdict(gpu) for gpu in gpus()],
    }


def read_ceilings(device: str) -> Ceilings | None:
    """Return what `device` ("cpu", "cuda:1") of this machine was measured to reach at most.

    None where nobody has measured it with this version of torch: `harness doctor --measure` does.
    """
    return load_ceilings(device, describe_machine())


def describe_environment(device: str) -> dict[str, Any]:
    """Return the machine, what a job on `device` had of it, and its ceilings where they are kept.

    The ceilings describe the machine; no job and no fingerprint depends on them.
    """
    found = {**describe_machine(), "device": device, "threads": thread_count()}
    # Where torch is not loaded, nothing was multiplied, and it is not loaded to ask.
    if sys.modules.get("torch") is not None and onednn_is_faster():
        found["matrix_products"] = (
            "by oneDNN in fits, searches and answers; by MKL where a measure times or weighs"
        )
    ceilings = read_ceilings(device)
    return found if ceilings is None else {**found, "ceilings": ceilings.describe()}


def environment_digest(environment: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that tell environments apart; the order of keys is nothing."""
    text = json.dumps(environment, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

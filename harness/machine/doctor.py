"""What this machine has, and what each optional part would need; imports no torch."""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import shutil
from typing import Any

from harness.catalogue.counts import list_some
from harness.errors import NotApplicable
from harness.machine.devices import cpu_count, cpu_model, gpus, total_memory
from harness.machine.energy import open_meter
from harness.machine.environment import library_versions, read_ceilings

DISTRIBUTION = "model-harness"
# What each extra of the distribution is for.
EXTRAS = {
    "data": "pictures and textures of scikit-image as data sets",
    "onnx": "models in ONNX Runtime, and exported to ONNX",
    "opencv": "OpenCV's decoder and resize, where a deployment has them",
    "ray": "jobs on the machines of a Ray cluster (--engine ray)",
    "search": "hyperparameter search through Optuna",
    "text": "tokenizers of files, and byte pairs learned from texts",
    "test": "the tests of the harness",
    "corruptions": "libraries that its corruptions are timed beside",
    "evidence": "models and data that its evidence was gathered with",
}


def diagnose() -> dict[str, Any]:
    """Return hardware, versions, and for each optional part whether it is ready and what it says."""
    versions = {**library_versions(), **_optional_versions()}
    found = gpus()
    cards = ", ".join(f"{gpu.name} ({gpu.memory_bytes / 2**30:.0f} GiB)" for gpu in found)
    hardware = {
        "CPU": cpu_model(),
        "cores": cpu_count(),
        "memory": f"{total_memory() / 2**30:.1f} GiB",
        "GPUs": cards or "none",
    }
    kept = {device: read_ceilings(device) for device in ceiling_devices()}
    return {
        "hardware": hardware,
        "versions": versions,
        "ceilings": {name: one.to_json() if one else None for name, one in kept.items()},
        "parts": _parts(versions, bool(found)),
    }


def ceiling_devices() -> tuple[str, ...]:
    """Return the devices that have ceilings: the CPU, and of each kind of GPU the first."""
    first: dict[tuple[Any, ...], str] = {}
    if "+cpu" not in library_versions().get("torch", ""):
        for gpu in gpus():
            first.setdefault((gpu.name, gpu.memory_bytes, gpu.driver), f"cuda:{gpu.index}")
    return ("cpu", *first.values())


def _parts(versions: dict[str, str], has_gpu: bool) -> list[dict[str, Any]]:
    torch = versions.get("torch", "")
    cpu_build = "+cpu" in torch
    if not has_gpu:
        cuda = "no NVIDIA GPU is visible (nvidia-smi lists none)"
    elif cpu_build:
        cuda = f"torch {torch} is a CPU build; install a CUDA build of the same version"
    else:
        cuda = "jobs run on the GPUs, one a GPU"
    compiler = shutil.which("g++") or shutil.which("clang++")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    return [
        {"name": "CUDA", "ready": has_gpu and not cpu_build, "says": cuda},
        {
            "name": "fp16 training",
            "ready": has_gpu and not cpu_build,
            "says": "needs CUDA; bf16 works on CPUs too",
        },
        *(_energy(device) for device in ("cpu", *(("cuda",) if has_gpu else ()))),
        _library("timm models and optimizers", "timm", versions),
        _library("torchvision models", "torchvision", versions),
        _library("parquet reports", "pyarrow", versions),
        _library("charts in HTML reports", "altair", versions),
        {
            "name": "torch.compile",
            "ready": compiler is not None,
            "says": f"compiler {compiler}" if compiler else "needs g++ or clang++ on PATH",
        },
        {
            "name": "browser tests",
            "ready": chromium is not None and "playwright" in versions,
            "says": f"browser {chromium}" if chromium else "need chromium and the extra [test]",
        },
        _slurm(),
        *extras(),
    ]


def _slurm() -> dict[str, Any]:
    command = shutil.which("sbatch")
    says = f"{command}; jobs as tasks of Slurm (--engine slurm)"
    if command is None:
        says = "needs Slurm's commands on PATH (sbatch), for jobs as its tasks (--engine slurm)"
    return {"name": "Slurm", "ready": command is not None, "says": says}


def extras() -> list[dict[str, Any]]:
    """Return of each extra whether all that it names is installed, what it is for, and what is missing."""
    wanted: dict[str, list[str]] = {name: [] for name in EXTRAS}
    for requirement in importlib.metadata.requires(DISTRIBUTION) or ():
        needed, _, marker = requirement.partition(";")
        for extra in re.findall(r"extra == ['\"]([\w-]+)['\"]", marker):
            name = re.match(r"[\w.-]+", needed.strip())
            if name is not None:
                wanted.setdefault(extra, []).append(name.group())
    return [_extra(name, libraries) for name, libraries in wanted.items()]


def _extra(name: str, libraries: list[str]) -> dict[str, Any]:
    missing = [one for one in libraries if not _is_installed(one)]
    says = EXTRAS.get(name, ", ".join(libraries))
    if missing:
        says += f": {list_some(missing)} missing; pip install '{DISTRIBUTION}[{name}]'"
    return {"name": f"extra [{name}]", "ready": not missing, "says": says}


def _is_installed(library: str) -> bool:
    try:
        importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _energy(device: str) -> dict[str, Any]:
    name = f"energy, {'GPU' if device == 'cuda' else 'CPU'}"
    try:
        return {"name": name, "ready": True, "says": open_meter(device).says}
    except NotApplicable as error:
        return {"name": name, "ready": False, "says": str(error).partition(": ")[2]}


def _optional_versions() -> dict[str, str]:
    versions = {}
    for name in ("pyarrow", "altair", "playwright"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _library(name: str, distribution: str, versions: dict[str, str]) -> dict[str, Any]:
    version = versions.get(distribution, "")
    says = f"{distribution} {version}" if version else f"pip install {distribution}"
    return {"name": name, "ready": bool(version), "says": says}

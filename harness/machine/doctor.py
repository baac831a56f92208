"""What this machine has, and what each optional part would need; imports no torch."""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
from typing import Any

from harness.errors import NotApplicable
from harness.machine.devices import cpu_count, cpu_model, gpus, total_memory
from harness.machine.energy import open_meter
from harness.machine.environment import library_versions, read_ceilings


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
    ]


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

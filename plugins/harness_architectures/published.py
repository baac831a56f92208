"""Check, without torch, that published weights are in a cache or can be fetched."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.api import UsageError
from harness_architectures.options import TimmOptions, TorchvisionOptions

CONNECT_SECONDS = 3.0
HUB_ADDRESS = "https://huggingface.co"
WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".npz")


def check_timm(member: str, facts: Mapping[str, Any], options: TimmOptions | None = None) -> None:
    """Check that the weights of a timm model can be had.

    Raises:
        UsageError: None are published, the tag is unknown, or they are neither cached nor in reach.
    """
    tag = options.tag if options else ""
    _check(f"timm/{member}", facts, tag, "tag")


def check_torchvision(
    member: str, facts: Mapping[str, Any], options: TorchvisionOptions | None = None
) -> None:
    """Check that the weights of a torchvision model can be had.

    Raises:
        UsageError: The name is unknown, or they are neither cached nor in reach.
    """
    tag = options.weights if options else "DEFAULT"
    _check(f"torchvision/{member}", facts, tag, "weights")


def hub_cache() -> Path:
    """Return the folder in which huggingface_hub keeps its downloads."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if value := os.environ.get(variable):
            return _expand(value)
    if value := os.environ.get("HF_HOME"):
        return _expand(value) / "hub"
    return _expand(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface" / "hub"


def torch_cache() -> Path:
    """Return the folder in which torch.hub keeps its downloads."""
    if value := os.environ.get("TORCH_HOME"):
        return _expand(value) / "hub" / "checkpoints"
    return _expand(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch" / "hub" / "checkpoints"


def cache_folder(location: str) -> Path:
    """Return where weights would be cached: an address in torch's folder, an id in the hub's."""
    if "://" in location:
        return torch_cache()
    return hub_cache() / ("models--" + location.replace("/", "--"))


def is_cached(location: str) -> bool:
    """Return whether weights are in a cache; `location` is a hub id or an address."""
    folder = cache_folder(location)
    if "://" in location:
        return (folder / Path(urlsplit(location).path).name).is_file()
    snapshots = (folder / "snapshots").glob("*/*")
    return any(path.suffix in WEIGHT_SUFFIXES and path.is_file() for path in snapshots)


@lru_cache
def can_connect(address: str, seconds: float = CONNECT_SECONDS) -> bool:
    """Return whether the host of an address, or the proxy in front of it, accepts a connection."""
    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and parts.hostname and not urllib.request.proxy_bypass(parts.hostname):
        parts = urlsplit(proxy if "://" in proxy else "http://" + proxy)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return True
    except OSError:
        return False


def _check(name: str, facts: Mapping[str, Any], tag: str, option: str) -> None:
    tags: Mapping[str, str] = facts.get("tags", {})
    if tag and tag not in tags:
        allowed = ", ".join(sorted(tags)) or "none"
        raise UsageError(f"{name} has no published weights {option}={tag!r}; allowed: {allowed}")
    location: str = tags[tag] if tag else facts.get("hub", "")
    if not location:
        raise UsageError(
            f'no weights are published for {name}; train from scratch, or give weights = "path"'
        )
    if is_cached(location):
        return
    is_address = "://" in location
    address = location if is_address else os.environ.get("HF_ENDPOINT", HUB_ADDRESS)
    offline = not is_address and os.environ.get("HF_HUB_OFFLINE", "").upper() in (
        "1",
        "ON",
        "YES",
        "TRUE",
    )
    if not offline and can_connect(address):
        return
    reach = (
        "HF_HUB_OFFLINE forbids to fetch them"
        if offline
        else f"{urlsplit(address).hostname} cannot be reached within {CONNECT_SECONDS:g} s"
    )
    raise UsageError(
        f"the published weights of {name} ({location}) are not in {cache_folder(location)}, and "
        f'{reach}; run once with a connection, copy them there, or give weights = "path"'
    )


def _expand(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()

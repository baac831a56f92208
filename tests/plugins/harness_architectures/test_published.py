"""Whether published weights are cached or in reach, and what is said where they are not."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from harness.api import UsageError
from harness_architectures import published
from harness_architectures.options import TimmOptions, TorchvisionOptions

HUB = "timm/resnet18.a1_in1k"
URL = "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
TIMM_FACTS: dict[str, Any] = {
    "pretrained": True,
    "hub": HUB,
    "tags": {"a1_in1k": HUB, "a2_in1k": "timm/resnet18.a2_in1k"},
}
VISION_FACTS: dict[str, Any] = {
    "pretrained": True,
    "hub": URL,
    "tags": {"IMAGENET1K_V1": URL, "DEFAULT": URL},
}


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(published, "can_connect", lambda address: False)
    return tmp_path


def test_nothing_cached_and_no_network(caches: Path) -> None:
    with pytest.raises(UsageError) as raised:
        published.check_timm("resnet18", TIMM_FACTS)
    text = str(raised.value)
    assert "timm/resnet18" in text and HUB in text
    assert str(caches / "hf" / "hub" / "models--timm--resnet18.a1_in1k") in text
    assert "huggingface.co cannot be reached within 3 s" in text
    assert 'weights = "path"' in text
    with pytest.raises(UsageError, match=r"download\.pytorch\.org cannot be reached"):
        published.check_torchvision("alexnet", VISION_FACTS)


def test_cached_weights_need_no_network(caches: Path) -> None:
    snapshot = caches / "hf" / "hub" / "models--timm--resnet18.a1_in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert not published.is_cached(HUB)  # a description is no weights
    (snapshot / "model.safetensors").write_bytes(b"weights")
    published.check_timm("resnet18", TIMM_FACTS)
    published.check_timm("resnet18", TIMM_FACTS, TimmOptions(tag="a1_in1k"))
    with pytest.raises(UsageError, match="a2_in1k"):
        published.check_timm("resnet18", TIMM_FACTS, TimmOptions(tag="a2_in1k"))

    folder = caches / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / "alexnet-owt-7be5be79.pth").write_bytes(b"weights")
    published.check_torchvision("alexnet", VISION_FACTS)


def test_a_link_to_nothing_is_not_cached(caches: Path) -> None:
    snapshot = published.cache_folder(HUB) / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(caches / "missing")
    assert not published.is_cached(HUB)


def test_the_network_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(published, "can_connect", lambda address: asked.append(address) or True)
    published.check_timm("resnet18", TIMM_FACTS)
    published.check_torchvision("alexnet", VISION_FACTS)
    assert asked == ["https://huggingface.co", URL]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE forbids"):
        published.check_timm("resnet18", TIMM_FACTS)


def test_unknown_or_unpublished() -> None:
    with pytest.raises(UsageError, match="tag='x9'; allowed: a1_in1k, a2_in1k"):
        published.check_timm("resnet18", TIMM_FACTS, TimmOptions(tag="x9"))
    with pytest.raises(UsageError, match="weights='V9'; allowed: DEFAULT, IMAGENET1K_V1"):
        published.check_torchvision("alexnet", VISION_FACTS, TorchvisionOptions(weights="V9"))
    with pytest.raises(UsageError, match="no weights are published for timm/mine"):
        published.check_timm("mine", {"pretrained": False, "hub": "", "tags": {}})


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HF_HUB_CACHE": "/a"}, "/a"),
        ({"HF_HOME": "/b"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HOME": "/d"}, "/d/.cache/huggingface/hub"),
    ],
)
def test_where_the_hub_caches(
    variables: dict[str, str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert published.hub_cache() == Path(folder)


def test_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert published.can_connect(f"http://127.0.0.1:{port}/models")
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert published.can_connect("https://weights.invalid/x.pth")
    assert not published.can_connect(f"http://127.0.0.1:{port}/models", seconds=0.5)

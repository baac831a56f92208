"""Published weights get images as their authors gave them, against timm's and torchvision's own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from weights_cache import write_timm_cache

from harness.api import Preprocessing, Task, import_timm, import_torchvision
from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture, Dataset
from harness.data.model import build_model
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.data.task import InputSpec
from harness_architectures import preprocessing, timm_family, torchvision_family
from harness_architectures.options import TimmOptions, TorchvisionOptions
from harness_datasets.imagefolder import read_image
from harness_datasets.options import ImageFolderOptions

SIZES = [(500, 375), (375, 500), (300, 300), (640, 211)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Smooth pictures with some noise, of several sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    paths = []
    for number, (width, height) in enumerate(SIZES):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        noisy = np.asarray(image) + rng.normal(0, 12, (height, width, 3))
        Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(folder / f"{number}.png")
        paths.append(folder / f"{number}.png")
    return paths


def compare(path: Path, spec: InputSpec, transform: Any) -> float:
    """Return the largest difference in levels of 8 bits."""
    assert spec.preprocessing is not None and spec.mean is not None and spec.std is not None
    with Image.open(path) as image:
        theirs = transform(image.convert("RGB"))
    pixels = torch.from_numpy(read_image(path, 3, spec.preprocessing))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (spec.mean, spec.std))
    ours = (pixels / 255 - mean) / std
    assert ours.shape == theirs.shape
    return float(((ours - theirs) * std * 255).abs().max())


def task(side: int = 224) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(3, side, side),
        outputs=10,
        low=0.0,
        high=1.0,
        mean=(0.5,) * 3,
        std=(0.2,) * 3,
    )


TIMM = {
    "resnet50": (235, 224, "center", "bicubic"),
    "vit_small_patch16_224": (248, 224, "center", "bicubic"),
    "efficientnet_b0": (256, 224, "center", "bicubic"),
    "mobilenetv3_large_100": (256, 224, "center", "bicubic"),
    "convnext_tiny": (235, 224, "center", "bicubic"),
    "inception_v4": (341, 299, "center", "bicubic"),
    "vgg11": (256, 224, "center", "bilinear"),
    "dm_nfnet_f0": (213, 192, "squash", "bicubic"),
}


@pytest.mark.parametrize("member", TIMM)
def test_timm(member: str, pictures: list[Path]) -> None:
    timm = import_timm()
    config = timm.get_pretrained_cfg(member)
    spec = timm_family.wants(task(), TimmOptions(), member, pretrained=True)
    assert spec.preprocessing is not None
    goal, size, crop, interpolation = TIMM[member]
    found = spec.preprocessing
    assert (found.resize, found.size) == ((goal, goal), (size, size))
    assert (found.crop, found.interpolation) == (crop, interpolation)
    transform = timm.data.create_transform(
        **timm.data.resolve_data_config(pretrained_cfg=config.to_dict())
    )
    for path in pictures:
        assert compare(path, spec, transform) < 0.01


@pytest.mark.parametrize(
    "options",
    [
        {"test_size": True},
        {"input_size": 128},
        {"crop_pct": 1.0},
        {"crop_mode": "squash"},
        {"crop_mode": "border", "crop_pct": 0.8, "interpolation": "bilinear"},
    ],
    ids=str,
)
def test_options_of_timm(options: dict[str, Any], pictures: list[Path]) -> None:
    timm = import_timm()
    config = timm.get_pretrained_cfg("resnet50").to_dict()
    spec = timm_family.wants(task(), TimmOptions(**options), "resnet50", pretrained=True)
    arguments = {
        {"input_size": "img_size"}.get(name, name): value
        for name, value in options.items()
        if name != "test_size"
    }
    transform = timm.data.create_transform(
        **timm.data.resolve_data_config(
            arguments, pretrained_cfg=config, use_test_size="test_size" in options
        )
    )
    for path in pictures:
        assert compare(path, spec, transform) < 0.01


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("resnet50", "shorter side to 232 (bilinear), centre of 224 x 224"),
        ("efficientnet_b0", "shorter side to 256 (bicubic), centre of 224 x 224"),
        ("inception_v3", "shorter side to 342 (bilinear), centre of 299 x 299"),
        ("vgg16", "shorter side to 256 (bilinear), centre of 224 x 224"),
    ],
)
def test_torchvision(member: str, words: str, pictures: list[Path]) -> None:
    weights = import_torchvision().models.get_model_weights(member)["DEFAULT"]
    spec = torchvision_family.wants(task(), TorchvisionOptions(), member, pretrained=True)
    assert spec.preprocessing is not None and spec.preprocessing.words() == words
    for path in pictures:
        assert compare(path, spec, weights.transforms()) < 0.01


def test_facts_say_the_same_without_torch() -> None:
    """The plan reads them from the index of a family, the job from the library."""
    members = timm_family.list_members()
    for name in ("resnet50", "convnext_tiny", "dm_nfnet_f0"):
        for tag in ("", *list(members[name]["tags"])[:3]):
            options = TimmOptions(tag=tag)
            spec = timm_family.wants(task(), options, name, pretrained=True)
            assert preprocessing.of_timm(name, members[name], options) == spec.preprocessing
    vision = torchvision_family.list_members()
    for weights in ("DEFAULT", "IMAGENET1K_V1"):
        chosen = TorchvisionOptions(weights=weights)
        spec = torchvision_family.wants(task(), chosen, "resnet50", pretrained=True)
        assert preprocessing.of_torchvision("resnet50", vision["resnet50"], chosen) == (
            spec.preprocessing
        )
    assert preprocessing.of_torchvision(
        "resnet50", vision["resnet50"], TorchvisionOptions(input_size=112)
    ) == Preprocessing(size=(112, 112), resize=(116, 116), interpolation="bilinear")


def chosen(family: str, member: str, options: Any) -> Chosen:
    module = f"harness_architectures.{family}_family"
    item = Architecture(
        name=f"{family}/",
        build=f"{module}:build",
        takes=("image",),
        wants=f"{module}:wants",
        members=f"{module}:list_members",
        options=type(options),
    )
    return Chosen(item, f"{family}/{member}", member, options.model_dump())


def test_a_measure_gives_a_model_what_its_fit_gave_it() -> None:
    """A network of published weights was fitted at their size and measured at the data's."""
    resnet = chosen("timm", "test_resnet", TimmOptions())
    for side in (32, 160, 200):
        measured = build_model(resnet, task(side), published=True, load=False)
        assert measured.net(measured.first(torch.rand(1, 3, side, side))).shape == (1, 10)
        assert measured.first(torch.rand(1, 3, side, side)).shape[-2:] == (160, 160)
        words = measured.adaptations()
        assert words[-1] == "Normalise 3 means and deviations"
        resized = [word for word in words if word.startswith("Preprocess")]
        assert bool(resized) == (side != 160)
    assert resized == ["Preprocess shorter side to 168 (bilinear), centre of 160 x 160"]


def test_published_statistics_are_of_inputs_from_0_to_1() -> None:
    from dataclasses import replace

    resnet = chosen("timm", "test_resnet", TimmOptions())
    unit = build_model(resnet, task(160), published=True, load=False).first
    wide = replace(task(160), low=-3.0, high=5.0)
    inputs = torch.rand(2, 3, 160, 160)
    other = build_model(resnet, wide, published=True, load=False).first
    torch.testing.assert_close(other(inputs * 8 - 3), unit(inputs), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_logits_are_those_of_timm_from_the_file_on(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, preparation, first layers and network together, against timm's transform and model."""
    import huggingface_hub.constants

    timm = import_timm()
    torch.manual_seed(0)
    published = timm.create_model("test_resnet").eval()
    facts = timm_family.list_members()["test_resnet"]
    write_timm_cache(tmp_path / "hub", facts["hub"], published)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    files = []
    for number in range(6):  # of 1000 classes, so that the head is the published one
        folder = tmp_path / "val" / f"{number:03}"
        folder.mkdir(parents=True)
        files.append(folder / "1.png")
        files[-1].write_bytes(pictures[number % len(pictures)].read_bytes())
    for number in range(6, 1000):
        (tmp_path / "val" / f"{number:03}").mkdir()
        Image.new("L", (2, 2)).save(tmp_path / "val" / f"{number:03}" / "1.png")
    resnet = chosen("timm", "test_resnet", TimmOptions())
    expected = preprocessing.of_timm("test_resnet", facts, TimmOptions())
    options = ImageFolderOptions(path=str(tmp_path / "val"), test_only=True)
    item = Dataset(name="x", load="harness_datasets.imagefolder:load", options=type(options))
    (tmp_path / "prepared").mkdir()
    of = prepare(Chosen(item, "x", "", options.model_dump()), 0, tmp_path / "prepared", expected)
    assert of.preprocessing == expected.words()
    examples = PreparedData.open(tmp_path / "prepared").split("test", torch.device("cpu"))
    inputs, targets, _ = examples.take(examples.targets.argsort()[:6])  # stored by id
    assert targets.tolist() == list(range(6))
    transform = timm.data.create_transform(
        **timm.data.resolve_data_config(pretrained_cfg=published.pretrained_cfg)
    )
    theirs = torch.stack([transform(Image.open(path).convert("RGB")) for path in files])
    with torch.no_grad():
        ours = build_model(resnet, of, published=True).eval()(inputs)
        torch.testing.assert_close(ours, published(theirs), atol=1e-4, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("member", ["googlenet", "inception_v3"])
def test_what_torchvision_changes_for_published_weights(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their inputs are brought to other statistics inside the network, and auxiliary heads exist."""
    vision = import_torchvision()
    torch.manual_seed(0)
    theirs = vision.models.get_model(member, init_weights=False, transform_input=True).eval()
    weights = vision.models.get_model_weights(member)
    monkeypatch.setattr(weights, "get_state_dict", lambda self, **_: theirs.state_dict())
    shape = (3, 299, 299) if member == "inception_v3" else (3, 224, 224)
    loaded = torchvision_family.build(shape, 1000, TorchvisionOptions(), member, True, True)
    fitted = torchvision_family.build(shape, 1000, TorchvisionOptions(), member, False, True)
    fitted.load_state_dict(loaded.state_dict())
    inputs = torch.rand(1, *shape)
    torch.testing.assert_close(loaded.eval()(inputs), theirs(inputs))
    torch.testing.assert_close(fitted.eval()(inputs), theirs(inputs))

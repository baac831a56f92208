"""`timm/` and `torchvision/`: inputs, training, published weights from a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from weights_cache import write_timm_cache

from harness.api import InputSpec, Task, UsageError, import_timm, import_torchvision
from harness_architectures import input_size, timm_family, torchvision_family
from harness_architectures.options import TimmOptions, TorchvisionOptions


@pytest.fixture(scope="session", autouse=True)
def libraries() -> None:
    import_timm()


@pytest.fixture(scope="session")
def timm_members() -> dict[str, dict[str, Any]]:
    return timm_family.list_members()


@pytest.fixture(scope="session")
def torchvision_members() -> dict[str, dict[str, Any]]:
    return torchvision_family.list_members()


def task(channels: int = 1, height: int = 8, width: int = 8) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(channels, height, width),
        outputs=10,
        low=0.0,
        high=1.0,
    )


def build(
    name: str, of: Task, classes: int = 10, pretrained: bool = False, **options: Any
) -> tuple[InputSpec, nn.Module]:
    family, _, member = name.partition("/")
    module: Any = timm_family if family == "timm" else torchvision_family
    chosen = TimmOptions(**options) if family == "timm" else TorchvisionOptions(**options)
    spec = module.wants(of, chosen, member, pretrained)
    return spec, module.build(spec.shape, classes, chosen, member, pretrained)


@pytest.mark.parametrize(
    ("name", "of", "shape"),
    [
        ("timm/resnet18", task(3, 40, 24), (3, 40, 24)),
        ("timm/vit_tiny_patch16_224", task(), (1, 16, 16)),
        ("timm/vit_tiny_patch16_224", task(1, 28, 28), (1, 32, 32)),
        ("timm/vit_small_patch14_dinov2", task(), (1, 14, 14)),
        ("timm/mixer_s32_224", task(), (1, 32, 32)),
        pytest.param("timm/efficientformer_l1", task(), (1, 224, 224), marks=pytest.mark.slow),
        ("torchvision/vgg11", task(), (3, 32, 32)),
        ("torchvision/squeezenet1_1", task(), (3, 28, 28)),
        ("torchvision/googlenet", task(), (3, 16, 16)),
        ("torchvision/vit_b_16", task(1, 30, 30), (3, 32, 32)),
        ("torchvision/vit_h_14", task(), (3, 14, 14)),
        pytest.param("torchvision/maxvit_t", task(), (3, 224, 224), marks=pytest.mark.slow),
    ],
)
def test_smallest_input(name: str, of: Task, shape: tuple[int, ...]) -> None:
    family, _, member = name.partition("/")
    module: Any = timm_family if family == "timm" else torchvision_family
    options = TimmOptions() if family == "timm" else TorchvisionOptions()
    assert module.wants(of, options, member, False) == InputSpec(shape)


@pytest.mark.parametrize(
    "name",
    [
        "timm/resnet18",
        "timm/vit_tiny_patch16_224",
        pytest.param("timm/convnext_atto", marks=pytest.mark.slow),
        "timm/mobilenetv3_small_050",
        "torchvision/mobilenet_v3_small",
        "torchvision/shufflenet_v2_x0_5",
        pytest.param("timm/swin_tiny_patch4_window7_224", marks=pytest.mark.slow),
        pytest.param("timm/efficientformer_l1", marks=pytest.mark.slow),
        pytest.param("torchvision/googlenet", marks=pytest.mark.slow),
        pytest.param("torchvision/vit_b_32", marks=pytest.mark.slow),
    ],
)
def test_tiny_grey_images_train(name: str) -> None:
    spec, model = build(name, task())
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    logits = model(torch.rand(2, *spec.shape))
    assert logits.shape == (2, 10)
    loss = functional.cross_entropy(logits, torch.tensor([1, 2]))
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm/inception_v3", "torchvision/inception_v3"])
def test_inception_needs_a_larger_input(name: str) -> None:
    spec, model = build(name, task())
    assert spec.shape[1] == 96
    assert model.train()(torch.rand(2, *spec.shape)).shape == (2, 10)


def test_finding_the_input_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    timm_family.wants(task(1, 11, 9), TimmOptions(), "crossvit_9_dagger_240", False)
    assert torch.equal(before, torch.get_rng_state())


def test_same_seed_same_weights() -> None:
    first, second = (
        (torch.manual_seed(0), build("timm/resnet18", task())[1])[1].state_dict() for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_input_size_option() -> None:
    assert build("timm/vit_tiny_patch16_224", task(), input_size=48)[0].shape == (1, 48, 48)
    assert build("torchvision/resnet18", task(), input_size=48)[0].shape == (3, 48, 48)
    with pytest.raises(UsageError, match=r"vit_tiny_patch16_224 does not work with input_size=9"):
        build("timm/vit_tiny_patch16_224", task(), input_size=9)
    with pytest.raises(UsageError, match=r"vit_b_16 does not work with input_size=9"):
        build("torchvision/vit_b_16", task(), input_size=9)


def test_timm_options() -> None:
    _, model = build("timm/resnet18", task(), drop_rate=0.25)
    assert model.drop_rate == 0.25
    with pytest.raises(UsageError, match="has no option 'drop_path_rate'"):
        timm_family.build(
            (3, 64, 64), 10, TimmOptions(drop_path_rate=0.1), "vgg11", pretrained=False
        )
    with pytest.raises(UsageError, match="no tag 'b9'; allowed: .*a1_in1k"):
        build("timm/resnet18", task(), tag="b9")
    with pytest.raises(UsageError, match="no weights 'V9'; allowed: DEFAULT, IMAGENET1K_V1"):
        build("torchvision/resnet18", task(), weights="V9")


def test_published_weights_bring_their_own_input() -> None:
    spec = timm_family.wants(task(), TimmOptions(), "resnet18", True)
    assert spec.shape == (3, 224, 224)
    assert spec.mean is not None and spec.mean[0] == pytest.approx(0.485)
    spec = timm_family.wants(task(), TimmOptions(input_size=64), "vit_tiny_patch16_224", True)
    assert (spec.shape, spec.mean, spec.std) == ((3, 64, 64), (0.5,) * 3, (0.5,) * 3)
    assert spec.preprocessing is not None and spec.preprocessing.resize == (71, 71)  # 64 / 0.9
    spec = torchvision_family.wants(task(), TorchvisionOptions(), "inception_v3", True)
    assert (spec.shape, spec.mean) == ((3, 299, 299), (0.485, 0.456, 0.406))
    assert spec.preprocessing is not None and spec.preprocessing.resize == (342, 342)


def test_candidate_sizes() -> None:
    found = list(input_size.candidates((8, 8), (518, 518)))
    assert found[0] == (8, 8) and found[-1] == (518, 518)
    assert (28, 28) in found and (259, 259) in found
    assert found[1:-1] == sorted(found[1:-1])
    assert list(input_size.candidates((300, 200), (224, 224))) == [(300, 200), (224, 224)]
    assert list(input_size.candidates((224, 224), (224, 224))) == [(224, 224)]


def test_no_size_works() -> None:
    with pytest.raises(UsageError, match=r"stubborn accepts no input .* ZeroDivisionError"):
        input_size.find_smallest("stubborn", lambda shape: 1 // 0, (1,), (3, 32, 32), (1, 8, 8))  # type: ignore[arg-type,return-value]


def test_output_that_is_not_logits() -> None:
    problem = input_size.try_shape(lambda shape: nn.Identity(), (1, 8, 8))
    assert "not logits" in str(problem)


def test_timm_members(timm_members: dict[str, dict[str, Any]]) -> None:
    assert len(timm_members) > 1000
    assert timm_members["resnet18"]["pretrained"]
    assert timm_members["resnet18"]["hub"].startswith("timm/resnet18.")
    assert timm_members["resnet18"]["tags"]["a1_in1k"] == "timm/resnet18.a1_in1k"
    assert timm_members["resnet18"]["input"] == [3, 224, 224]
    assert "://" in timm_members["legacy_senet154"]["hub"]
    assert not timm_members["convnext_atto_rms"]["pretrained"]
    assert not any(name.endswith("_enc") for name in timm_members)


def test_torchvision_members(torchvision_members: dict[str, dict[str, Any]]) -> None:
    assert len(torchvision_members) >= 80
    facts = torchvision_members["alexnet"]
    assert facts["pretrained"] and facts["hub"].startswith("https://download.pytorch.org/")
    assert facts["input"] == [3, 224, 224]
    assert not any("rcnn" in name or "quantized" in name for name in torchvision_members)


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1", "resnet18", "googlenet", "vit_b_32"])
def test_a_new_head(name: str) -> None:
    models = import_torchvision().models
    extra = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        model = models.get_model(name, weights=None, **extra)
        torchvision_family.replace_head(model, 1000, 7)
        assert model.eval()(torch.zeros(2, 3, 224, 224)).shape == (2, 7)


def test_timm_weights_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    torch.manual_seed(0)
    published = import_timm().create_model("test_resnet")
    facts = timm_family.list_members()["test_resnet"]
    write_timm_cache(tmp_path, facts["hub"], published)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    spec, same = build("timm/test_resnet", task(), classes=1000, pretrained=True)
    inputs = torch.rand(2, *spec.shape)
    torch.testing.assert_close(same.eval()(inputs), published.eval()(inputs))

    _, other = build("timm/test_resnet", task(), classes=10, pretrained=True)
    theirs, ours = published.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"fc.bias", "fc.weight"}:
        assert torch.equal(ours[name], theirs[name]), name


def test_torchvision_weights_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    models = import_torchvision().models
    url = models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    torch.manual_seed(0)
    published = models.squeezenet1_1()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(published.state_dict(), folder / url.rpartition("/")[2])
    spec, same = build("torchvision/squeezenet1_1", task(), classes=1000, pretrained=True)
    inputs = torch.rand(2, *spec.shape)
    torch.testing.assert_close(same.eval()(inputs), published.eval()(inputs))
    _, other = build("torchvision/squeezenet1_1", task(), classes=10, pretrained=True)
    assert other.eval()(inputs).shape == (2, 10)
    torch.testing.assert_close(
        other.state_dict()["features.0.weight"], published.features[0].weight
    )

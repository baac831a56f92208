"""Saliency and integrated gradients beside captum's on LeNet, trained on digits, and with Grad-CAM on torchvision's ResNet-18.

Type ``python tests/evidence/explanation_peers.py``; it needs ``pip install captum``. ResNet-18 has random weights: that it is wide and
deep, and normalises, is what matters here.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from captum import __version__, attr
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Task, import_torchvision
from harness_architectures.lenet import Lenet
from harness_architectures.options import LenetOptions
from harness_explained.gradcam import gradcam
from harness_explained.gradients import integrated_gradients, saliency

STEPS = 50
TURNS = 5


def trained_lenet() -> tuple[nn.Module, Tensor]:
    """Return LeNet after 300 steps on digits, and 64 others of them."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(digits.target)
    model = Lenet((1, 8, 8), 10, LenetOptions())
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for step in range(300):
        some = torch.arange(64) + 64 * (step % 25)
        optimizer.zero_grad()
        functional.cross_entropy(model(images[some]), labels[some]).backward()
        optimizer.step()
    return model.eval(), images[-64:]


def compare(name: str, ours: Callable[[], Tensor], theirs: Callable[[], Tensor]) -> None:
    """Print the largest difference over the largest value, and the median of CPU times in turns."""
    seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
    found = {}
    for _ in range(TURNS):
        for side, run in (("ours", ours), ("theirs", theirs)):
            start = time.process_time()
            found[side] = run().detach()
            seconds[side].append(time.process_time() - start)
    apart = (found["ours"] - found["theirs"]).abs().max() / found["theirs"].abs().max()
    medians = {side: sorted(some)[TURNS // 2] for side, some in seconds.items()}
    ratio = medians["ours"] / medians["theirs"]
    print(
        f"{name}: differs by {float(apart):.1e}; {medians['ours']:.3f} s against {medians['theirs']:.3f} s, {ratio:.2f}"
    )


def compare_all(
    name: str, model: nn.Module, images: Tensor, layer: nn.Module | None, task: Task
) -> None:
    """Compare the methods on one network; layer: whose maps Grad-CAM reads, as a module of its own (None: it has none)."""
    with torch.no_grad():
        classes = model(images).argmax(1)
    reference = torch.full((1, *images.shape[1:]), 0.3)

    def their_saliency() -> Tensor:
        leaf = images.clone().requires_grad_()
        slopes: Tensor = attr.Saliency(model).attribute(leaf, target=classes)
        return slopes.amax(1)

    def their_gradients() -> Tensor:
        found: Tensor = attr.IntegratedGradients(model).attribute(
            images, reference, target=classes, n_steps=STEPS, method="gausslegendre"
        )
        return found

    def their_gradcam() -> Tensor:
        maps = attr.LayerGradCam(model, layer).attribute(images, target=classes)
        size = tuple(images.shape[-2:])
        found: Tensor = attr.LayerAttribution.interpolate(functional.relu(maps), size, "bilinear")
        return found[:, 0]

    compare(f"{name}, saliency", lambda: saliency(model, images, classes, task), their_saliency)
    compare(
        f"{name}, integrated gradients",
        lambda: integrated_gradients(model, images, classes, reference, STEPS),
        their_gradients,
    )
    if layer is not None:
        compare(f"{name}, Grad-CAM", lambda: gradcam(model, images, classes), their_gradcam)


def task(images: Tensor) -> Task:
    """Return the task of images in [0, 1]."""
    shape = tuple(images.shape[1:])
    return Task(
        modality="image", problem="classification", input_shape=shape, outputs=10, low=0.0, high=1.0
    )


def main() -> None:
    """Print the comparisons."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(f"captum {__version__}, torch {torch.__version__}")
    model, images = trained_lenet()
    compare_all("LeNet", model, images, None, task(images))
    deep = import_torchvision().models.resnet18(num_classes=10).eval()
    pictures = torch.rand(4, 3, 64, 64)
    compare_all("ResNet-18", deep, pictures, deep.layer4, task(pictures))


if __name__ == "__main__":
    main()

"""Small files in the forms in which shifts of CIFAR-10, MNIST and ImageNet are published, and data that they shift."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

WNIDS = (
    "n01440764",
    "n01443537",
    "n02708093",
    "n03196217",
)  # tench, goldfish, analog and digital clock


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def cifar(folder: Path, test: int = 20) -> Path:
    """An .npz of CIFAR-10's shape; the pictures of CIFAR-10-C are its test pictures, plus the severity."""
    images, labels = noise(0, 60 + test, 32, 32, 3), np.arange(60 + test) % 10
    path = folder / "cifar.npz"
    np.savez(path, x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    corrupted = folder / "CIFAR-10-C"
    corrupted.mkdir()
    np.save(corrupted / "labels.npy", np.tile(labels[60:], 5))
    for name, extra in (("fog", 0), ("snow", 10)):
        blocks = [images[60:] // 2 + extra + severity for severity in range(1, 6)]
        np.save(corrupted / f"{name}.npy", np.concatenate(blocks))
    anew = folder / "CIFAR-10.1"
    anew.mkdir()
    np.save(anew / "cifar10.1_v6_data.npy", noise(1, 30, 32, 32, 3))
    np.save(anew / "cifar10.1_v6_labels.npy", np.arange(30) % 10)
    return path


def mnist_c(folder: Path, names: tuple[str, ...] = ("identity", "fog", "zigzag")) -> Path:
    for name in names:
        (folder / "mnist_c" / name).mkdir(parents=True)
        np.save(folder / "mnist_c" / name / "test_images.npy", noise(2, 20, 28, 28, 1))
        np.save(folder / "mnist_c" / name / "test_labels.npy", np.arange(20) % 10)
    return folder / "mnist_c"


def pictures(folder: Path, names: tuple[str, ...], count: int = 3, size: int = 12) -> Path:
    """Folders of pictures, whose names go on from class to class."""
    for at, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = noise(100 * at + number, size, size, 3)
            Image.fromarray(pixels).save(folder / name / f"val_{at * count + number:04}.png")
    return folder


def imagenet(folder: Path, names: tuple[str, ...] = WNIDS, count: int = 6) -> Path:
    """Pictures of train and val; the corrupted ones are those of val, darker."""
    pictures(folder / "imagenet" / "train", names, count)
    return pictures(folder / "imagenet" / "val", names, count).parent


def imagenet_c(folder: Path, val: Path, archive: str = "weather") -> Path:
    root = folder / "ImageNet-C"
    for severity in (1, 2, 3, 4, 5):
        for path in sorted(val.glob("*/*.png")):
            to = root / archive / "fog" / str(severity) / path.parent.name / f"{path.stem}.JPEG"
            to.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as opened:
                opened.point(lambda value, s=severity: value * (10 - s) // 10).save(to, "jpeg")
    return root

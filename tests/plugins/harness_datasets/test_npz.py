"""`npz` on files that the tests write."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets import npz
from harness_datasets.options import NpzOptions

IMAGES = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def load(tmp_path: Path, arrays: dict[str, Any], **options: Any) -> Any:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return npz.load(NpzOptions(path=str(path), **options))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 5, 4), (6, 1, 5, 4)),
        ((6, 5, 8, 3), (6, 3, 5, 8)),
        ((6, 3, 5, 8), (6, 3, 5, 8)),
        ((6, 5, 8, 1), (6, 1, 5, 8)),
    ],
)
def test_images(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    data = load(tmp_path, {"inputs": values, "targets": LABELS})
    assert data.inputs.shape == expected and data.inputs.dtype == np.uint8
    assert (data.scale, data.low, data.high) == (1 / 255, 0.0, 1.0)
    if shape[-1] in (1, 3):
        assert np.array_equal(data.inputs[2, 0], values[2, :, :, 0])
    assert data.targets.dtype == np.int64 and data.split is None


def test_keras(tmp_path: Path) -> None:
    data = load(
        tmp_path,
        {
            "x_train": IMAGES[:3],
            "y_train": LABELS[:3, None].astype(np.uint8),
            "x_val": IMAGES[3:4],
            "y_val": LABELS[3:4, None].astype(np.uint8),
            "x_test": IMAGES[4:],
            "y_test": LABELS[4:, None].astype(np.uint8),
        },
    )
    assert np.array_equal(data.inputs[:, 0], IMAGES)
    assert data.targets.tolist() == LABELS.tolist()
    assert data.split.tolist() == ["train"] * 3 + ["validation"] + ["test"] * 2


def test_real_images(tmp_path: Path) -> None:
    data = load(tmp_path, {"inputs": IMAGES / 255, "targets": LABELS})
    assert (data.scale, data.low, data.high) == (1.0, 0.0, 1.0)
    data = load(tmp_path, {"inputs": IMAGES / 10 - 3, "targets": LABELS})
    assert (data.scale, data.low, data.high) == (1.0, None, None)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_images_of_16_bits(tmp_path: Path, dtype: str) -> None:
    inputs = IMAGES.astype(dtype) * 500
    data = load(tmp_path, {"inputs": inputs, "targets": LABELS})
    assert (data.scale, data.low, data.high) == (1 / 65535, 0.0, 1.0)
    data = load(tmp_path, {"inputs": inputs // 500 * 30, "targets": LABELS}, white=4095)
    assert (data.scale, data.low, data.high) == (1 / 4095, 0.0, 1.0)


def test_what_is_white_may_be_said(tmp_path: Path) -> None:
    floats = {"inputs": IMAGES.astype("float32"), "targets": LABELS}
    data = load(tmp_path, floats, white=255)
    assert (data.scale, data.low, data.high) == (1 / 255, 0.0, 1.0)
    assert load(tmp_path, floats).low is None  # its own range, that of the data
    with pytest.raises(DataError, match=r"inputs reach from 0 to 119; white=100 needs 0 to 100"):
        load(tmp_path, floats, white=100)
    with pytest.raises(DataError, match="white=255 is for images, not tables"):
        load(tmp_path, {"inputs": IMAGES[:, 0], "targets": LABELS}, white=255, modality="table")


def test_black_and_white(tmp_path: Path) -> None:
    data = load(tmp_path, {"inputs": IMAGES > 60, "targets": LABELS})
    assert data.inputs.dtype == np.uint8 and (data.scale, data.high) == (1.0, 1.0)


def test_sequences_and_tables(tmp_path: Path) -> None:
    values = np.ones((6, 7))
    data = load(tmp_path, {"inputs": values, "targets": LABELS}, modality="sequence")
    assert data.inputs.shape == (6, 7, 1)
    data = load(
        tmp_path,
        {"inputs": values, "targets": LABELS / 2},
        modality="table",
        problem="regression",
    )
    assert data.inputs.shape == (6, 7)
    assert data.targets.tolist() == [0, 0.5, 1, 0, 0.5, 1]


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"images": IMAGES}, {}, "has images; needed are inputs and targets"),
        ({"x_train": IMAGES}, {}, "only one of x_train and y_train"),
        ({"inputs": IMAGES, "targets": LABELS[:5]}, {}, r"inputs is \(6, 5, 4\) and targets"),
        ({"inputs": IMAGES[0], "targets": LABELS[:5]}, {}, "no images; give modality=table"),
        ({"inputs": IMAGES, "targets": LABELS}, {"modality": "table"}, "are no tables"),
        ({"inputs": np.ones((6, 3, 9, 3)), "targets": LABELS}, {}, "say layout=channels_first"),
        ({"inputs": IMAGES, "targets": LABELS + 0.5}, {}, "problem=regression"),
        ({"inputs": IMAGES, "targets": np.eye(6)}, {}, "one number an example"),
        ({"inputs": IMAGES, "targets": np.array(list("abcdef"))}, {}, "numbers are needed"),
        ({"inputs": IMAGES.astype(complex), "targets": LABELS}, {}, "real numbers are needed"),
        ({"inputs": IMAGES[:0], "targets": LABELS[:0]}, {}, "inputs is"),
    ],
)
def test_bad_files(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, arrays, **options)


def test_layout_settles_it(tmp_path: Path) -> None:
    arrays = {"inputs": np.ones((6, 3, 9, 1)), "targets": LABELS}
    assert load(tmp_path, arrays, layout="channels_first").inputs.shape == (6, 3, 9, 1)
    assert load(tmp_path, arrays, layout="channels_last").inputs.shape == (6, 1, 3, 9)


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read .* member inputs: Object arrays"):
        load(tmp_path, {"inputs": np.array([{}] * 6, dtype=object), "targets": LABELS})


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, targets=LABELS, inputs=IMAGES)
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo("inputs.npy").header_offset + 60
    raw = bytearray(path.read_bytes())
    raw[begin : begin + 20] = bytes(20)
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"data\.npz cannot be read .* member inputs: "):
        npz.load(NpzOptions(path=str(path)))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.npz cannot be read"):
        npz.load(NpzOptions(path=str(path)))


def test_single_array(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", IMAGES)
    with pytest.raises(DataError, match="single array"):
        npz.load(NpzOptions(path=str(tmp_path / "data.npy")))

"""Digits on textures: masks and boxes are of what was pasted, the same in every call."""

import numpy as np
import pytest

from harness_datasets.built_in_options import DigitsOnTexturesOptions
from harness_datasets.digits_on_textures import SIDE, draw_scene, enlarge, load


def test_masks_lie_where_the_ink_is_and_each_split_has_its_share():
    data = load(DigitsOnTexturesOptions(examples=50))
    assert data.inputs.shape == (50, 1, 32, 32) and data.targets.shape == (50, 32, 32)
    assert [data.split.count(name) for name in ("train", "validation", "test")] == [30, 10, 10]
    assert set(np.unique(data.targets)) <= set(range(11))
    on, off = data.inputs[:, 0][data.targets > 0], data.inputs[:, 0][data.targets == 0]
    assert on.mean() - off.mean() > 255 * 0.25
    again = load(DigitsOnTexturesOptions(examples=50))
    assert np.array_equal(data.inputs, again.inputs) and np.array_equal(data.targets, again.targets)


def test_boxes_hold_the_mask_of_their_digit_exactly():
    ink = np.zeros((2, 8, 8))
    ink[0, 2:6, 3] = ink[1, 1:7, 1:7] = 1.0
    generator = np.random.default_rng(3)
    seen = 0
    for _ in range(20):
        scene = draw_scene(ink, np.array([4, 7]), generator)
        whole = np.zeros((SIDE, SIDE), dtype=bool)
        for (left, top, right, bottom), digit in zip(scene.boxes, scene.digits, strict=True):
            inside = scene.mask[top:bottom, left:right] == digit + 1
            assert inside.any(0).all() and inside.any(1).all()
            whole[top:bottom, left:right] = True
            seen += 1
        assert not scene.mask[~whole].any()
    assert seen >= 20


def test_enlarging_keeps_a_constant_and_a_slope():
    assert enlarge(np.full((8, 8), 0.3), 13) == pytest.approx(np.full((13, 13), 0.3))
    slope = np.tile(np.arange(8.0), (8, 1))
    assert np.diff(enlarge(slope, 16)[:, 1:-1]) == pytest.approx(np.full((16, 13), 0.5))


def test_boxes_are_of_the_same_images_as_masks():
    masks = load(DigitsOnTexturesOptions(examples=50))
    boxes = load(DigitsOnTexturesOptions(examples=50, problem="detection"))
    assert boxes.problem == "detection" and boxes.class_names == tuple(map(str, range(10)))
    assert np.array_equal(masks.inputs, boxes.inputs) and boxes.targets.shape == (50, 100, 6)
    for mask, rows in zip(masks.targets, boxes.targets, strict=True):
        there = rows[rows[:, 4] >= 0]
        assert 1 <= len(there) <= 3 and (there[:, 5] == 1).all()
        assert set(np.unique(mask)) - {0} == set(there[:, 4].astype(int) + 1)

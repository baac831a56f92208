"""mIoU by hand, what is refused of masks, and what an adversary wants."""

import importlib.util

import numpy as np
import pytest
import torch
from torch.nn import functional

import harness_shifts
from harness.api import DataError, Draws, LoadedData, Task
from harness.api.measuring import call, derive
from harness_problems import segmentation
from harness_shifts.rotate import turns


def loaded(targets, size=None, names=()) -> LoadedData:
    inputs = np.zeros((len(targets), 1, *(size or targets.shape[1:])), dtype="uint8")
    return LoadedData(
        modality="image", problem="segmentation", inputs=inputs, targets=targets, class_names=names
    )


def logits(masks: list, classes: int = 3) -> torch.Tensor:
    """Return outputs whose largest logits are at the classes of masks."""
    return functional.one_hot(torch.tensor(masks), classes).movedim(3, 1).float()


ANSWERS = [[[0, 0, 1, 1]], [[0, 1, 1, 1]]]
MASKS = torch.tensor([[[0, 0, 0, 1]], [[0, 1, 1, 255]]], dtype=torch.uint8)
# class 0: 2 of 3, then 1 of 1; class 1: 1 of 2, then 2 of 2; class 2: in none


def test_areas_are_summed_over_images_before_they_are_divided():
    tallies = segmentation.tally(logits(ANSWERS), MASKS).numpy()
    assert tallies.tolist() == [[[2, 3], [1, 2], [0, 0]], [[1, 1], [2, 2], [0, 0]]]
    counts = np.array([[1, 1], [1, 0], [0, 1], [0, 3]])
    found = segmentation.sum_up(tallies, counts)
    assert found.tolist() == pytest.approx([(3 / 4 + 3 / 4) / 2, (2 / 3 + 1 / 2) / 2, 1, 1])
    assert np.isnan(segmentation.sum_up(tallies * np.nan, counts)).all()


def test_the_share_of_each_class_is_unknown_where_none_has_it():
    tallies = segmentation.tally(logits(ANSWERS), MASKS).numpy()
    shares = segmentation.of_classes(tallies, np.array([[1, 1], [0, 1]]))
    assert shares[:, :2].ravel().tolist() == pytest.approx([3 / 4, 3 / 4, 1, 1])
    assert np.isnan(shares[:, 2]).all()


def numpy_miou(answers: np.ndarray, masks: np.ndarray, classes: int) -> float:
    shares = []
    for label in range(classes):
        asked = masks != 255
        both = ((answers == label) & (masks == label) & asked).sum()
        either = (((answers == label) | (masks == label)) & asked).sum()
        if either:
            shares.append(both / either)
    return float(np.mean(shares))


def random_case(classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    masks = generator.integers(0, classes, (7, 6, 5)).astype("uint8")
    answers = np.where(generator.random(masks.shape) < 0.6, masks, 1)
    masks[generator.random(masks.shape) < 0.1] = 255
    return answers.clip(0, classes - 1), masks


def mean_iou(answers: np.ndarray, masks: np.ndarray, classes: int) -> float:
    outputs = logits(answers.tolist(), classes)
    tallies = segmentation.tally(outputs, torch.from_numpy(masks)).numpy()
    return float(segmentation.sum_up(tallies, np.ones((1, len(masks))))[0])


def test_it_is_what_its_definition_says():
    answers, masks = random_case()
    assert mean_iou(answers, masks, 5) == pytest.approx(numpy_miou(answers, masks, 5), abs=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("torchmetrics") is None, reason="torchmetrics is of the extra evidence"
)
def test_it_is_that_of_torchmetrics():
    from torchmetrics.classification import MulticlassJaccardIndex

    answers, masks = random_case()
    theirs = MulticlassJaccardIndex(5, average="macro", ignore_index=255)
    found = theirs(torch.from_numpy(answers), torch.from_numpy(masks).long())
    assert mean_iou(answers, masks, 5) == pytest.approx(float(found), abs=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_classes_for_each_image():
    outputs = torch.zeros(2, 3, 1, 4)
    assert float(segmentation.loss(outputs, MASKS)) == pytest.approx(2 * np.log(3))
    nothing = torch.full((2, 1, 4), 255, dtype=torch.uint8)
    assert float(segmentation.loss(outputs, nothing)) == 0


def test_the_baseline_costs_the_entropy_of_the_classes():
    targets = np.array([[[0, 0, 1, 2]], [[0, 0, 0, 255]]], dtype="uint8")
    constant = torch.as_tensor(segmentation.baseline(targets, 3)).expand(2, 3, 1, 4)
    shares = np.array([(1 / 2 + 1) / 2, 1 / 8, 1 / 8])
    cost = float(segmentation.loss(constant, torch.from_numpy(targets))) / 2
    assert cost == pytest.approx(-(shares * np.log(shares)).sum())
    assert (segmentation.answer(constant) == 0).all()


def test_an_adversary_wants_a_mean_iou_of_a_masks_classes_below_a_half():
    masks = torch.tensor(
        [[[0, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 255, 255]], [[0, 0, 0, 1]], [[0, 0, 1, 1]]],
        dtype=torch.uint8,
    )
    answers = [[[0, 0, 1, 1]], [[0, 1, 1, 1]], [[1, 1, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 1]]]
    outputs = logits(answers)
    # IoU: 1/2; 1/4; 0; background everywhere, of which 3/4 of the pixels are right: 3/4 and 0; 2/3 and 1/2
    assert segmentation.fooled(outputs, masks).tolist() == [False, True, True, True, False]
    nothing = torch.full((1, 1, 4), 255, dtype=torch.uint8)
    assert segmentation.fooled(outputs[:1], nothing).tolist() == [False]


def moved(mask: torch.Tensor, matrix: list[list[float]]) -> torch.Tensor:
    """Return a mask ``(height, width)`` read where a map takes its pixels."""
    maps = torch.tensor([matrix], dtype=torch.float64)
    return segmentation.move(mask[None], maps)[0]


@pytest.mark.parametrize("size", [(4, 4), (5, 5)])
def test_masks_follow_turns_mirrors_and_moves_exactly(size):
    mask = torch.arange(size[0] * size[1], dtype=torch.uint8).view(size)
    quarter = turns(torch.tensor([90.0]))[0].tolist()
    assert torch.equal(moved(mask, quarter), mask.rot90())
    assert torch.equal(moved(mask, [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]), mask.flip(1))
    right = moved(mask, [[1, 0, -1], [0, 1, 2], [0, 0, 1]])  # a pixel to the right, two up
    assert torch.equal(right[:-2, 1:], mask[2:, :-1])
    assert (right[:, 0] == 255).all() and (right[-2:] == 255).all()
    half = moved(mask, [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]])  # twice as large
    if size == (4, 4):
        assert torch.equal(half, mask[1:3, 1:3].repeat_interleave(2, 0).repeat_interleave(2, 1))


def test_masks_follow_images_under_every_shift_that_says_how_it_moves():
    shape = (1, 24, 20)
    task = Task(
        modality="image", problem="segmentation", input_shape=shape, outputs=2, low=0, high=1
    )
    masks = torch.zeros(8, *shape[1:], dtype=torch.uint8)
    masks[:, 6:17, 5:12] = 1
    draws = Draws(derive("masks"), torch.arange(8))
    for shift in harness_shifts.harness_register_shifts():
        if shift.moves is None:
            continue
        given = {"severity": 5, "draws": draws, "task": task}
        images = call(shift.apply, inputs=masks[:, None].float(), **given)[:, 0]
        found = segmentation.move(masks, call(shift.moves, **given))
        sure = ((images < 0.2) | (images > 0.8)) & (found != 255)
        assert ((images > 0.5) == (found == 1))[sure].all(), shift.name
        assert (found != masks).float().mean() > 0.02


def test_each_class_has_its_colour_and_what_is_not_asked_for_is_white():
    pictures = torch.full((1, 1, 4, 3), 100, dtype=torch.uint8)
    masks = torch.tensor([[[0, 1, 2, 255]]], dtype=torch.uint8)
    background, red, green, white = segmentation.paint(pictures, masks)[0, 0].tolist()
    assert background == [100] * 3
    assert red == [round(0.65 * one + 35) for one in segmentation.COLOURS["red"]]
    assert green == [round(0.65 * one + 35) for one in segmentation.COLOURS["green"]]
    assert min(white) > 195
    task = Task(
        modality="image", problem="segmentation", input_shape=(1, 1, 4), outputs=3, low=0, high=1
    )
    assert task.output_shape == (3, 1, 4) and task.headline == "mean_iou"
    assert "class 0; class 1 red, class 2 green." in segmentation.paint_words(task)


@pytest.mark.parametrize(
    ("targets", "given", "words"),
    [
        (
            np.zeros((5, 2, 3), "uint8"),
            {"size": (3, 3)},
            "images are of 3 x 3 pixels and masks of 2 x 3",
        ),
        (np.zeros((5, 2, 3)), {}, "whole numbers of classes from 0; got float64"),
        (
            np.full((5, 2, 3), 4),
            {"names": ("a", "b")},
            "example 0 has a pixel of class 4; allowed: 0 to 1",
        ),
        (np.full((5, 2, 3), -1), {}, "a pixel of class -1"),
    ],
)
def test_what_is_no_mask_is_refused(targets, given, words):
    with pytest.raises(DataError, match=words):
        segmentation.check(targets, loaded(targets, **given))


def test_a_class_that_is_tested_and_not_in_training_is_refused():
    targets = np.zeros((6, 1, 2), dtype="uint8")
    targets[:4, 0, 0] = 1
    targets[5] = 2
    split = np.array([0, 0, 0, 1, 2, 2])
    with pytest.raises(DataError, match="1 class of test masks is in no training mask: 'sky'"):
        segmentation.check_split(targets, loaded(targets, names=("a", "b", "sky")), split)
    with pytest.raises(DataError, match="all pixels are of one class"):
        segmentation.check_split(targets * 0, loaded(targets * 0, names=("a", "b")), split)
    targets[:5] = np.arange(2)
    for part, code in (("training", 0), ("test", 2)):
        nothing = np.where((split == code)[:, None, None], 255, targets % 2).astype("uint8")
        with pytest.raises(DataError, match=f"no {part} mask has a pixel of a class"):
            segmentation.check_split(nothing, loaded(nothing, names=("a", "b")), split)


def test_rare_classes_decide_where_a_mask_lies_in_the_cut():
    targets = np.zeros((5, 1, 2), dtype="uint8")
    targets[:3, 0, 0] = 1
    targets[2, 0, 1] = 7
    assert segmentation.strata(targets).tolist() == [1, 1, 7, 0, 0]


def test_classes_in_few_masks_are_found():
    targets = np.zeros((20, 1, 2), dtype="uint8")
    targets[3, 0, 0] = 1
    task = Task(
        modality="image", problem="segmentation", input_shape=(1, 1, 2), outputs=2, low=0, high=1
    )
    (found,) = segmentation.look(targets, np.arange(20) % 3, task)
    assert (
        "1 of 2 classes is in fewer than 5 masks or in none to test on: class 1 (1, 0 in test)."
        in found.sentence
    )

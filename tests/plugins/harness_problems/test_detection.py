"""FCOS's loss by hand and by torchvision, what answers are made of outputs, how boxes move, and what is refused."""

import math

import numpy as np
import pytest
import torch
from box_cases import OBJECTS, TASK, filled
from torchvision.ops import sigmoid_focal_loss

import harness_shifts
from harness.api import DataError, Draws, LoadedData, Task
from harness.api.measuring import call, derive
from harness_problems import detection


def outputs_of(targets: torch.Tensor, sure: float = 20.0) -> torch.Tensor:
    """Return outputs that say what the targets say, with logits of so much."""
    shape = (len(targets), *TASK.output_shape)
    found = torch.zeros(shape).flatten(2)
    found[:, 4:] = -sure
    row, _ = detection.assign(targets, *shape[2:])
    middle = detection.places(*shape[2:], targets.device)
    for image, place in (row >= 0).nonzero().tolist():
        own = targets[image, row[image, place]]
        edges = torch.cat([middle[place] - own[:2], own[2:4] - middle[place]])
        found[image, :4, place] = (edges / detection.STRIDE).log()
        found[image, 4, place] = sure
        found[image, 5 + int(own[4]), place] = sure
    return found.view(shape)


def test_what_is_said_of_places_is_answered_once_for_each_object():
    answers = detection.answer(outputs_of(OBJECTS))
    assert answers.shape == OBJECTS.shape
    there = [rows[rows[:, 4] >= 0] for rows in answers]
    asked = OBJECTS[0, :2]
    order = there[0][:, 4].argsort(descending=True)
    assert torch.allclose(there[0][order], asked, atol=1e-4)
    assert len(there[1]) == 0
    tallies = detection.tally(outputs_of(OBJECTS), OBJECTS).numpy()
    assert detection.sum_up(tallies, np.ones((1, 2))).tolist() == [1]
    assert torch.isfinite(detection.answer(torch.full((1, *TASK.output_shape), torch.nan))).all()


def test_a_place_is_of_the_smallest_box_it_is_in_and_a_small_box_has_one():
    targets = filled([[0, 0, 24, 16, 0, 1], [4, 4, 12, 12, 1, 1], [20.5, 0, 21.5, 1, 2, 1]])[None]
    row, asked = detection.assign(targets, 4, 6)
    assert row.view(4, 6).tolist() == [
        [0, 0, 0, 0, 0, 2],
        [0, 1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    assert asked.all()
    row, asked = detection.assign(OBJECTS, 4, 6)
    assert row[0].view(4, 6)[1].tolist() == [-1, 0, 0, -1, 1, -1]
    assert asked[0].view(4, 6)[0].tolist() == [True] * 4 + [False] * 2  # in the crowd alone


def test_how_near_a_place_is_to_the_middle():
    boxes = torch.tensor([[0.0, 0, 8, 8], [0, 0, 8, 4], [0, 0, 8, 8]])
    middle = torch.tensor([[4.0, 4], [2, 2], [2, 1]])
    wanted = [1, math.sqrt(1 / 3), math.sqrt(1 / 3 * 1 / 7)]
    assert detection.middleness(boxes, middle).tolist() == pytest.approx(wanted)


def test_the_focal_loss_is_that_of_torchvision():
    logits, wanted = torch.randn(50), (torch.rand(50) < 0.3).float()
    assert torch.allclose(detection.focal(logits, wanted), sigmoid_focal_loss(logits, wanted))


def test_the_loss_by_hand():
    outputs = torch.zeros(2, *TASK.output_shape)
    # without objects: 24 places, 3 logits of 0; with: places of the first 2 x 2, of the second 2 x 3, two not asked for
    nothing = 0.75 * 0.25 * math.log(2)
    assert float(detection.loss(outputs[1:], OBJECTS[1:])) == pytest.approx(24 * 3 * nothing)
    row, asked = detection.assign(OBJECTS[:1], 4, 6)
    number = int((row >= 0).sum())
    of_classes = (3 * int(asked.sum()) - number) * nothing + number * nothing / 3
    middle = detection.places(4, 6, row.device)[row[0] >= 0]
    truth = OBJECTS[0][row[0][row[0] >= 0]][:, :4]
    boxes = torch.cat([middle - 4, middle + 4], 1)
    apart = (1 - detection.generalized_overlap(boxes, truth)).sum()
    found = float(detection.loss(outputs[:1], OBJECTS[:1]))
    assert found == pytest.approx((of_classes + float(apart)) / number + math.log(2), rel=1e-5)
    near = detection.middleness(truth, middle).clamp(1e-6, 1 - 1e-6)
    right = outputs_of(OBJECTS[:1])
    right[:, 4].view(-1)[row[0] >= 0] = near.logit()
    entropy = -(near * near.log() + (1 - near) * (1 - near).log()).mean()
    assert float(detection.loss(right, OBJECTS[:1])) == pytest.approx(float(entropy), abs=1e-5)


def moved(rows: list[list[float]], matrix: list[list[float]]) -> list[list[float]]:
    maps = torch.tensor([matrix], dtype=torch.float64)
    (found,) = detection.move(filled(rows)[None], maps, TASK)
    return found[found[:, 4] >= 0].tolist()


def test_boxes_follow_mirrors_and_moves_exactly_and_are_cut_at_the_edges():
    mirror = [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert moved([[2, 3, 7, 8, 1, 1]], mirror) == [[17, 3, 22, 8, 1, 1]]
    right = [[1, 0, -3], [0, 1, 2], [0, 0, 1]]  # three to the right, two up
    assert moved([[2, 3, 7, 8, 1, 1]], right) == [[5, 1, 10, 6, 1, 1]]
    assert moved([[16, 3, 24, 8, 1, 1]], right) == [[19, 1, 24, 6, 1, 1]]
    assert moved([[20, 3, 24, 8, 1, 1]], [[1, 0, -3.5], [0, 1, 0], [0, 0, 1]]) == [
        [23.5, 3, 24, 8, 1, 0]  # an eighth of it is left
    ]
    assert moved([[21, 3, 24, 8, 1, 1]], right) == []


def test_of_a_turned_box_it_is_the_box_about_it():
    turn = math.radians(30)
    cos, sin = math.cos(turn), math.sin(turn)
    (found,) = moved([[10, 6, 14, 10, 2, 1]], [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    half = 2 * (cos + sin)
    assert found == pytest.approx([12 - half, 8 - half, 12 + half, 8 + half, 2, 1], abs=1e-5)


def test_boxes_follow_images_under_every_shift_that_says_how_it_moves():
    boxes = filled([[5, 6, 12, 17, 0, 1]]).repeat(8, 1, 1)
    task = Task(
        modality="image", problem="detection", input_shape=(1, 24, 20), outputs=1, low=0, high=1
    )
    images = torch.zeros(8, 1, 24, 20)
    images[:, :, 6:17, 5:12] = 1
    draws = Draws(derive("boxes"), torch.arange(8))
    for shift in harness_shifts.harness_register_shifts():
        if shift.moves is None:
            continue
        given = {"severity": 5, "draws": draws, "task": task}
        changed = call(shift.apply, inputs=images, **given)[:, 0] > 0.5
        found = detection.move(boxes, call(shift.moves, **given), task)[:, 0]
        for picture, row in zip(changed, found, strict=True):
            down, across = picture.nonzero(as_tuple=True)
            seen = [across.min(), down.min(), across.max() + 1, down.max() + 1]
            assert row[:4].tolist() == pytest.approx([float(one) for one in seen], abs=1.2), (
                shift.name
            )


def test_an_adversary_wants_less_than_half_of_the_average_precision():
    targets = filled([[2, 2, 12, 10, 1, 1], [14, 4, 22, 16, 0, 1]])[None]
    lost = filled([[14, 4, 22, 16, 0, 1]])[None]
    nothing = filled([])[None]
    assert detection.fooled(outputs_of(targets), targets).tolist() == [False]
    assert detection.fooled(outputs_of(lost), targets).tolist() == [False]  # one of two: a half
    assert detection.fooled(outputs_of(nothing), targets).tolist() == [True]
    assert detection.fooled(outputs_of(lost), nothing).tolist() == [True]
    assert detection.fooled(outputs_of(nothing), nothing).tolist() == [False]


def loaded(rows: list[list[float]], **more) -> LoadedData:
    targets = torch.stack([filled(rows)] * 5).numpy()
    return LoadedData(
        modality="image",
        problem="detection",
        inputs=np.zeros((5, 1, 16, 24), dtype="uint8"),
        targets=targets,
        **more,
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([2, 2, 2, 8, 0, 1], "box 1 of example 0, .* has a right or lower edge that is not beyond"),
        ([2, 2, 25, 8, 0, 1], "reaches out of its image of 24 x 16 pixels"),
        ([-1, 2, 5, 8, 0, 1], "reaches out of its image"),
        ([2, 2, 5, 8, 2, 1], "is of no class; allowed: 0 to 1"),
        ([2, 2, 5, 8, 0.5, 1], "is of no class"),
        ([2, 2, 5, math.nan, 0, 1], "is not finite"),
        ([2, 2, 5, 8, 0, 0.5], "has another weight than 1"),
    ],
)
def test_boxes_are_refused_in_words(row, words):
    data = loaded([row], class_names=("cat", "dog"))
    with pytest.raises(DataError, match=words):
        detection.check(data.targets, data)


def test_splits_without_objects_and_unseen_classes_are_refused():
    data = loaded([], class_names=("cat", "dog"))
    split = np.array([0, 0, 0, 2, 2])
    with pytest.raises(DataError, match="no training image has an object"):
        detection.check_split(data.targets, data, split)
    data.targets[:3, 0] = [0, 0, 4, 4, 0, 1]
    data.targets[3:, 0] = [0, 0, 4, 4, 1, 1]
    with pytest.raises(DataError, match="1 class of test images is in no training image: 'dog'"):
        detection.check_split(data.targets, data, split)
    rare, small = detection.look(data.targets[..., :].copy(), split, TASK), None
    found = list(rare)
    assert found[0].code == "rare-classes" and "class 0 (3, 0 in test)" in found[0].sentence
    data.targets[:, 0, 2] = 3
    small = list(detection.look(data.targets, split, TASK))[-1]
    assert small.code == "small-boxes" and "100% of the boxes are less than 4" in small.sentence

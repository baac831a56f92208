"""AP by hand and as COCO's own evaluation has it; images that count several times, or not at all."""

import importlib.util

import numpy as np
import pytest
import torch
from box_cases import by_coco, filled, random_case

from harness_problems import detection
from harness_problems.average_precision import average_precisions, tally

FIGURES = (
    detection.sum_up,
    detection.at_half,
    detection.at_three_quarters,
    detection.of_small,
    detection.of_medium,
    detection.of_large,
)
OBJECTS = torch.stack(
    [filled([[0, 0, 10, 10, 0, 1], [20, 0, 30, 10, 0, 1]]), filled([[0, 0, 10, 10, 0, 1]])]
)
ANSWERS = torch.stack(
    [
        filled([[0, 0, 10, 8, 0, 0.9], [40, 0, 50, 10, 0, 0.8], [20, 0, 30, 10, 0, 0.7]]),
        filled([[50, 0, 60, 10, 0, 0.6], [0, 0, 10, 10, 0, 0.5]]),
    ]
)
# best first: right up to 0.8 of overlap, wrong, right, wrong, right


def test_it_is_the_precision_at_recalls_by_hand():
    counts = np.array([[1, 1], [1, 0], [0, 1], [0, 3], [2, 1]])
    found, objects = average_precisions(tally(ANSWERS, OBJECTS).numpy(), counts, 100)
    assert objects.ravel().tolist() == [3, 2, 1, 3, 5]
    # precisions at thirds of recall, 34, 33 and 34 of the 101 recalls: 1, 2/3, 3/5
    assert found[0, 0, 0] == pytest.approx((34 + 33 * 2 / 3 + 34 * 3 / 5) / 101)
    assert found[0, 0, 9] == pytest.approx(34 * 2 / 5 / 101 + 33 * 2 / 5 / 101)
    assert found[1, 0, 0] == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert found[2, 0, 0] == pytest.approx(1 / 2)
    assert found[3, 0] == pytest.approx(found[2, 0])
    # twice the first image: 1 up to 2 of 5, then 4 of 6, then 5 of 8
    assert found[4, 0, 0] == pytest.approx((41 + 40 * 2 / 3 + 20 * 5 / 8) / 101)


def test_what_is_in_a_crowd_is_neither_right_nor_wrong():
    objects = filled([[0, 0, 10, 10, 0, 1], [40, 0, 80, 40, 0, 0]])[None]
    answers = filled([[50, 0, 60, 10, 0, 0.9], [60, 0, 70, 10, 0, 0.8], [0, 0, 10, 10, 0, 0.7]])
    assert float(detection.sum_up(tally(answers[None], objects).numpy(), np.ones((1, 1)))[0]) == 1


def test_what_the_data_have_none_of_is_not_known():
    tallies = tally(ANSWERS, OBJECTS).numpy()
    ones = np.ones((1, 2))
    assert float(detection.of_small(tallies, ones)[0]) == float(detection.sum_up(tallies, ones)[0])
    assert np.isnan(detection.of_medium(tallies, ones)) and np.isnan(
        detection.of_large(tallies, ones)
    )
    assert detection.sum_up(tallies, np.zeros((1, 2))).tolist() == [0]
    tallies[0, 0] = np.nan
    assert np.isnan(detection.sum_up(tallies, ones)).all()


@pytest.mark.skipif(
    importlib.util.find_spec("pycocotools") is None, reason="pycocotools is of the extra evidence"
)
@pytest.mark.parametrize("seed", [0, 1, 2, pytest.param(5, marks=pytest.mark.slow)])
def test_it_is_that_of_coco_with_ties_crowds_and_images_of_nothing(seed):
    objects, answers = random_case(seed)
    tallies, ones = tally(answers, objects).numpy(), np.ones((1, len(objects)))
    found = [float(figure(tallies, ones)[0]) for figure in FIGURES]
    assert np.nan_to_num(found, nan=-1.0).tolist() == pytest.approx(
        by_coco(objects, answers), abs=1e-9
    )


def test_images_that_come_several_times_are_as_if_they_were_there_so_often():
    objects, answers = random_case(3)
    answers[..., 5] += torch.rand(answers.shape[:2]) * 1e-3  # no ties between images
    order = answers[..., 5].argsort(1, descending=True)
    answers = answers.gather(1, order[..., None].expand_as(answers))
    tallies = tally(answers, objects).numpy()
    counts = np.array([1, 0, 3, 2, 0, 1, 1, 2])
    again = np.repeat(tallies, counts, axis=0)
    for figure in FIGURES:
        one, other = figure(tallies, counts[None]), figure(again, np.ones((1, len(again))))
        assert one == pytest.approx(other, abs=1e-12, nan_ok=True)


def test_classes_have_figures_whose_mean_is_the_headline():
    objects, answers = random_case(1)
    tallies, ones = tally(answers, objects).numpy(), np.ones((1, len(objects)))
    each = detection.of_classes(tallies, ones)
    assert each.shape == (1, 3)
    assert float(each.mean()) == pytest.approx(float(detection.sum_up(tallies, ones)[0]))
    none = detection.of_classes(tallies, np.zeros((1, len(objects))))
    assert np.isnan(none).all()

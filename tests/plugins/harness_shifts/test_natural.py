"""Changes that a camera, a clock or a form makes: each by its formula, on ramps that say where a value came from."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
import torch
from shift_cases import task

from harness.api import Draws, NotApplicable
from harness_shifts import (
    NATURAL,
    harness_register_shifts,
    hue,
    occlusion,
    perspective,
    records,
    steps,
    translate,
    zoom,
)
from harness_shifts.perspective import homography

SEVERITIES = (1, 3, 5)


def draws(n: int) -> Draws:
    return Draws(3, torch.arange(n))


def ramps(n: int, side: int = 40) -> torch.Tensor:
    """Two channels that hold each pixel's row and column, from 0 to side - 1."""
    places = torch.arange(side, dtype=torch.float32)
    rows, columns = places.view(-1, 1).expand(side, side), places.expand(side, side)
    return torch.stack([rows, columns]).expand(n, -1, -1, -1).contiguous()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_translated_image_came_from_one_way_off_in_all_directions(severity):
    inputs = ramps(200)
    found = translate.apply(inputs, severity, draws(200), task((2, 40, 40), high=39.0))
    off = (found - inputs)[:, :, 15:25, 15:25]
    assert off.flatten(2).std(2).max() < 1e-3  # a whole image moves alike
    way = translate.SHARES[severity - 1] * 40
    assert off.mean((2, 3)).norm(dim=1).numpy() == pytest.approx(way, abs=1e-3)
    assert (off.mean((2, 3)) > 0).float().mean(0).numpy() == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_zoomed_image_has_slopes_of_the_factor_or_one_over_it(severity):
    found = zoom.apply(ramps(100), severity, draws(100), task((2, 40, 40), high=39.0))
    slopes = found[:, 0, 25, 20] - found[:, 0, 24, 20]
    factor = zoom.FACTORS[severity - 1]
    grown = slopes < 1
    assert slopes[grown].numpy() == pytest.approx(1 / factor, abs=1e-4)
    assert slopes[~grown].numpy() == pytest.approx(factor, abs=1e-4)
    assert 30 < int(grown.sum()) < 70
    assert found[:, :, 19:21, 19:21].mean((2, 3)).numpy() == pytest.approx(19.5, abs=1e-3)


def test_a_homography_takes_four_points_to_four_others():
    generator = torch.Generator().manual_seed(0)
    square = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]).double()
    sources = square + 0.4 * torch.rand((50, 4, 2), generator=generator).double()
    targets = square + 0.4 * torch.rand((50, 4, 2), generator=generator).double()
    points = torch.cat([sources, torch.ones(50, 4, 1)], 2) @ homography(sources, targets).mT
    assert torch.allclose(points[..., :2] / points[..., 2:], targets)
    same = homography(square[None], square[None])[0]
    assert torch.allclose(same, torch.eye(3).double())


def test_perspective_brings_corners_inwards_and_keeps_straight_lines():
    inputs = ramps(50)
    found = perspective.apply(inputs, 5, draws(50), task((2, 40, 40), high=39.0))
    assert torch.isfinite(found).all()
    middle = found[:, :, 15:25, 15:25]
    # A line of the image, seen from the side, is a line: three places on it, one of them between.
    a, b, c = middle[:, :, 0, 0], middle[:, :, 4, 4], middle[:, :, 9, 9]
    cross = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (cross.abs() / (c - a).norm(dim=1)).max() < 0.02
    # The image takes less room, so what is a pixel apart was further apart.
    assert (c - a).norm(dim=1).mean() > 9 * 2**0.5


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_square_of_grey_hides_its_share_somewhere_inside(severity):
    inputs = torch.ones(60, 3, 20, 30)
    found = occlusion.apply(inputs, severity, draws(60), task((3, 20, 30)))
    hidden = found == 0.5
    side = round(occlusion.SIDES[severity - 1] * 20)
    assert (hidden[:, 0].sum((1, 2)) == side**2).all()
    assert torch.equal(found[~hidden], inputs[~hidden])
    tops = hidden[:, 0].any(2).float().argmax(1)
    assert tops.min() < 3 and tops.max() > 20 - side - 3


def clock(n: int, length: int = 60) -> torch.Tensor:
    """Sequences that hold the time, 0 to length - 1, and the square of it."""
    times = torch.arange(length, dtype=torch.float32)
    return torch.stack([times, times**2], 1).expand(n, -1, -1).contiguous()


TIMES = task((60, 2), "sequence", high=3600.0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_dropped_step_holds_the_last_that_came(severity):
    found = steps.drop(clock(400), severity, draws(400), TIMES)[..., 0]
    own = torch.arange(60)
    assert (found <= own).all() and (found[:, 0] == 0).all()
    assert (found.diff(dim=1) >= 0).all()
    came = found == own
    assert torch.equal(found[:, 1:][~came[:, 1:]], found[:, :-1][~came[:, 1:]])
    assert float((~came[:, 1:]).float().mean()) == pytest.approx(
        steps.DROPPED[severity - 1], abs=0.02
    )


def test_a_delayed_sequence_is_the_same_one_later():
    found = steps.delay(clock(2), 3, TIMES)[..., 0]
    assert torch.equal(found[:, 9:], clock(2)[:, :51, 0]) and (found[:, :9] == 0).all()


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jitter_reads_each_step_a_little_off(severity):
    found = steps.jitter(clock(100), severity, draws(100), TIMES)[..., 0]
    off = (found - torch.arange(60))[:, 2:-2]
    most = steps.JITTER[severity - 1]
    assert off.abs().max() <= most + 1e-4 and off.abs().max() > 0.9 * most
    assert abs(float(off.mean())) < 0.05 * most


@pytest.mark.parametrize("severity", SEVERITIES)
def test_warped_time_keeps_both_ends_and_never_runs_backwards(severity):
    found = steps.warp(clock(100), severity, draws(100), TIMES)[..., 0]
    assert (found[:, 0] == 0).all() and found[:, -1].numpy() == pytest.approx(59, abs=1e-3)
    assert (found.diff(dim=1) >= 0).all()
    most = (found - torch.arange(60)).abs().amax(1) / 59
    assert most.max() <= steps.WARPED[severity - 1] + 1e-4
    assert most.min() >= 0.5 * steps.WARPED[severity - 1] - 1e-3


def test_a_sequence_of_one_step_stays():
    inputs = torch.ones(3, 1, 2)
    given = task((1, 2), "sequence")
    for shift in (steps.drop, steps.jitter, steps.warp):
        assert torch.equal(shift(inputs, 5, draws(3), given), inputs)
    assert torch.equal(steps.delay(inputs, 5, given), inputs)


ROWS = task((3,), "table", low=-50.0, high=50.0)  # deviations 0.5, 1.5, 2.5; mean 0


@pytest.mark.parametrize("severity", SEVERITIES)
def test_missing_cells_hold_the_mean(severity):
    inputs = torch.full((2000, 3), 4.0)
    given = replace(ROWS, mean=(1.0, 2.0, 3.0))
    found = records.missing(inputs, severity, draws(2000), given)
    gone = found != 4.0
    assert torch.equal(found[gone], torch.tensor([1.0, 2.0, 3.0]).expand(2000, 3)[gone])
    assert gone.float().mean(0).numpy() == pytest.approx(records.MISSING[severity - 1], abs=0.05)


def test_features_move_by_turns_and_spread_by_turns():
    inputs = torch.tensor([[1.0, 1.0, 1.0], [-2.0, 4.0, 0.0]])
    moved = records.shifted(inputs, 3, ROWS) - inputs
    assert moved.tolist() == [pytest.approx([0.25, -0.75, 1.25])] * 2
    spread = records.scaled(inputs, 3, replace(ROWS, mean=(0.0, 2.0, 1.0)))
    assert spread[0].tolist() == pytest.approx([1.5, 2 - 1 / 1.5, 1.0])
    assert spread[1].tolist() == pytest.approx([-3.0, 2 + 2 / 1.5, -0.5])


def test_the_group_is_what_happens_to_each_kind_of_data():
    found = {item.name for item in harness_register_shifts() if "natural" in item.groups}
    assert found == {*NATURAL, "brightness", "hue"}


@pytest.mark.parametrize("severity", SEVERITIES)
def test_hue_turns_by_its_angle_and_nothing_else_changes(severity):
    """Pixel by pixel against colorsys, forwards for some images and backwards for others."""
    inputs = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    inputs[:, :, 0] = inputs[:, :1, 0]  # grey
    found = hue.apply(inputs, severity, draws(40), task((3, 4, 4)))
    turn = hue.DEGREES[severity - 1] / 360
    signs = set()
    for before, after in zip(inputs.flatten(2), found.flatten(2), strict=True):
        for sign in (1, -1):
            expected = []
            for pixel in before.T.tolist():
                h, s, v = colorsys.rgb_to_hsv(*pixel)
                expected.append(colorsys.hsv_to_rgb((h + sign * turn) % 1, s, v))
            if np.allclose(after.T.numpy(), expected, atol=1e-5):
                signs.add(sign)
                break
        else:
            pytest.fail("neither forwards nor backwards")
    assert signs == {1, -1}


def test_grey_images_have_no_hue():
    with pytest.raises(NotApplicable, match="images of 1 channels have none"):
        hue.apply(torch.rand(2, 1, 4, 4), 1, draws(2), task((1, 4, 4)))

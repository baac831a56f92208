"""What must hold of every shift, and what each does by its formula."""

import itertools
import math
from functools import partial

import pytest
import torch
from shift_cases import images, photographs, task

from harness.api import Draws, UsageError
from harness.api.measuring import call
from harness_shifts import blur, contrast, gaussian_noise, harness_register_shifts
from harness_shifts.rotate import rotate
from harness_shifts.severity import at_side, length_scale

ITEMS = [item for item in harness_register_shifts() if "image" in item.takes]
BY_NAME = {item.name: item for item in ITEMS}
# Of the others the published constants do not grow in every part, as how many errors they cause decided.
GROWING = (
    "gaussian_noise",
    "shot_noise",
    "speckle_noise",
    "defocus_blur",
    "gaussian_blur",
    "blur",
    "brightness",
    "contrast",
    "jpeg_compression",
    "rotate",
)
IMAGES = {side: (channels, side, side) for side, channels in ((8, 1), (32, 3), (224, 3))}


@pytest.fixture(params=ITEMS, ids=[item.name for item in ITEMS])
def apply(request):
    return partial(call, request.param.apply, options=None)


@pytest.fixture
def small(apply):
    """Four small images: grey, but for what is of colours alone."""
    is_of_colours = apply.args[0] == BY_NAME["hue"].apply
    return images(4, (3, 8, 8) if is_of_colours else (1, 8, 8))


def run(apply, inputs, severity, ids=None, **kwargs):
    draws = Draws(11, torch.arange(len(inputs)) if ids is None else ids)
    given = task(tuple(inputs.shape[1:]), **kwargs)
    return apply(inputs=inputs, severity=severity, draws=draws, task=given)


@pytest.mark.parametrize("side", IMAGES)
@pytest.mark.parametrize("name", GROWING)
def test_damage_grows_with_severity(name, side):
    inputs = images(8 if side < 224 else 2, IMAGES[side])
    apply = partial(call, BY_NAME[name].apply, options=None)
    damage = [float((run(apply, inputs, s) - inputs).square().mean()) for s in range(1, 6)]
    assert damage[0] > 1e-6
    assert all(a < b for a, b in itertools.pairwise(damage)), damage


def test_every_severity_changes_a_colour_image(apply):
    inputs = photographs(3, 32)
    for severity in range(1, 6):
        assert float((run(apply, inputs, severity) - inputs).abs().max()) > 0.01


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_the_smallest_images_that_change_are_those_of_its_window(item):
    def changed(side, severity):
        pictures = torch.rand((200, 3, side, side), generator=torch.Generator().manual_seed(3))
        found = run(partial(call, item.apply, options=None), pictures, severity)
        return ((found - pictures).abs().amax((1, 2, 3)) > 1.5 / 255).float().mean().item()

    assert changed(item.window, 5) > 0.15
    if item.window > 1:  # but for JPEG, which moves single pixels by a level or two
        assert min(changed(item.window - 1, s) for s in (1, 3, 5)) < 0.3


@pytest.mark.parametrize("severity", [1, 5])
def test_the_range_and_the_shape_hold(apply, severity):
    inputs = images(6, (3, 17, 23)) * 255
    found = run(apply, inputs, severity, low=0.0, high=255.0)
    assert found.shape == inputs.shape and found.dtype == torch.float32
    assert found.min() >= 0 and found.max() <= 255
    assert (found - inputs).abs().max() > 1


def test_the_range_scales_the_damage(apply, small):
    found = run(apply, small, 3)
    large = run(apply, small * 4 - 2, 3, low=-2.0, high=2.0)
    torch.testing.assert_close((large + 2) / 4, found, atol=1e-5, rtol=0)


def test_an_example_does_not_depend_on_the_others(apply):
    inputs = images(37, (3, 11, 9))
    whole = run(apply, inputs, 4)
    assert torch.equal(run(apply, inputs, 4), whole)
    for part in (torch.tensor([5]), torch.tensor([30, 2, 17]), torch.arange(36, -1, -1)):
        assert torch.equal(run(apply, inputs[part], 4, ids=part), whole[part])


def test_inputs_and_the_generator_are_untouched(apply, small):
    kept, state = small.clone(), torch.get_rng_state()
    run(apply, small, 5)
    assert torch.equal(small, kept)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("side", [32, 64])
def test_channels_may_be_last_in_memory(apply, side):
    inputs = photographs(2, side)
    last = inputs.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(run(apply, last, 4), run(apply, inputs, 4), atol=1e-5, rtol=0)


@pytest.mark.parametrize("severity", [0, 6, -1])
def test_there_are_five_severities(apply, severity):
    with pytest.raises(UsageError, match="1 to 5"):
        run(apply, images(1, (1, 8, 8)), severity)


@pytest.mark.parametrize(
    ("side", "table", "scale"),
    [
        (1, 32, 1.0),
        (8, 32, 1.0),
        (32, 32, 1.0),
        (45, 32, 45 / 32),
        (46, 64, 46 / 64),
        (64, 64, 1.0),
        (119, 64, 119 / 64),
        (120, 224, 120 / 224),
        (224, 224, 1.0),
        (448, 224, 2.0),
    ],
)
def test_the_nearest_published_table_is_taken_and_lengths_scale(side, table, scale):
    assert at_side({32: "a2345", 64: "b2345", 224: "c2345"}, 1, side) == {32: "a", 64: "b"}.get(
        table, "c"
    )
    assert length_scale(side) == pytest.approx(scale)


@pytest.mark.parametrize(("severity", "std"), [(1, 0.04), (5, 0.10)])
def test_noise_has_the_stated_deviation(severity, std):
    inputs = torch.full((64, 3, 32, 32), 0.5)
    draws = Draws(1, torch.arange(64))
    noise = gaussian_noise.apply(inputs, severity, draws, task((3, 32, 32))) - 0.5
    n = noise.numel()
    assert abs(float(noise.mean())) < 4 * std / math.sqrt(n)
    assert float(noise.std()) == pytest.approx(std, rel=4 / math.sqrt(2 * n))


def test_noise_on_a_table_is_relative_to_each_feature():
    inputs = torch.zeros(20_000, 3)
    given = task((3,), "table", -100.0, 100.0)
    noise = gaussian_noise.apply(inputs, 3, Draws(1, torch.arange(20_000)), given)
    torch.testing.assert_close(noise.std(0), 0.3 * torch.tensor([0.5, 1.5, 2.5]), rtol=0.03, atol=0)


def test_noise_on_a_sequence_is_relative_to_the_range():
    inputs = torch.zeros(2000, 5, 2)
    given = task((5, 2), "sequence", -2.0, 2.0)
    noise = gaussian_noise.apply(inputs, 5, Draws(1, torch.arange(2000)), given)
    assert float(noise.std()) == pytest.approx(0.1 * 4, rel=0.03)


def test_contrast_keeps_the_mean_and_scales_the_deviation():
    inputs = images(5, (3, 32, 32))
    found = contrast.apply(inputs, 4, task((3, 32, 32)))
    torch.testing.assert_close(found.mean((2, 3)), inputs.mean((2, 3)))
    torch.testing.assert_close(found.std((2, 3)), 0.3 * inputs.std((2, 3)))


def test_blur_of_a_point_is_the_kernel_and_keeps_its_sum():
    point = torch.zeros(1, 1, 41, 41)
    point[0, 0, 20, 20] = 1
    found = blur.blur(point, 2.0)[0, 0]
    weights = torch.tensor(blur.kernel(2.0))
    torch.testing.assert_close(
        found[12:29, 12:29], weights[:, None] * weights[None], atol=1e-7, rtol=1e-4
    )
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-5)
    offsets = torch.arange(-8, 9, dtype=torch.float32)
    assert float((weights * offsets**2).sum()) == pytest.approx(4.0, rel=0.01)  # sigma^2


def test_blur_keeps_a_flat_image_up_to_its_border():
    flat = torch.full((2, 3, 8, 12), 0.7)
    torch.testing.assert_close(blur.blur(flat, 3.0), flat)


def test_blur_matches_scipy():
    from scipy.ndimage import gaussian_filter

    image = images(1, (1, 20, 28))
    expected = gaussian_filter(image[0, 0].numpy(), 1.7, mode="nearest", truncate=4.0)
    torch.testing.assert_close(blur.blur(image, 1.7)[0, 0], torch.from_numpy(expected))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_quarter_turns_move_pixels(turns):
    image = torch.rand((2, 3, 9, 9), generator=torch.Generator().manual_seed(0))
    found = rotate(image, torch.full((2,), 90.0 * turns))
    torch.testing.assert_close(found, torch.rot90(image, turns, (2, 3)), atol=1e-5, rtol=0)


def test_a_half_turn_of_an_oblong_image():
    image = torch.rand((1, 1, 5, 12), generator=torch.Generator().manual_seed(0))
    found = rotate(image, torch.tensor([180.0]))
    torch.testing.assert_close(found, torch.rot90(image, 2, (2, 3)), atol=1e-5, rtol=0)


def test_rotations_go_to_both_sides():
    inputs = images(200, (1, 16, 16))[:1].expand(200, -1, -1, -1).contiguous()
    given = task((1, 16, 16))
    apply = partial(call, "harness_shifts.rotate:apply")
    found = apply(inputs=inputs, severity=5, draws=Draws(0, torch.arange(200)), task=given)
    assert len(found.flatten(1).unique(dim=0)) == 2
    first = (found == found[0]).flatten(1).all(1).float().mean()
    assert 0.35 < float(first) < 0.65

"""Sizes of the data under the names that classes have for them."""

import pytest

from harness.data.own_parameters import parameters_of
from harness.data.own_sizes import describe_sizes, sizes_of
from harness.data.task import Task


def task(modality: str, *shape: int, outputs: int = 7) -> Task:
    return Task(
        modality=modality, problem="classification", input_shape=shape, outputs=outputs, low=0.0,
        high=1.0,
    )  # fmt: skip


IMAGE, WIDE = task("image", 3, 16, 16), task("image", 3, 16, 32)
SEQUENCE, TABLE = task("sequence", 9, 5), task("table", 4)


def vit(*, image_size, patch_size, num_classes, channels=3, dim=64): ...
def conv(in_chans=3, num_classes=1000, channels=64, out_channels=128): ...
def wide(in_features, out_features, bias=True): ...
def pair(img_size: tuple[int, int] = (224, 224), in_channels=1, n_classes=2): ...
def triple(input_size=(3, 224, 224), nb_classes=10): ...
def series(input_size, hidden_size, seq_len, n_outputs=1): ...
def shaped(input_shape, num_classes, channels=3, out_channels=1): ...
def two(n_input_channels, d_in, d_out, num_labels=2): ...
def blocks(in_channels=(32, 16), out_channels=(16, 24), num_channels=3, num_labels=2): ...
def inner(num_features, out_channels, num_classes=3): ...


@pytest.mark.parametrize(
    ("function", "seen", "given"),
    [
        (vit, IMAGE, {"image_size": 16, "channels": 3, "num_classes": 7}),
        (vit, WIDE, {"image_size": (16, 32), "channels": 3, "num_classes": 7}),
        (vit, TABLE, {"channels": 4, "num_classes": 7}),
        (conv, IMAGE, {"in_chans": 3, "num_classes": 7}),  # the others are widths of its own
        (wide, TABLE, {"in_features": 4, "out_features": 7}),
        (wide, IMAGE, {"in_features": 768, "out_features": 7}),
        (wide, SEQUENCE, {"in_features": 5, "out_features": 7}),
        (pair, IMAGE, {"img_size": (16, 16), "in_channels": 3, "n_classes": 7}),
        (triple, WIDE, {"input_size": (3, 16, 32), "nb_classes": 7}),
        (series, SEQUENCE, {"input_size": 5, "seq_len": 9, "n_outputs": 7}),
        (shaped, IMAGE, {"num_classes": 7}),  # its shape says the channels
        (two, TABLE, {"n_input_channels": 4, "d_in": 4, "num_labels": 7, "d_out": 7}),
        (blocks, IMAGE, {"num_channels": 3, "num_labels": 7}),  # the others are lists of widths
        (inner, TABLE, {"num_features": 4, "num_classes": 7}),
    ],
)
def test_sizes_are_given_by_what_names_mean(function, seen, given):
    assert sizes_of(parameters_of(function)[0], seen, []) == given


def test_a_meaning_that_the_user_settles_is_left_alone():
    named, _ = parameters_of(two)
    assert sizes_of(named, TABLE, ["d_out"]) == {"n_input_channels": 4, "d_in": 4}
    assert "image_size" not in sizes_of(parameters_of(vit)[0], IMAGE, ["image_size"])


def test_a_failure_about_sizes_says_what_there_is():
    named, _ = parameters_of(conv)
    words = describe_sizes(named, IMAGE, {"in_chans": 1}, "expected input to have 1 channels")
    assert words == (
        ". The data have 3 channels of 16 x 16 pixels and 7 classes; its parameters that look like sizes: "
        "in_chans=1, num_classes=1000, channels=64, out_channels=128"
    )
    assert describe_sizes(named, IMAGE, {}, "no such file") == ""
    assert describe_sizes({}, SEQUENCE, {}, "wrong shape") == (
        ". The data have 9 time steps of 5 features and 7 classes"
    )

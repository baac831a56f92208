"""What shapes, sizes and layers the built-in modalities say, by hand."""

import pytest
import torch

from harness.api import InputSpec, Task
from harness.catalogue.host import Host
from harness.catalogue.references import call, resolve
from harness.data.adapt import adapt_task
from harness.data.first_layers import first_layers
from harness_modalities import flat, image, sequence, table, tokens

MODALITIES = Host().catalogue.entries("modality")


def test_rows_of_an_image_are_steps_of_all_its_channels():
    inputs = torch.arange(2 * 3 * 4 * 5.0).view(2, 3, 4, 5)
    rows = image.RowsAsSequence()(inputs)
    assert rows.shape == (2, *image.row_shape((3, 4, 5)))
    assert torch.equal(rows[1, 2], torch.cat([inputs[1, channel, 2] for channel in range(3)]))


def test_any_example_is_a_flat_row():
    assert flat.shape((3, 4, 5)) == (60,)
    assert flat.layer()(torch.zeros(2, 3, 4, 5)).shape == (2, 60)


def test_larger_images_are_tried_then_three_channels():
    assert list(image.shapes((3, 200, 100))) == [(3, 224, 224), (3, 256, 256)]
    grey = list(image.shapes((1, 28, 28)))
    assert grey[0] == (1, 32, 32) and grey[-3:] == [(3, 28, 28), (3, 32, 32), (3, 224, 224)]


@pytest.mark.parametrize(
    ("name", "shape", "words", "sizes"),
    [
        (
            "image",
            (1, 8, 9),
            "1 channel of 8 x 9 pixels",
            {"channels": 1, "size": (1, 8, 9), "features": 72},
        ),
        (
            "sequence",
            (8, 3),
            "8 time steps of 3 features",
            {"channels": 3, "features": 3, "steps": 8},
        ),
        ("table", (6,), "6 features", {"channels": 6, "features": 6}),
    ],
)
def test_shapes_in_words_and_sizes(name, shape, words, sizes):
    item = MODALITIES[name].item
    assert call(item.describe, shape=shape) == words
    assert call(item.sizes, shape=shape) == sizes


def test_each_module_is_one_that_an_item_names():
    named = {resolve(entry.item.describe).__module__ for entry in MODALITIES.values()}
    assert named == {one.__name__ for one in (image, sequence, table, tokens)}


def token_task(steps: int = 4) -> Task:
    return Task(
        modality="tokens",
        problem="classification",
        input_shape=(steps,),
        outputs=2,
        low=0.0,
        high=4.0,
    )


def test_tokens_are_read_as_embedded_steps_or_as_a_bag():
    task, inputs = token_task(), torch.tensor([[0, 0, 4, 1]])
    assert adapt_task(task, ("sequence",)).input_shape == tokens.embedded_shape((4,)) == (4, 64)
    layer = tokens.embedding(task)
    assert torch.equal(layer(inputs)[0, 2], layer.weight[4]) and len(layer.weight) == 5
    assert adapt_task(task, ("table",)).input_shape == (5,)
    assert tokens.bag(task)(inputs).tolist() == [[2.5, 1.25, 0, 0, 1.25]]  # shares times 5


def test_tokens_are_not_standardised():
    task = token_task()
    (layer,) = first_layers(task, adapt_task(task, ("sequence",)), InputSpec((4, 64)))
    assert isinstance(layer, torch.nn.Embedding)
    assert first_layers(task, task, InputSpec((4,))) == []

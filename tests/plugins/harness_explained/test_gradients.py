"""Attributions from gradients against closed forms and captum."""

from dataclasses import replace

import pytest
import torch
from measure_cases import image_examples, image_task, table_task
from torch import nn

from harness.api import NotApplicable
from harness_explained.gradients import (
    incompleteness,
    input_gradient,
    integrated_gradients,
    over_channels,
    saliency,
)

TABLE = replace(table_task(), problem="classification", outputs=2)


class Polynomial(nn.Module):
    """Logits x1^3 x2 and -x1, ``(batch, 2)`` of ``(batch, 4)``."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        x1, x2 = inputs[:, 0], inputs[:, 1]
        return torch.stack([x1**3 * x2, -x1], 1)


INPUTS = torch.tensor([[2.0, 3.0, 1.0, 0.0], [-1.0, 0.5, 4.0, 1.0]])
CLASSES = torch.tensor([0, 1])


def test_a_gradient_is_that_of_each_ones_own_class():
    gradient, chosen = input_gradient(Polynomial(), INPUTS, CLASSES)
    assert gradient.tolist() == [[3 * 4 * 3.0, 8.0, 0, 0], [-1.0, 0, 0, 0]]
    assert chosen.tolist() == [24.0, 1.0]


def test_saliency_has_no_sign_and_takes_the_largest_channel():
    assert saliency(Polynomial(), INPUTS, CLASSES, TABLE)[1].tolist() == [1.0, 0, 0, 0]
    task = replace(image_task(), input_shape=(3, 1, 2))
    weights = torch.tensor([[1.0, -2.0], [-5.0, 0.0], [2.0, 1.0]]).view(1, 6)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(6, 1, bias=False))
    linear[1].weight.data = weights
    found = saliency(linear, torch.rand(2, 3, 1, 2), torch.zeros(2, dtype=torch.long), task)
    assert found.tolist() == [[[5.0, 2.0]]] * 2


def test_parts_are_pixels_steps_and_features():
    sequence = replace(table_task(), modality="sequence", input_shape=(5, 2))
    image = replace(image_task(), input_shape=(3, 4, 6))
    assert over_channels(torch.ones(7, 5, 2), sequence, torch.sum).shape == (7, 5)
    assert over_channels(torch.ones(7, 3, 4, 6), image, torch.sum).shape == (7, 4, 6)
    assert over_channels(torch.ones(7, 4), TABLE, torch.sum).shape == (7, 4)


def test_integrated_gradients_of_a_polynomial_are_exact_and_complete():
    reference = torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    found = integrated_gradients(Polynomial(), INPUTS, CLASSES, reference, 2)
    # From 0 the way is t x: x1^3 x2 has the share 3/4 by x1 and 1/4 by x2; two nodes are exact up to the third power.
    torch.testing.assert_close(found, torch.tensor([[18.0, 6.0, 0, 0], [1.0, 0, 0, 0]]))
    gap, difference = incompleteness(Polynomial(), INPUTS, CLASSES, reference, found)
    assert difference.tolist() == [24.0, 1.0]
    assert gap.abs().max() < 1e-5


def test_integrated_gradients_of_a_network_add_up(classifier):
    inputs = image_examples().inputs[:16]
    with torch.no_grad():
        classes = classifier(inputs).argmax(1)
    reference = torch.full((1, 1, 6, 6), 0.25)
    found = [
        integrated_gradients(classifier, inputs, classes, reference, steps) for steps in (1, 200)
    ]
    rough, fine = (
        incompleteness(classifier, inputs, classes, reference, one)[0].abs().mean() for one in found
    )
    assert fine < 0.02 < rough


def test_they_are_captums(classifier):
    attr = pytest.importorskip("captum.attr")
    inputs = image_examples().inputs[:8]
    classes = torch.arange(8) % 3
    reference = torch.full((1, 1, 6, 6), 0.25)
    theirs = attr.IntegratedGradients(classifier).attribute(
        inputs, reference, target=classes, n_steps=50, method="gausslegendre"
    )
    ours = integrated_gradients(classifier, inputs, classes, reference, 50)
    torch.testing.assert_close(ours, theirs.float(), rtol=1e-4, atol=1e-5)
    leaf = inputs.clone().requires_grad_()
    theirs = attr.Saliency(classifier).attribute(leaf, target=classes)
    torch.testing.assert_close(
        saliency(classifier, inputs, classes, image_task()), theirs.detach()[:, 0]
    )


def test_answers_without_a_gradient_are_refused():
    class Steps(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return (inputs > 0.5).float()

    with pytest.raises(NotApplicable, match="no gradient"):
        input_gradient(Steps(), INPUTS, CLASSES)


def test_weights_behind_rounded_inputs_are_no_gradient_of_the_inputs():
    class Rounded(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().forward((inputs > 0.5).float())

    model = Rounded(4, 2)
    with pytest.raises(NotApplicable, match="no gradient"):
        input_gradient(model, INPUTS, CLASSES)

"""Grad-CAM against a closed form and captum, and what it refuses."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.api import NotApplicable
from harness_explained.gradcam import gradcam

CLASSES = torch.tensor([0, 2, 1])


class Averaged(nn.Module):
    """Maps of a convolution in steps of 2, averaged over the image, and a linear layer: CAM's network."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 5, 3, stride=2, padding=1)
        self.activation = nn.ReLU(inplace=True)
        self.head = nn.Linear(5, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.activation(self.convolution(inputs)).mean((2, 3)))


@pytest.fixture
def network() -> Averaged:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Averaged().eval()


def inputs() -> torch.Tensor:
    return torch.rand(3, 2, 8, 6, generator=torch.Generator().manual_seed(1))


def test_of_averaged_maps_it_is_cam(network):
    images = inputs()
    maps = functional.relu(network.convolution(images)).detach()
    weights = network.head.weight.detach()[CLASSES] / 12  # a mean over 4 x 3 pixels has that slope
    cam = functional.relu(torch.einsum("bc,bchw->bhw", weights, maps))
    expected = functional.interpolate(cam[:, None], (8, 6), mode="bilinear")[:, 0]
    torch.testing.assert_close(gradcam(network, images, CLASSES), expected)
    assert not network.convolution._forward_hooks  # a copy was hooked


def test_maps_are_read_before_they_are_pooled(network):
    pooled = nn.Sequential(
        network.convolution, nn.ReLU(), nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(30, 3)
    )
    images = inputs()
    maps = functional.relu(network.convolution(images)).detach().requires_grad_()
    pooled[2:](maps).gather(1, CLASSES[:, None]).sum().backward()
    cam = functional.relu((maps.grad.mean((2, 3), keepdim=True) * maps.detach()).sum(1))
    expected = functional.interpolate(cam[:, None], (8, 6), mode="bilinear")[:, 0]
    torch.testing.assert_close(gradcam(pooled, images, CLASSES), expected)


def test_it_is_captums(network):
    attr = pytest.importorskip("captum.attr")
    network.activation = nn.ReLU()
    theirs = attr.LayerGradCam(network, network.activation).attribute(inputs(), target=CLASSES)
    enlarged = attr.LayerAttribution.interpolate(functional.relu(theirs), (8, 6), "bilinear")
    torch.testing.assert_close(gradcam(network, inputs(), CLASSES), enlarged.detach()[:, 0])


def test_the_last_maps_of_more_than_one_pixel_are_read(network):
    deeper = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, (8, 6)), nn.Flatten()
    )
    found = gradcam(deeper, inputs(), CLASSES)
    assert found.shape == (3, 8, 6) and (found > 0).any()


def test_what_has_no_maps_or_attends_after_them_is_refused(small_vit):
    with pytest.raises(NotApplicable, match="this network has none"):
        gradcam(nn.Sequential(nn.Flatten(), nn.Linear(96, 3)), inputs(), CLASSES)
    with pytest.raises(NotApplicable, match="attention comes after"):
        gradcam(small_vit(), torch.rand(3, 1, 8, 8), CLASSES)


class Beside(Averaged):
    """The last maps are of a branch that no answer reads."""

    def __init__(self) -> None:
        super().__init__()
        self.unread = nn.Conv2d(2, 4, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logits = super().forward(inputs)
        self.unread(inputs)
        return logits


def test_maps_that_no_answer_reads_are_refused():
    with pytest.raises(NotApplicable, match="no gradient with respect to its last maps"):
        gradcam(Beside().eval(), inputs(), CLASSES)

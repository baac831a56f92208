"""DLinear against its equations."""

import pytest
import torch

from harness.api import UsageError
from harness_architectures.dlinear import build
from harness_architectures.options import DlinearOptions


@pytest.mark.parametrize(
    ("steps", "kernel", "used"), [(30, 25, 25), (10, 25, 9), (7, 3, 3), (1, 25, 1)]
)
def test_outputs_are_two_maps_of_the_trend_and_the_rest(steps, kernel, used):
    torch.manual_seed(0)
    net = build((steps, 2), 5, DlinearOptions(kernel=kernel))
    inputs = torch.randn(3, steps, 2)
    around = used // 2
    at = torch.arange(steps)[:, None] + torch.arange(-around, around + 1)
    trend = inputs[:, at.clamp(0, steps - 1)].mean(2)  # (batch, steps, features)
    flat = [part.transpose(1, 2).flatten(1) for part in (trend, inputs - trend)]
    torch.testing.assert_close(net(inputs), net.trend(flat[0]) + net.rest(flat[1]))
    assert sum(one.numel() for one in net.parameters()) == 2 * (2 * steps + 1) * 5


def test_each_feature_may_be_mapped_by_itself():
    net = build((12, 3), 6, DlinearOptions(each=True, kernel=5))
    assert sum(one.numel() for one in net.parameters()) == 2 * 13 * 2
    inputs = torch.randn(2, 12, 3)
    found = net(inputs).unflatten(1, (2, 3))  # (batch, steps ahead, features)
    changed = inputs.clone()
    changed[..., 1] += torch.randn(12)
    moved = (net(changed).unflatten(1, (2, 3)) - found).abs().amax((0, 1))
    assert moved[1] > 1e-3 and moved[0] == moved[2] == 0
    torch.testing.assert_close(net(inputs.flip(2)).unflatten(1, (2, 3)), found.flip(2))
    with pytest.raises(
        UsageError, match="each=true is for outputs that are steps of the 3 features; 7"
    ):
        build((12, 3), 7, DlinearOptions(each=True))
    with pytest.raises(ValueError, match="odd number"):
        DlinearOptions(kernel=4)

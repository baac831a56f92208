"""CutMix: labels weigh by area, rectangles are as large as drawn, and belong to their examples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from harness.api import Draws
from harness_training import cutmix
from harness_training.blends import draw_partners, draw_shares
from harness_training.options import CutmixOptions
from harness_training.rectangles import inside


class Seen(nn.Module):
    """Keeps what it is given; its logits are a fixed function of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 10, generator=torch.Generator().manual_seed(0)))

    def forward(self, inputs: Tensor) -> Tensor:
        self.inputs = inputs
        return inputs.flatten(1)[:, :4] @ self.weight


def test_the_label_mix_is_the_area() -> None:
    count, rows, columns = 40, 9, 12
    own = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, rows, columns)
    targets, draws = torch.arange(count) % 10, Draws(4, torch.arange(count) + 7)
    model = Seen()
    loss, logits = cutmix.build(CutmixOptions())(model, own.contiguous(), targets, draws)
    assert logits is None
    partner = draw_partners(draws, "cutmix")
    expected, areas = 0.0, []
    for row, image in enumerate(model.inputs):
        mine, other = (image == row), (image == int(partner[row]))
        assert bool((mine | other).all())
        share = 1.0 if int(partner[row]) == row else float(mine.float().mean())
        areas.append(share)
        output = model(image[None]).detach().log_softmax(1)[0]
        expected -= float(
            share * output[targets[row]] + (1 - share) * output[targets[partner[row]]]
        )
    assert loss.item() == pytest.approx(expected / count, rel=1e-5)
    assert 0.5 < sum(areas) / count < 0.9 and len(set(areas)) > 15


def test_a_cut_is_one_rectangle_of_the_drawn_sides() -> None:
    draws = Draws(1, torch.arange(500))
    cuts = cutmix.draw_cuts(draws, 1.0, 32, 32)[:, 0]
    sides = (1 - draw_shares(draws, 1.0, "cutmix")).sqrt() * 32
    high, wide = cuts.any(2).sum(1), cuts.any(1).sum(1)
    assert torch.equal(cuts.sum((1, 2)), high * wide)
    assert bool((high <= sides).all()) and bool((wide <= sides).all())
    edge = cuts[:, 0].any(1) | cuts[:, -1].any(1) | cuts[:, :, 0].any(1) | cuts[:, :, -1].any(1)
    whole = ~edge & (sides >= 2)
    assert bool((high[whole] >= sides[whole] - 2).all()) and int(whole.sum()) > 60
    assert torch.equal(high[whole], wide[whole])
    index = torch.tensor([31, 2])
    assert torch.equal(cutmix.draw_cuts(draws.select(index), 1.0, 32, 32)[:, 0], cuts[index])


def test_rectangles() -> None:
    found = inside(*(torch.tensor([k]) for k in (1, 3, 0, 2)), 4, 3)
    assert found[0, 0].int().tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0]]

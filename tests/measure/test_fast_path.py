"""Transformer encoders on torch's fused path: where it answers otherwise, and where it does not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.measure.fast_path import compare_fast_path, fast_path


class Doubled(nn.Linear):
    """A layer that somebody put in the place of another."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


class Classifier(nn.Module):
    """``(batch, time, 8)`` -> logits of three classes; what is all zero is padding."""

    def __init__(self, masked: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head, self.masked = nn.Linear(8, 3), masked

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mask = inputs.eq(0).all(-1) if self.masked else None
        found = self.encoder(inputs, src_key_padding_mask=mask)
        return self.head(found.mean(1))


@pytest.fixture
def inputs() -> torch.Tensor:
    found = torch.randn(6, 5, 8, generator=torch.Generator().manual_seed(1))
    found[::2, 3:] = 0
    return found


def test_an_encoder_as_it_is_answers_alike(inputs: torch.Tensor) -> None:
    assert compare_fast_path(Classifier().eval(), inputs) == []


def test_a_replaced_layer_is_not_called(inputs: torch.Tensor) -> None:
    model = Classifier()
    layer = model.encoder.layers[0]
    replaced = Doubled(8, 16)
    replaced.load_state_dict(layer.linear1.state_dict())  # type: ignore[operator, union-attr]
    layer.linear1 = replaced
    (finding,) = compare_fast_path(model.eval(), inputs)
    assert finding.code == "fast-path" and finding.flag == ""
    assert finding.numbers["largest_difference"] > 0.01
    assert "All figures here are without that path." in finding.sentence
    (taken,) = compare_fast_path(model, inputs, taken=True)
    assert taken.flag == "answers otherwise on torch's fast path"
    with torch.no_grad(), fast_path(False):
        ours = model(inputs)
        layer.linear1 = nn.Linear(8, 16)
        assert not torch.equal(model(inputs), ours)  # the layer is called where the path is off


def test_padded_positions_become_zero(inputs: torch.Tensor) -> None:
    (finding,) = compare_fast_path(Classifier(masked=True).eval(), inputs)
    assert "padded positions become zero" in finding.sentence
    assert finding.numbers["largest_difference"] > 0.01


def test_a_layer_that_the_kernel_cannot_read(inputs: torch.Tensor) -> None:
    """Its weight is not where the kernel looks for it: with the path on, torch itself raises."""
    model = Classifier()
    model.encoder.layers[0].linear1 = nn.Sequential(nn.Linear(8, 16))
    (finding,) = compare_fast_path(model.eval(), inputs)
    assert "raises on a batch of 6: AttributeError" in finding.sentence


def test_a_model_without_encoders_is_not_run() -> None:
    class Never(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    assert compare_fast_path(Never(), torch.zeros(1)) == []


def test_the_setting_is_put_back() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ValueError), fast_path(not before):
        assert torch.backends.mha.get_fastpath_enabled() is not before
        raise ValueError
    assert torch.backends.mha.get_fastpath_enabled() is before

"""The guard for recurrent layers, without a GPU: what it tells torch."""

import pytest
import torch
from torch import nn

from harness.data.recurrence import differentiable_recurrence


@pytest.fixture
def as_with_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "enabled", True)


@pytest.mark.parametrize(("layer", "stays_on"), [(nn.GRU, False), (nn.Linear, True)])
def test_cudnn_is_off_for_recurrent_layers_alone_and_on_again(as_with_a_gpu, layer, stays_on):
    model = nn.Sequential(layer(2, 3))
    with pytest.raises(KeyError), differentiable_recurrence(model):
        assert torch.backends.cudnn.enabled is stays_on
        raise KeyError
    assert torch.backends.cudnn.enabled


def test_it_works_where_the_precision_of_cudnn_is_set(as_with_a_gpu):
    """torch.backends.cudnn.flags raises then."""
    parts = torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    before = [part.fp32_precision for part in parts]
    try:
        for part in parts:
            part.fp32_precision = "ieee"
        with differentiable_recurrence(nn.LSTM(2, 3)):
            assert not torch.backends.cudnn.enabled
    finally:
        for part, precision in zip(parts, before, strict=True):
            part.fp32_precision = precision


def test_nothing_changes_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = torch.backends.cudnn.enabled
    with differentiable_recurrence(nn.GRU(2, 3)):
        assert torch.backends.cudnn.enabled is before

"""Attention by products of its own where tokens are few: the same as torch's fused attention."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness_architectures import transformer
from harness_architectures.transformer import Attention


def fused_calls(monkeypatch):
    calls, fused = [], functional.scaled_dot_product_attention

    def counted(*given, **options):
        calls.append(given[0].shape)
        return fused(*given, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    return calls


def test_few_tokens_are_attended_to_as_torch_does(monkeypatch):
    torch.manual_seed(0)
    attention, tokens = Attention(24, 4), torch.randn(32, 16, 24, requires_grad=True)
    weights = [tokens, *attention.parameters()]
    slope = torch.randn(32, 16, 24)
    calls = fused_calls(monkeypatch)
    ours = torch.autograd.grad(attention(tokens), weights, slope)
    assert not calls
    parts = attention.queries_keys_values(tokens).view(32, 16, 3, 4, 6).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(32, 16, 24)
    theirs = torch.autograd.grad(attention.output(mixed), weights, slope)
    with torch.no_grad():
        torch.testing.assert_close(attention.output(mixed), attention(tokens))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"causal": True}, (32, 16, 24)),
        ({}, (32, 64, 24)),
        ({}, (32, 12, 24)),
        ({}, (2, 16, 24)),
    ],
)
def test_fused_attention_is_used_elsewhere(monkeypatch, options, shape):
    calls = fused_calls(monkeypatch)
    Attention(24, 4, **options)(torch.randn(shape))
    with torch.no_grad():
        Attention(24, 4)(torch.randn(32, 16, 24))
    assert len(calls) == 2


@pytest.mark.slow
def test_no_graph_is_cut_by_the_number_of_tokens():
    """Exported for any number of tokens, though few would be attended to in another way."""
    batch, tokens = torch.export.Dim("batch", min=2), torch.export.Dim("tokens", min=2, max=99)
    model = nn.Sequential(Attention(24, 4))
    given = torch.randn(32, 16, 24)
    exported = torch.export.export(model, (given,), dynamic_shapes=(({0: batch, 1: tokens}),))
    longer = torch.randn(3, 40, 24)
    torch.testing.assert_close(exported.module()(longer), model(longer))


def test_no_sizes_are_looked_at_where_attention_is_read_as_a_graph():
    # What torch.fx itself gives a layer while it reads it: its sizes are no numbers, and to branch on them raises.
    stand_in = torch.fx.Proxy(torch.fx.Node(torch.fx.Graph(), "x", "placeholder", "x", (), {}))
    assert not transformer._is_short(stand_in)

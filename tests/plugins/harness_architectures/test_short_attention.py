"""Attention by products of its own where tokens are few: the same as torch's fused attention."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from harness_architectures.layers import is_differentiated_on_cpu
from harness_architectures.short_attention import attend, is_short
from harness_architectures.transformer import Attention

# torch's own derivatives in forward mode are read by torch.jit when they are first used, which says that it is deprecated.
forwards = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")


def slow(transform):
    """A transform of torch.func, whose first use in a process takes more than a second."""
    return pytest.param(transform, marks=pytest.mark.slow)


def packed(batch=32, tokens=16, heads=4, size=6, dtype=torch.float32):
    made = torch.randn(batch, tokens, 3 * heads * size, dtype=dtype)
    return made.requires_grad_()


def in_the_open(given, heads):
    """Attention as torch has it, of operations that can be differentiated in every way."""
    parts = given.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    with sdpa_kernel(SDPBackend.MATH):
        return functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)


def fused_calls(monkeypatch):
    calls, fused = [], functional.scaled_dot_product_attention

    def counted(*given, **options):
        calls.append(given[0].shape)
        return fused(*given, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    return calls


@pytest.mark.parametrize(("tokens", "size"), [(8, 6), (16, 6), (33, 12), (16, 16), (24, 32)])
def test_few_tokens_are_attended_to_as_torch_does(monkeypatch, tokens, size):
    torch.manual_seed(0)
    dim = 4 * size
    attention, given = Attention(dim, 4), torch.randn(32, tokens, dim, requires_grad=True)
    weights = [given, *attention.parameters()]
    slope = torch.randn(32, tokens, dim)
    calls = fused_calls(monkeypatch)
    mixed = attention(given)
    ours = torch.autograd.grad(mixed, weights, slope)
    assert not calls
    expected = attention.output(in_the_open(attention.queries_keys_values(given), 4))
    theirs = torch.autograd.grad(expected, weights, slope)
    torch.testing.assert_close(mixed, expected)
    for one, other in zip(ours, theirs, strict=True):
        assert one.is_contiguous()
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"causal": True}, (32, 16, 24)),
        ({"rotary": True}, (32, 16, 24)),
        ({}, (32, 64, 24)),
        ({}, (32, 7, 24)),
        ({}, (32, 12, 96)),
        ({}, (4, 16, 24)),
    ],
)
def test_fused_attention_is_used_elsewhere(monkeypatch, options, shape):
    calls = fused_calls(monkeypatch)
    Attention(shape[2], 4, **options)(torch.randn(shape))
    assert len(calls) == 1


def test_fused_attention_is_used_where_torch_is_told_how_or_no_gradient_is_wanted():
    given = packed()
    assert is_short(given, 4)
    with torch.no_grad():
        assert not is_short(given, 4)
    with sdpa_kernel(SDPBackend.MATH):
        assert not is_short(given, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_short(given, 4)
    assert not is_short(given.double(), 4)
    assert not is_short(given.to("meta"), 4)


def test_it_is_as_exact_as_torch_in_float64():
    torch.manual_seed(0)
    given = packed(1, 3, 2, 2, torch.float64)
    torch.testing.assert_close(attend(given, 2), in_the_open(given, 2))
    assert torch.autograd.gradcheck(lambda one: attend(one, 2), given)
    assert torch.autograd.gradgradcheck(lambda one: attend(one, 2), given)


@forwards
@pytest.mark.parametrize(
    "transform",
    [
        slow(lambda of, at: torch.func.hessian(of)(at)),
        slow(lambda of, at: torch.func.jvp(of, (at,), (at.cos(),))[1]),
        slow(lambda of, at: torch.func.jvp(torch.func.grad(of), (at,), (at.cos(),))[1]),
        slow(lambda of, at: torch.func.vmap(torch.func.grad(of))(torch.stack([at, -at]))),
        slow(lambda of, at: torch.func.grad(lambda x: torch.func.grad(of)(x).square().sum())(at)),
        lambda of, at: torch.autograd.functional.hessian(of, at),
        lambda of, at: torch.autograd.functional.hvp(of, at, at.cos())[1],
        lambda of, at: torch.autograd.functional.jacobian(of, at, vectorize=True),
    ],
)
def test_further_derivatives_are_those_of_torch(transform):
    torch.manual_seed(0)
    at = torch.randn(2, 3, 12, dtype=torch.float64)

    def scalar(kind):
        return lambda one: (kind(one, 2) * torch.arange(24.0).view(2, 3, 4).sin()).sum()

    torch.testing.assert_close(transform(scalar(attend), at), transform(scalar(in_the_open), at))


@forwards
@pytest.mark.slow
def test_derivatives_by_dual_numbers_and_of_many_slopes_at_once_are_those_of_torch():
    torch.manual_seed(0)
    at = packed(2, 3, 2, 2, torch.float64)
    slopes = torch.randn(5, 2, 3, 4, dtype=torch.float64)
    found = []
    for kind in (attend, in_the_open):
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(at, at.detach().cos())
            tangent = torch.autograd.forward_ad.unpack_dual(kind(dual, 2)).tangent
        many = torch.autograd.grad(kind(at, 2), at, slopes, is_grads_batched=True)[0]
        found.append((tangent, many))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_no_product_is_hidden_from_who_counts_them():
    given = packed(2, 16, 4, 6)
    counts = []
    for kind in (attend, in_the_open):
        with FlopCounterMode(display=False) as counter:
            kind(given, 4).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] == 6 * 2 * (2 * 4) * 16 * 16 * 6


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
    assert not is_differentiated_on_cpu(stand_in)
    model, given = nn.Sequential(Attention(24, 4)), torch.randn(32, 16, 24)
    read = torch.fx.symbolic_trace(copy.deepcopy(model))
    torch.testing.assert_close(read(given), model(given))

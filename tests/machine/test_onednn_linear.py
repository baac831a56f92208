"""Products by oneDNN: those of torch's own function, with their gradients, and that function wherever something else looks on."""

import warnings

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from harness.machine import onednn_linear
from harness.machine.matrix_products import onednn_is_faster
from harness.machine.onednn_linear import Rule, linear_of

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN"
)
PLAIN = torch._C._nn.linear
FIT, SEARCH, ANSWERS = Rule(False, True), Rule(False, False), Rule(True, False)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    onednn_linear._multiplied.clear()
    yield
    torch.set_num_threads(before)


class Own(torch.Tensor):
    """A tensor of somebody else's."""


class Operations(TorchDispatchMode):
    """What is called below autograd, with what looks on switched off for it."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.called = []
        monkeypatch.setattr(onednn_linear, "_nothing_looks_on", lambda tensor: True)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.called.append(function)
        return function(*args, **(kwargs or {}))

    def products(self):
        return self.called.count(torch.ops.mkldnn._linear_pointwise.default)


def layer(width=64, outputs=96, rows=1024, bias=True):
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(outputs, width) / width**0.5)
    inputs = torch.randn(rows // 8, 8, width)
    return inputs, weight, nn.Parameter(torch.randn(outputs)) if bias else None


def goes_to_onednn(rule, inputs, weight, bias, times=1):
    linear = linear_of(rule)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        operations = Operations(patch)
        with operations:
            for _ in range(times):
                linear(inputs, weight, bias)
    return operations.products()


@pytest.mark.parametrize(("width", "outputs"), [(64, 96), (96, 64), (48, 144), (300, 64)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rule", [FIT, SEARCH, ANSWERS])
def test_products_and_gradients_are_those_of_torch(width, outputs, bias, rule):
    inputs, weight, shift = layer(width, outputs, bias=bias)
    inputs = inputs.requires_grad_()
    wanted = [one for one in (inputs, weight, shift) if one is not None]
    upstream = torch.randn(*inputs.shape[:-1], outputs)
    linear = linear_of(rule)
    for _ in range(8):  # until code for the size has paid
        found = linear(inputs, weight, shift)
    if rule is not ANSWERS or width <= 192:
        assert found.grad_fn.name() == "_LinearBackward"
    expected = PLAIN(inputs, weight, shift)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    gradients = torch.autograd.grad(found, wanted, upstream)
    assert all(one.is_contiguous() for one in gradients)
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected, wanted, upstream), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-4)
    exact = upstream.flatten(0, 1).double().t() @ inputs.detach().flatten(0, 1).double()
    assert float((gradients[1] - exact).abs().max() / exact.abs().max()) < 3e-6


@pytest.mark.skipif(not onednn_is_faster(), reason="the rule is for other machines")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("width", [32, 127, 192])
def test_answers_have_the_bits_of_torchs_own(width, threads):
    torch.set_num_threads(threads)
    for outputs in (33, 100, 192):
        inputs, weight, bias = layer(width, outputs, rows=2048)
        inputs = inputs.requires_grad_()
        upstream = torch.randn(*inputs.shape[:-1], outputs)
        for _ in range(9):
            found = linear_of(ANSWERS)(inputs, weight, bias)
        if width * outputs * 2048 >= threads * 3 * 2**20:
            assert found.grad_fn.name() == "_LinearBackward"
        expected = PLAIN(inputs, weight, bias)
        assert torch.equal(found, expected)
        wanted = (inputs, weight, bias)
        for ours, theirs in zip(
            torch.autograd.grad(found, wanted, upstream),
            torch.autograd.grad(expected, wanted, upstream),
            strict=True,
        ):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize(
    ("wanted", "products"), [([0], 1), ([1], 2), ([2], 1), ([1, 2], 2), ([0, 1, 2], 2)]
)
def test_a_pass_back_computes_what_it_is_asked_for(monkeypatch, wanted, products):
    """Of a search for inputs no gradient of weights: where inputs have one, theirs is computed anyway."""
    arguments = layer()
    arguments[0].requires_grad_()
    output = linear_of(FIT)(*arguments)
    with Operations(monkeypatch) as operations:
        torch.autograd.grad(output, [arguments[place] for place in wanted], torch.ones(128, 8, 96))
    assert operations.products() == products


def test_what_is_frozen_is_not_kept_for_a_gradient():
    inputs, weight, bias = layer()
    inputs.requires_grad_()
    output = linear_of(FIT)(inputs, weight.detach(), bias)
    assert output.grad_fn.saved_tensors[0] is None
    output.sum().backward()
    assert inputs.grad is not None and bias.grad is not None


def test_a_gradient_has_a_gradient():
    inputs, weight, bias = layer()
    inputs.requires_grad_()

    def penalty(linear):
        (slope,) = torch.autograd.grad(
            linear(inputs, weight, bias).square().sum(), inputs, create_graph=True
        )
        return torch.autograd.grad(slope.square().sum(), (inputs, weight, bias))

    for ours, theirs in zip(penalty(linear_of(FIT)), penalty(PLAIN), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-2)


def test_weights_that_have_changed_since_are_told():
    inputs, weight, bias = layer()
    output = linear_of(FIT)(inputs.requires_grad_(), weight, bias)
    with torch.no_grad():
        weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_weights_of_a_first_layer_may_change_as_torch_lets_them():
    inputs, weight, bias = layer()
    output = linear_of(FIT)(inputs, weight, bias)
    with torch.no_grad():
        weight.mul_(2)
    output.sum().backward()
    torch.testing.assert_close(
        weight.grad, inputs.flatten(0, 1).sum(0).expand_as(weight), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda x, w, b: (x.double(), w.double(), b.double()),
        lambda x, w, b: (x.transpose(0, 1), w, b),
        lambda x, w, b: (x[:8], w, b),
        lambda x, w, b: (x, w[:16].contiguous(), b[:16].contiguous()),
        lambda x, w, b: (x.as_subclass(Own), w, b),
        lambda x, w, b: (x.bfloat16(), w.bfloat16(), b.bfloat16()),
    ],
)
def test_what_does_not_gain_is_torchs(change):
    arguments = layer()
    assert goes_to_onednn(FIT, *arguments)
    assert not goes_to_onednn(FIT, *(one.detach() for one in change(*arguments)))


def test_two_threads_gain_with_larger_sizes():
    torch.set_num_threads(2)
    assert not goes_to_onednn(FIT, *layer(rows=512))
    assert goes_to_onednn(FIT, *layer(rows=1024))


def test_code_is_written_for_sizes_that_come_again():
    assert goes_to_onednn(FIT, *layer(), times=12) == 12
    assert goes_to_onednn(SEARCH, *layer(), times=12) == 6  # 1024 x 64 x 96 six times are 2**25
    assert goes_to_onednn(SEARCH, *layer(rows=1016), times=6) == 0
    for _ in range(2):  # other bits, so each context counts by itself
        assert goes_to_onednn(SEARCH, *layer(outputs=200), times=4) == 1  # three times are 2**25
    assert goes_to_onednn(SEARCH, *layer(), times=2) == 2  # of the same bits
    assert goes_to_onednn(ANSWERS, *layer(outputs=200), times=12) == 0


def called(model, inputs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "linear", linear_of(FIT))
        return model(inputs)


@pytest.mark.parametrize(
    "look",
    [
        lambda model, x: torch.func.jvp(model, (x,), (x,))[1],
        lambda model, x: torch.func.vmap(model)(torch.stack([x, x])),
        lambda model, x: torch.func.grad(lambda at: model(at).square().sum())(x),
        lambda model, x: torch.autograd.functional.jacobian(
            lambda at: model(at).sum((0, 1))[:3], x, vectorize=True
        ),
        lambda model, x: torch.jit.trace(model, x, check_trace=False)(x),
        lambda model, x: torch.fx.symbolic_trace(model)(x),
        lambda model, x: torch.compile(model, backend="eager", fullgraph=True)(x),
    ],
)
def test_transforms_and_traces_find_torchs_own_function(look):
    model = nn.Sequential(nn.Linear(64, 96), nn.GELU())
    inputs = layer()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit's
        expected = look(model, inputs)
        found = called(lambda x: look(model, x), inputs)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_dual_numbers_and_lower_precision_pass():
    model = nn.Linear(64, 96)
    inputs = layer()[0]
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(inputs, inputs)
        assert forward_ad.unpack_dual(called(model, dual)).tangent is not None
    with torch.autocast("cpu", torch.bfloat16):
        assert called(model, inputs).dtype is torch.bfloat16


def test_attention_layers_of_torch_gain_too(monkeypatch):
    attention = nn.MultiheadAttention(64, 4)
    inputs = layer()[0]
    with Operations(monkeypatch) as operations:
        found, _ = called(lambda x: attention(x, x, x, need_weights=False), inputs)
    assert operations.products() == 2
    torch.testing.assert_close(found, attention(inputs, inputs, inputs, need_weights=False)[0])

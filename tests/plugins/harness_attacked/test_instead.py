"""Where a gradient is wrong, attacks are added that it cannot mislead, and what they find is the model's own."""

import copy
import dataclasses

import built_in
import planted_gradients as planted
import pytest
import torch
from audit_cases import flags, read
from measure_cases import image_examples, image_task, make_context, measure, named, one, pgd
from torch import nn

from harness.plan.names import settle
from harness_attacked.whole_gradient import WholeGradient

RADIUS = 0.12
CHOICES = {
    "pgd": settle(pgd(), "", {}),
    "square:queries=50": settle(built_in.items("attack")["square"], "", {"queries": 50}),
}


@pytest.fixture(scope="module")
def whole() -> nn.Module:
    return planted.trained(planted.TwoPaths())


@pytest.fixture
def attacked(tmp_path):
    def run(model, instead=("square:queries=50",), data=None):
        options = {"attacks": ("pgd",), "epsilons": (RADIUS,), "instead": instead}
        context = make_context(
            "adversarial", model, data or image_examples(), image_task(), tmp_path, **options
        )
        context = dataclasses.replace(context, choose=lambda kind, name: CHOICES[name])
        return measure(context, "adversarial"), read(context)

    return run


def robust(metrics, attack="worst case"):
    return one(metrics, "robust_accuracy", attack=attack).value


def test_the_worst_case_of_a_cut_network_is_that_of_the_whole_one(whole, attacked):
    cut = planted.with_layer(copy.deepcopy(whole), planted.DynamicInt8)
    of_whole, nothing = attacked(whole)
    assert (
        nothing == [] and len(named(of_whole, "robust_accuracy")) == 2 and flags(of_whole) == {""}
    )
    metrics, (finding,) = attacked(cut)
    assert finding.code == "wrong-gradients"
    assert "Added to the worst case: square:queries=50, pgd on a stand-in." in finding.sentence
    assert robust(metrics, "pgd") > robust(of_whole) + 0.02  # it flatters
    assert robust(metrics, "pgd on a stand-in") == pytest.approx(robust(of_whole), abs=0.03)
    assert robust(metrics) <= robust(metrics, "pgd on a stand-in")
    assert robust(metrics) <= robust(metrics, "square:queries=50")
    assert flags(metrics) == {finding.flag}


def test_black_pixels_that_no_gradient_lifts_are_lifted_on_a_stand_in(whole, attacked):
    data = image_examples()
    data = dataclasses.replace(data, inputs=((data.inputs - 0.3) / 0.4).clamp(0, 1))
    kinked = planted.of_whole(whole, first=torch.relu)  # the same function of such inputs
    of_whole, nothing = attacked(whole, data=data)
    assert nothing == []
    metrics, (finding,) = attacked(kinked, data=data)
    assert finding.code == "wrong-gradients" and "the lower end of the box" in finding.sentence
    assert "where autograd says that nothing does" in finding.sentence
    assert "Added to the worst case: square:queries=50, pgd on a stand-in." in finding.sentence
    assert 0.5 < finding.numbers["edge"] < 0.9
    assert robust(metrics, "pgd") > robust(of_whole) + 0.02  # it flatters
    assert robust(metrics, "pgd on a stand-in") == pytest.approx(robust(of_whole), abs=0.02)
    assert flags(metrics) == {finding.flag}


def test_with_an_empty_list_nothing_is_added(whole, attacked):
    cut = planted.of_whole(whole, middle=lambda x: x.detach())
    metrics, (finding,) = attacked(cut, instead=())
    assert {metric.where["attack"] for metric in named(metrics, "robust_accuracy")} == {
        "pgd",
        "worst case",
    }
    assert flags(metrics) == {finding.flag} and "Added" not in finding.sentence


def test_where_no_stand_in_has_a_whole_gradient_the_attack_by_scores_is_left(
    whole, attacked, capsys
):
    bound = planted.WithBackward.apply  # before the stand-in could reach it
    cut = planted.of_whole(whole, first=lambda x: bound(x, lambda g, x: -g))
    metrics, _ = attacked(cut)
    assert "no stand-in: its gradient is wrong, too" in capsys.readouterr().out
    assert robust(metrics) == robust(metrics, "square:queries=50") < robust(metrics, "pgd")


class Demanding(torch.autograd.Function):
    """Asks more of its context in the forward pass than a stand-in's has."""

    @staticmethod
    def forward(context, inputs):
        context.save_for_forward(inputs)
        return inputs.clone()

    @staticmethod
    def backward(context, gradient):
        return -gradient


def test_a_stand_in_that_cannot_run_is_left_out_in_words(whole, attacked, capsys):
    cut = planted.of_whole(whole, first=lambda x: Demanding.apply(x))
    metrics, (finding,) = attacked(cut)
    said = capsys.readouterr().out
    assert "no stand-in: its gradient could not be looked at: AttributeError" in said
    assert finding.code == "wrong-gradients" and robust(metrics, "square:queries=50") < 1


def no_grad(x):
    with torch.no_grad():
        return 1.0 * x


def hooked(x):
    y = 1.0 * x
    if y.requires_grad:
        y.register_hook(lambda gradient: -gradient)
    return y


@pytest.mark.parametrize(
    "middle",
    [
        torch.detach,
        no_grad,
        hooked,
        lambda x: x.data,
        lambda x: (256 * x).round() / 256,
        planted.backwards(lambda g, x: 0.1 * g),
    ],
)
def test_a_stand_in_computes_the_same_and_has_the_whole_gradient(whole, middle):
    cut = planted.of_whole(whole, middle=middle)
    inputs = image_examples().inputs[:20]
    leaf, other = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    stand_in = WholeGradient(cut)
    outputs = stand_in(leaf)
    torch.testing.assert_close(outputs, cut(inputs))
    (found,) = torch.autograd.grad(outputs.sum(), leaf)
    (wanted,) = torch.autograd.grad(whole(other).sum(), other)
    assert float((found - wanted).norm() / wanted.norm()) < 0.07
    (again,) = torch.autograd.grad(cut(other).sum(), other)
    assert float((again - wanted).norm() / wanted.norm()) > 0.1  # the model itself is as it was


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_packed_layers_become_the_float_ones_that_they_stand_for(whole):
    engine = torch.backends.quantized.engine
    torch.backends.quantized.engine = next(
        name
        for name in ("x86", "fbgemm", "onednn", "qnnpack")
        if name in torch.backends.quantized.supported_engines
    )
    try:
        packed = copy.deepcopy(whole)
        packed.a = torch.ao.quantization.quantize_dynamic(nn.Sequential(whole.a), {nn.Linear})[0]
        stand_in = WholeGradient(packed)
    finally:
        torch.backends.quantized.engine = engine
    assert type(stand_in.model.a) is nn.Linear and type(packed.a) is not nn.Linear
    torch.testing.assert_close(stand_in.model.a.weight, whole.a.weight, rtol=0, atol=0.01)
    torch.testing.assert_close(stand_in.model.a.bias, whole.a.bias)

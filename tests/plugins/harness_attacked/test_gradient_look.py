"""What is said of gradients that are wrong, and of those that only look so."""

import copy
import dataclasses

import planted_gradients as planted
import pytest
import torch
from audit_cases import audited, only
from measure_cases import CLASSES, SIDE, InMemory, image_examples, image_task, make_context
from torch import nn
from torch.nn import functional

from harness_attacked.attack_space import Space
from harness_attacked.attacked_model import attacked_model
from harness_attacked.gradient_look import GradientLook, look_at_gradient


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def whole() -> nn.Module:
    return planted.trained(planted.TwoPaths())


@pytest.fixture
def look(tmp_path):
    def at(model: nn.Module, precision: str = "fp32", data=None, **options) -> GradientLook:
        data = data or image_examples()
        context = make_context("adversarial", model, data, image_task(), tmp_path, **options)
        if precision != "fp32":
            context = dataclasses.replace(
                context, precision=precision, autocast=lambda: torch.autocast("cpu", torch.bfloat16)
            )
        with attacked_model(context, Space(0.0, 1.0), context.options, model) as attacked:
            return look_at_gradient(context, attacked, data.inputs, data.targets, precision)

    return at


WRONG = {
    "detach on one branch": {"middle": lambda x: x.detach()},
    "rounding on one branch": {"middle": lambda x: (4 * x).round() / 4},
    "8-bit rounding of the input": {"first": lambda x: (255 * x).round() / 255},
    "a stand-in for two levels": {"first": planted.straight_through(1)},
    "a tenth of the gradient": {"first": planted.backwards(lambda g, x: 0.1 * g)},
    "the other way": {"first": planted.backwards(lambda g, x: -g)},
    "the other way on one branch": {"middle": planted.backwards(lambda g, x: -g)},
    "clipped": {"middle": planted.backwards(lambda g, x: g * (x.abs() < 0.3))},
    "noise in the backward pass": {"middle": planted.backwards(planted.noisy)},
    "JPEG": {"first": planted.Jpeg(straight=False)},
    "hard attention": {"first": planted.HardAttention()},
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_gradient_is_found(whole, look, fault):
    found = look(planted.of_whole(whole, **WRONG[fault]))
    assert found.is_wrong and found.examples == 16 and found.check.near


RIGHT = {
    "whole": {},
    "a straight-through estimator of 8 bits": {"first": planted.straight_through(255)},
    "JPEG with one": {"first": planted.Jpeg(straight=True)},
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_gradient_that_serves_is_passed(whole, look, case):
    found = look(planted.of_whole(whole, **RIGHT[case]))
    assert found.check is not None and found.check.agrees, found


def on_black(count: int = 60) -> InMemory:
    """Bright rows and columns, whose background is 0 and whose lines are 1 at most places."""
    data = image_examples(count)
    return dataclasses.replace(data, inputs=((data.inputs - 0.3) / 0.4).clamp(0, 1))


NEVER = float("inf")
AT_THE_EDGE = {
    "relu": (torch.relu, (1,), NEVER),
    "abs": (torch.abs, (1,), NEVER),
    "hardtanh, whose upper end is 1": (functional.hardtanh, (-1,), NEVER),
    "hardtanh": (lambda x: functional.hardtanh(x, 0.0, 1.0), (1, -1), NEVER),
    "maximum, which halves": (lambda x: torch.maximum(x, torch.zeros(())), (1,), 2.0),
    "a backward of its own": (planted.backwards(lambda g, x: g * (x > 0)), (1,), NEVER),
}


@pytest.mark.parametrize("fault", AT_THE_EDGE)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_kink_on_the_whole_edge_of_the_box_is_found_and_away_from_it_passed(
    whole, look, fault, precision
):
    """Whatever the other values are, no step by its gradient lifts a black pixel."""
    first, ends, rise = AT_THE_EDGE[fault]
    kinked = planted.of_whole(whole, first=first)
    found = look(kinked, precision, on_black())
    assert found.is_wrong and found.check.edges == ends and found.examples == 16
    assert abs(found.check.rise) == pytest.approx(rise, rel=0.01)
    assert 0.4 < found.edge < 0.95
    assert look(kinked, precision).check.agrees  # where no value is at the edge


def bias_free(side: int, stride: int) -> nn.Module:
    """A convolution without bias, whose ReLU is at its kink wherever a whole patch is black."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 12, side, stride, bias=False)
    places = ((SIDE - side) // stride + 1) ** 2
    return nn.Sequential(
        convolution, nn.ReLU(), nn.MaxPool2d(1), nn.Flatten(), nn.Linear(12 * places, CLASSES)
    ).eval()


BESIDE_THE_EDGE = {
    "none": lambda whole: whole,
    "clamp": lambda whole: planted.of_whole(whole, first=lambda x: x.clamp(0.0, 1.0)),
    "patches of 2 x 2": lambda whole: bias_free(2, 2),
    "patches of 3 x 3": lambda whole: bias_free(3, 1),
    "max pooling of the picture": lambda whole: nn.Sequential(
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear((SIDE // 2) ** 2, CLASSES)
    ).eval(),
    "a division by the brightest": lambda whole: planted.of_whole(
        whole, first=lambda x: x / x.amax((1, 2, 3), keepdim=True)
    ),
    "a power": lambda whole: planted.of_whole(whole, first=lambda x: x**1.5),
}


@pytest.mark.parametrize("case", BESIDE_THE_EDGE)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_sound_network_is_passed_on_pictures_with_a_black_background(
    whole, look, case, precision
):
    found = look(BESIDE_THE_EDGE[case](whole), precision, on_black())
    assert found.check.agrees and found.check.near, found


def test_a_cut_network_is_no_matter_of_the_edge_alone(whole, look):
    found = look(planted.of_whole(whole, middle=lambda x: x.detach()), data=on_black())
    assert found.is_wrong and found.check.edges == ()
    both = planted.of_whole(whole, first=torch.relu, middle=lambda x: x.detach())
    assert look(both, data=on_black()).check.edges == ()


def test_dynamic_int8_is_found_in_its_layer_and_weights_alone_pass(whole, look):
    cut = planted.with_layer(copy.deepcopy(whole), planted.DynamicInt8)
    found = look(cut)
    assert found.is_wrong and found.module == "a (DynamicInt8)"
    light = planted.with_layer(copy.deepcopy(whole), planted.WeightOnlyInt8)
    assert look(light).check.agrees


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_torch_ao_int8_cannot_be_cast_and_is_found_all_the_same(whole, look):
    engine = torch.backends.quantized.engine
    torch.backends.quantized.engine = next(
        name
        for name in ("x86", "fbgemm", "onednn", "qnnpack")
        if name in torch.backends.quantized.supported_engines
    )
    try:
        cut = copy.deepcopy(whole)
        cut.a = torch.ao.quantization.quantize_dynamic(nn.Sequential(whole.a), {nn.Linear})[0]
        found = look(cut)
    finally:
        torch.backends.quantized.engine = engine
    assert found.is_wrong and found.module == "a (Linear)" and not found.check.near
    assert "float64" in found.said


@pytest.mark.parametrize("error", [AssertionError, ValueError, KeyError])
def test_whatever_is_raised_in_float64_is_said_and_no_failure(whole, look, error):
    """As torchao's layers of int8 activations do: they assert that their input is of another type."""

    def refuses(x):
        if x.dtype == torch.float64:
            raise error("an unsupported type")
        return (127 * x.detach()).round() / 127

    found = look(planted.of_whole(whole, middle=refuses))
    assert found.is_wrong and not found.check.near
    assert f"cannot be cast to float64: {error.__name__}" in found.said


def in_the_box(x):
    """As a model's own check of its pixels does, with a root of them: neither takes what lies outside."""
    if x.amin() < 0 or x.amax() > 1:
        raise ValueError("pixels must be from 0 to 1")
    return x.sqrt()


def test_a_model_is_asked_within_the_box_alone(whole, look):
    assert look(planted.of_whole(whole, first=in_the_box), data=on_black()).check.agrees
    steps = planted.of_whole(whole, first=lambda x: (31 * in_the_box(x)).round() / 31)
    found = look(steps, data=on_black())
    assert found.is_wrong and found.check.steps and found.module == "the model (TwoPaths)"


def test_steps_are_found_where_the_largest_ball_reaches_them(whole, look):
    """Of black and white pixels four levels are the same up to an eighth away."""
    data = image_examples(60)
    data = dataclasses.replace(data, inputs=data.inputs.round())
    coarse = planted.of_whole(whole, first=lambda x: (4 * x).round() / 4)
    assert look(coarse, data=data, norm="linf", epsilons=["1/16"]).check.agrees
    found = look(coarse, data=data, norm="linf", epsilons=["1/16", "0.25"])
    assert found.is_wrong and found.check.steps
    assert look(whole, data=data, norm="linf", epsilons=["0.3"]).check.agrees


def test_whatever_a_backward_raises_is_said_and_no_failure(whole, look):
    def refuses(gradient, inputs):
        raise TypeError("no backward of it")

    found = look(planted.of_whole(whole, middle=planted.backwards(refuses)))
    assert found.check is None and not found.is_wrong
    assert "could not be looked at: TypeError: no backward of it" in found.said


def test_rows_of_attention_that_are_masked_by_a_finite_number(look):
    wrong = planted.trained(planted.Masked(-1e9))
    right = planted.trained(planted.Masked(-torch.inf))
    assert look(right).check.agrees
    data = image_examples()
    leaf = data.inputs[:8].clone().requires_grad_()
    fast = torch.autograd.grad(wrong(leaf)[:, 0].sum(), leaf)[0]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        slow = torch.autograd.grad(wrong(leaf)[:, 0].sum(), leaf)[0]
    is_wrong = not torch.allclose(
        fast, slow, rtol=1e-2, atol=1e-6
    )  # as the kernel is, in this torch
    assert look(wrong).is_wrong == is_wrong


def test_a_routed_model_has_the_gradient_of_the_way_that_it_took(whole, look):
    found = look(planted.Routed(whole, planted.trained(planted.TwoPaths(), seed=1)).eval())
    assert found.check.agrees


def test_what_was_kept_of_the_weights_is_no_fault(look):
    assert look(planted.trained(planted.Cached())).check.agrees


def test_a_part_under_inference_mode_is_found(whole, look):
    found = look(planted.KeepsItsInput(copy.deepcopy(whole)).eval())
    assert found.is_wrong and found.module.startswith("the model (")


def test_half_precision_raises_no_alarm(whole, look):
    assert look(whole, "bf16").check.agrees
    cut = planted.with_layer(copy.deepcopy(whole), planted.DynamicInt8)
    assert look(cut, "bf16").is_wrong


def test_dropout_left_on_is_given_the_same_numbers(whole, look):
    dropped = nn.Sequential(nn.Dropout(0.3), copy.deepcopy(whole)).eval()
    dropped[0].train()
    found = look(dropped)
    assert found.check.agrees and "random numbers" in found.said
    cut = nn.Sequential(
        nn.Dropout(0.3), planted.of_whole(whole, middle=lambda x: x.detach())
    ).eval()
    cut[0].train()
    assert look(cut).is_wrong


def test_randomness_that_cannot_be_held_is_said(whole, look):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.generator = torch.Generator()

        def forward(self, images):
            return whole(images + 0.1 * torch.rand(images.shape, generator=self.generator))

    found = look(Own())
    assert found.check is None and "whatever the generators' state" in found.said


def test_a_batch_norm_in_training_mode_raises_no_alarm(look):
    model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 16), nn.BatchNorm1d(16), nn.ReLU())
    model = planted.trained(model.append(nn.Linear(16, CLASSES)))
    model[2].train()
    assert look(model).check.agrees


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_look_costs_less_than_a_hundredth_of_pgd_s_passes(whole, look, precision):
    """PGD of 20 steps on 360 examples, as in the suite "quick". Forward passes of one example; backward is two."""
    passes = []

    def note(module, given, output):
        if type(module) is type(whole):  # or a copy of it, as in float64
            passes.append(len(output))
            if output.requires_grad:
                output.register_hook(lambda gradient: passes.append(2 * len(gradient)))

    handle = torch.nn.modules.module.register_module_forward_hook(note)
    try:
        assert look(whole, precision).check.agrees
    finally:
        handle.remove()
    assert 120 < sum(passes) <= 0.01 * 3 * 20 * 360


@pytest.mark.slow
def test_a_compiled_model_is_looked_at(whole, look):
    assert look(whole, compile=True).check.agrees


def test_the_finding_names_the_module_and_what_follows(whole, tmp_path):
    cut = planted.with_layer(copy.deepcopy(whole), planted.DynamicInt8)
    finding = only(audited(cut, tmp_path)[0], "wrong-gradients")
    assert f"the loss rises {finding.numbers['rise']:.2f} times what" in finding.sentence
    assert "The fault is in a (DynamicInt8)." in finding.sentence
    assert "upper bounds" in finding.sentence


def test_the_finding_of_a_kink_at_the_edge_says_what_it_does_to_attacks(whole, tmp_path):
    kinked = nn.Sequential(nn.ReLU(), copy.deepcopy(whole)).eval()
    finding = only(audited(kinked, tmp_path, data=on_black(120))[0], "wrong-gradients")
    assert "at the lower end of the box" in finding.sentence
    assert "The fault is in 0 (ReLU)." in finding.sentence
    assert "one that starts at the example moves none" in finding.sentence
    halved = planted.of_whole(whole, first=lambda x: torch.maximum(x, torch.zeros(())))
    finding = only(audited(halved, tmp_path, data=on_black(120))[0], "wrong-gradients")
    assert "changes the loss 2.00 times what autograd says" in finding.sentence
    assert "moves none" not in finding.sentence

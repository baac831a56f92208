"""A model in other pipelines: what each does to its answers, and planted mistakes that are named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_examples, image_task, make_context, measure, named, one
from torch import nn

from harness.api import NotApplicable
from harness.catalogue.finding import read_findings
from harness.data.first_layers import Normalise
from harness_deployment.pipelines import build, reference

COLOURS = 3


class Tint(nn.Module):
    """The class of an image is its strongest colour; `order` is how the network reads channels."""

    def __init__(self, order: tuple[int, ...] = (0, 1, 2)) -> None:
        super().__init__()
        self.order = order
        self.scale = Normalise((0.5,) * 3, (0.2,) * 3, behind=2)
        self.last = nn.Linear(COLOURS, COLOURS)
        nn.init.eye_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.last(self.scale(inputs)[:, list(self.order)].mean((2, 3)))


def tinted(n: int = 90) -> InMemory:
    generator = torch.Generator().manual_seed(4)
    targets = torch.arange(n) % COLOURS
    inputs = 0.3 * torch.rand((n, COLOURS, 8, 8), generator=generator)
    inputs[torch.arange(n), targets] += 0.4
    return InMemory(inputs, targets, torch.arange(n).flip(0))


def context_of(model, folder, **options):
    task = replace(
        image_task(), input_shape=(COLOURS, 8, 8), outputs=COLOURS, mean=(0.5,) * 3, std=(0.2,) * 3
    )
    data = tinted()
    context = make_context("deployment", model, data, task, folder, seconds=0.001, **options)
    return replace(context, split=lambda name: data)


def test_swapped_channels_turn_red_into_blue(tmp_path):
    found = measure(context_of(Tint(), tmp_path, pipelines=("swapped-channels",)), "deployment")
    assert one(found, "deployed_accuracy").value == pytest.approx(1 / 3)  # green is still green
    assert one(found, "prediction_flips").value == pytest.approx(2 / 3)
    change = one(found, "accuracy_change")
    assert change.value == pytest.approx(-200 / 3) and change.low < change.value < change.high < 0
    assert change.where == {"pipeline": "swapped-channels"}
    assert not named(found, "worst_deployed_accuracy")  # a mistake is no deployment
    assert not named(found, "speed_ratio")
    kept = np.load(tmp_path / "examples.npz")
    assert kept["flip_swapped_channels"].mean() == pytest.approx(2 / 3)
    assert kept["ids"].tolist() == list(range(90))
    assert read_findings(tmp_path) == ()  # that a mistake hurts is no news


def test_a_model_that_was_trained_with_swapped_channels_is_named(tmp_path):
    found = measure(
        context_of(Tint(order=(2, 1, 0)), tmp_path, pipelines=("swapped-channels",)), "deployment"
    )
    (finding,) = read_findings(tmp_path) or ()
    assert finding.code == "reference-mistaken" and "swapped-channels" in finding.sentence
    assert {metric.where["flag"] for metric in found} == {finding.flag}


def test_a_network_that_never_needed_its_units_is_named(tmp_path):
    """Its first layer scales inputs which its weights expect as they are."""

    class Unscaled(Tint):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            values = self.scale(inputs)
            dim = (values.mean((1, 2, 3)) < -1)[:, None]  # raw values are never so small
            return torch.where(dim, -1.0, 1.0) * self.last(values.mean((2, 3)))

    measure(context_of(Unscaled(), tmp_path, pipelines=("unscaled",)), "deployment")
    (finding,) = read_findings(tmp_path) or ()
    assert finding.code == "reference-mistaken" and finding.numbers["unscaled"] > 0.5


def test_rounding_to_eight_bits_changes_nothing_much(tmp_path):
    found = measure(context_of(Tint(), tmp_path, pipelines=("rounded", "jpeg")), "deployment")
    assert one(found, "prediction_flips", pipeline="rounded").value == 0.0
    assert 0 < one(found, "largest_logit_change", pipeline="rounded").value < 0.5 / 255 / 0.2 + 1e-6
    assert one(found, "worst_deployed_accuracy").value == 1.0


class Threshold(nn.Module):
    """It answers rightly only where the first pixel is bright enough."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        bright = (inputs[:, :, 0, 0] * 255 > 99.5).any(1, keepdim=True)
        return torch.where(bright, 1.0, -1.0) * inputs.mean((2, 3))


def test_a_pipeline_that_surely_hurts_is_named(tmp_path):
    data = tinted()
    data.inputs[:, :, 0, 0] = 99.6 / 255  # rounded 100, floored 99
    context = context_of(Threshold(), tmp_path, pipelines=("rounded", "floored"))
    found = measure(replace(context, split=lambda name: data), "deployment")
    assert one(found, "accuracy_change", pipeline="rounded").value == 0.0
    assert one(found, "accuracy_change", pipeline="floored").value < -90
    assert one(found, "worst_deployed_accuracy").value < 0.1
    (finding,) = read_findings(tmp_path) or ()
    assert finding.code == "deployment-drift" and "floored" in finding.sentence


def test_int8_answers_are_near_and_are_of_quantised_layers(tmp_path):
    context = context_of(Tint(), tmp_path)
    inputs = tinted().inputs
    with torch.inference_mode():
        plain = reference(context).call(inputs)
        for name in ("int8-dynamic", "int8-static"):
            changed = build(name, context, context.options).call(inputs)
            apart = (changed - plain).abs().max() / plain.abs().max()
            assert 0 < apart < 0.02


def test_each_execution_has_its_speed(tmp_path):
    found = measure(context_of(Tint(), tmp_path, pipelines=("bf16", "int8-dynamic")), "deployment")
    for name in ("bf16", "int8-dynamic"):
        speed = one(found, "speed_ratio", pipeline=name)
        assert speed.n >= 6 and 0 < speed.low <= speed.value <= speed.high


def test_what_cannot_be_had_is_left_out_with_its_reason(images, tmp_path):
    context = images("deployment", pipelines=("swapped-channels", "unscaled", "rounded"))
    with pytest.warns(UserWarning) as told:
        found = measure(context, "deployment")
    assert {metric.where.get("pipeline") for metric in found} == {"rounded", None}
    words = [str(one.message) for one in told]
    assert words[0].endswith("swapped-channels: only images in three colours have channels to swap")
    assert words[1].endswith("unscaled: no layer before the network scales its inputs")
    with pytest.raises(NotApplicable, match="scales its inputs"):
        measure(images("deployment", pipelines=("unscaled",)), "deployment")


def test_one_thread_is_no_other_pipeline_than_one_thread(images):
    with pytest.raises(NotApplicable, match="one thread already"):
        measure(images("deployment", pipelines=("threads",)), "deployment")


@pytest.mark.slow
def test_compiled_and_exported_models_answer_alike(images):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    context = images(
        "deployment", pipelines=("compile", "onnxruntime"), batch_size=50, seconds=0.01
    )
    found = measure(context, "deployment")
    for name in ("compile", "onnxruntime"):
        assert one(found, "prediction_flips", pipeline=name).value == 0.0
        assert one(found, "largest_logit_change", pipeline=name).value < 1e-4
        assert one(found, "deployed_accuracy", pipeline=name).n == len(image_examples())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precisions_answer_nearly_the_same_on_a_cpu(tmp_path, precision):
    context = context_of(Tint(), tmp_path)
    inputs = tinted().inputs
    with torch.inference_mode():
        plain = reference(context).call(inputs)
        half = build(precision, context, context.options).call(inputs)
    assert half.dtype == (torch.float16 if precision == "fp16" else torch.bfloat16)
    apart = float((half.float() - plain).abs().max())
    assert 0 < apart < (2e-3 if precision == "fp16" else 3e-2)

"""What the measures `memory` and `flops` say of training, by part and by type of module."""

import pytest
import torch
from measure_cases import CLASSES, SIDE, named, one
from torch import nn

PARAMETERS = 4 * 9 + 4 + 8 + 4 * SIDE * SIDE * CLASSES + CLASSES  # of the classifier


def test_parts_of_training(measure_images):
    found = measure_images("memory", batch_sizes=(2, 64))
    assert one(found, "gradient_memory").value == 4 * PARAMETERS
    assert one(found, "optimizer_memory").value == 2 * 4 * PARAMETERS + 4 * 6
    for batch_size in (2, 64):
        where = {"batch_size": batch_size, "threads": 1}
        parts = {m.where["part"]: m.value for m in named(found, "training_memory", **where)}
        total = parts.pop("total")
        assert sum(parts.values()) == total
        assert parts["parameters"] == one(found, "parameter_memory").value == 4 * PARAMETERS
        assert parts["buffers"] == one(found, "buffer_memory").value
        assert parts["optimizer_state"] == one(found, "optimizer_memory").value
        assert 0 < parts["gradients"] <= 4 * PARAMETERS
        assert parts["inputs"] == batch_size * SIDE * SIDE * 4
        held = sum(parts[part] for part in ("parameters", "buffers", "optimizer_state", "inputs"))
        tensors = one(found, "training_tensor_peak_memory", **where)
        assert tensors.exact and tensors.value == total - held
        assert tensors.value > one(found, "tensor_peak_memory", **where).value
        assert one(found, "training_peak_memory", **where).value >= 0


@pytest.mark.slow
def test_the_largest_batch_is_predicted_for_a_stated_memory(measure_images):
    small = measure_images("memory", batch_sizes=(2,), fits="1MiB")
    large = measure_images("memory", batch_sizes=(2,), fits="1GiB")
    for mode in ("inference", "training"):
        few, many = (one(found, "largest_batch", mode=mode) for found in (small, large))
        assert few.where["memory"] == "1MiB" and few.where["bytes"] == 2**20
        assert 0 < 1000 * few.value < many.value < 1300 * few.value
    assert one(small, "largest_batch", mode="inference").value > 1.5 * (
        one(small, "largest_batch", mode="training").value
    )
    assert (
        one(measure_images("memory"), "largest_batch", mode="training").where["memory"] == "device"
    )


def test_training_is_left_out_where_it_is_not_asked_for_or_not_possible(measure_images):
    figures = {"parameter_memory", "buffer_memory", "peak_memory", "tensor_peak_memory"}
    found = measure_images("memory", batch_sizes=(4,), training=False)
    assert {metric.name for metric in found} == figures | {"largest_batch"}
    bare = nn.Sequential(nn.Flatten())
    found = measure_images("memory", model=bare, batch_sizes=(4,))
    assert {metric.name for metric in found} == figures | {"largest_batch"}


def test_a_step_of_training_that_fails_keeps_the_figures_of_inference(measure_images):
    class Infers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(SIDE * SIDE, CLASSES)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if self.training:
                raise ValueError("only for inference")
            return self.inner(inputs.flatten(1))

    with pytest.warns(UserWarning, match="left out") as warned:
        found = measure_images("memory", model=Infers().eval(), batch_sizes=(4,))
    assert any("with 4 examples failed: ValueError: only for inf" in str(w.message) for w in warned)
    assert one(found, "peak_memory").value >= 0
    assert one(found, "largest_batch").where["mode"] == "inference"


def test_training_that_does_not_fit_is_said_apart(measure_images):
    class Training(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(SIDE * SIDE, CLASSES)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if self.training and len(inputs) > 2:
                torch.empty(2**50, dtype=torch.uint8)
            return self.inner(inputs.flatten(1))

    found = measure_images("memory", model=Training().eval(), batch_sizes=(4,))
    assert one(found, "out_of_memory").where == {"batch_size": 4, "threads": 1, "mode": "training"}
    assert one(found, "peak_memory").value >= 0


def test_a_memory_that_is_no_size_is_refused(images):
    with pytest.raises(ValueError, match="2GiB"):
        images("memory", fits="a lot")


def test_flops_by_type_of_module(measure_images):
    found = measure_images("flops")
    convolution, linear = 2 * 4 * 9 * SIDE * SIDE, 2 * 4 * SIDE * SIDE * CLASSES
    forward = {m.where["module_type"]: m.value for m in named(found, "module_flops")}
    assert forward == {"Conv2d": convolution, "Linear": linear}
    backward = {m.where["module_type"]: m.value for m in named(found, "module_backward_flops")}
    assert backward == {"Conv2d": convolution, "Linear": 2 * linear}  # the inputs need no gradient
    assert one(found, "backward_flops").value == convolution + 2 * linear
    parameters = {m.where["module_type"]: m.value for m in named(found, "module_parameters")}
    assert parameters == {
        "Conv2d": 4 * 9 + 4,
        "BatchNorm2d": 8,
        "Linear": 4 * SIDE * SIDE * CLASSES + CLASSES,
    }
    assert not named(measure_images("flops", backward=False), "backward_flops")


def test_a_backward_pass_that_cannot_be_counted_keeps_the_forward_pass(measure_images):
    class OneWay(torch.autograd.Function):
        @staticmethod
        def forward(ctx, inputs):
            return inputs.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise RuntimeError("there is no way back")

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(SIDE * SIDE, CLASSES)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return OneWay.apply(self.inner(inputs.flatten(1)))

    with pytest.warns(UserWarning, match="backward_flops is left out: there is no way back"):
        found = measure_images("flops", model=Model().eval())
    assert one(found, "flops").value == 2 * SIDE * SIDE * CLASSES

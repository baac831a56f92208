"""Models that `copy.deepcopy` refuses, or copies wrongly, are copied all the same."""

import threading
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.errors import NotApplicable
from harness.measure.flops import count_flops
from harness.measure.model_copy import copy_model, copy_with_random_weights
from harness.measure.tensor_memory import inference_peak, training_peak
from harness.measure.traffic import count_traffic

TASK = Task(modality="table", problem="classification", input_shape=(4,), outputs=3, low=0, high=1)
WEIGHTS = 4 * 4 + 4 * 3  # multiply-adds of the two layers of each net


def two_layers(second: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), second)


def old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return two_layers(nn.utils.weight_norm(nn.Linear(4, 3)))


def old_spectral_norm() -> nn.Module:
    return two_layers(nn.utils.spectral_norm(nn.Linear(4, 3)))


def pruned() -> nn.Module:
    return two_layers(prune.l1_unstructured(nn.Linear(4, 3), "weight", 2))


def parametrized() -> nn.Module:
    return two_layers(parametrizations.weight_norm(nn.Linear(4, 3)))


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return two_layers(torch.jit.script(nn.Linear(4, 3)))


def traced() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return two_layers(torch.jit.trace(nn.Linear(4, 3), torch.zeros(1, 4)))


class Locked(nn.Module):
    """Holds what cannot be copied: a lock and a generator of Python's."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = two_layers(nn.Linear(4, 3))
        self.lock, self.stream = threading.Lock(), (i for i in range(3))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        with self.lock:
            outputs: torch.Tensor = self.layers(inputs)
        return outputs


class Closed(nn.Module):
    """Calls its layers by a closure, which a deep copy leaves with the original's."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = two_layers(nn.Linear(4, 3))
        self.apply_layers = lambda inputs: self.layers(inputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.apply_layers(inputs)
        return outputs


class Fixed(nn.Module):
    """A random projection that is no buffer: another one with every other random number."""

    def __init__(self) -> None:
        super().__init__()
        self.projection, self.layer = torch.randn(4, 4), nn.Linear(4, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layer(inputs @ self.projection)
        return outputs


class Remembering(nn.Module):
    """Has a state beside its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.steps = two_layers(nn.Linear(4, 3)), 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.layers(inputs)
        return outputs

    def get_extra_state(self) -> dict[str, int]:
        return {"steps": self.steps}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.steps = state["steps"]


BUILDERS: list[Callable[[], nn.Module]] = [
    old_weight_norm, old_spectral_norm, pruned, parametrized, scripted, traced, Locked, Closed, Fixed,
    Remembering,
]  # fmt: skip


@pytest.fixture(params=BUILDERS, ids=lambda build: build.__name__)
def model(request: pytest.FixtureRequest) -> DataSpaceModel:
    item = Architecture(name="net", build=request.param, takes=("table",), source="a test")
    built = build_model(Chosen(item, "net"), TASK).eval()
    built(torch.rand(2, 4))
    with torch.no_grad():
        for parameter in built.parameters():  # as training would: not what building gives
            parameter.add_(0.1)
    return built


def test_a_copy_gives_the_same_and_is_apart(model: DataSpaceModel) -> None:
    inputs = torch.rand(5, 4)
    expected, generator = model(inputs), torch.get_rng_state()
    copied = copy_model(model)
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(copied(inputs), expected)
    copied.train()
    optimizer = torch.optim.SGD(copied.parameters(), lr=1.0)
    copied(inputs).square().sum().backward()
    assert all(parameter.grad is not None for parameter in copied.parameters())
    optimizer.step()
    assert not model.training and torch.equal(model(inputs), expected)
    assert not torch.equal(copied.eval()(inputs), expected)


def test_it_is_counted_and_weighed_and_left_as_it_is(model: DataSpaceModel) -> None:
    inputs = torch.rand(5, 4)
    expected = model(inputs)
    flops, backward = count_flops(model, (4,)), count_flops(model, (4,), backward=True)
    assert flops.notes == backward.notes == ()
    # Spectral norm is u W v: a product of the second layer's matrix and a vector, and a dot of the result.
    norms = any(name.endswith("weight_u") for name, _ in model.named_buffers())
    assert flops.multiply_adds == WEIGHTS + (3 * 4 + 3 if norms else 0)
    # The gradient of each weight, and that of the inputs of the second of two layers; of u W v it is an outer product.
    outer = 3 * 4 if norms else 0
    assert backward.multiply_adds == (12 if isinstance(model.net, Fixed) else WEIGHTS + 12 + outer)
    assert torch.equal(model(inputs), expected)


def test_its_tensors_and_its_traffic_are_followed_on_shapes(model: DataSpaceModel) -> None:
    inputs = torch.rand(5, 4)
    sizes = sum(parameter.numel() for parameter in model.parameters())
    assert inference_peak(model, inputs).held["parameters"] == 4 * sizes
    training_peak(model, inputs)
    assert count_traffic(model, [inputs], lambda net, batch: lambda: net(batch)) > 4 * WEIGHTS


def test_a_model_that_was_changed_after_it_was_built_is_copied_as_it_is() -> None:
    model = build_model(
        Chosen(Architecture(name="net", build=pruned, takes=("table",), source="a test"), "net"),
        TASK,
    )
    prune.remove(model.net[1], "weight")
    copied = copy_model(model)
    assert copied.state_dict().keys() == model.state_dict().keys()
    assert torch.equal(copied.net[1].weight, model.net[1].weight)


def test_tied_tensors_frozen_ones_and_modes_stay_so() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    second.bias.requires_grad_(False)
    model = nn.Sequential(first, second, nn.BatchNorm1d(4).eval())
    copied = copy_model(model)
    assert copied[0].weight is copied[1].weight is not first.weight
    assert not copied[1].bias.requires_grad and copied[0].bias.requires_grad
    assert copied.training and not copied[2].training


def test_what_can_be_copied_in_no_way_is_refused_in_words() -> None:
    with pytest.raises(NotApplicable, match="Locked cannot be copied: TypeError: cannot pickle"):
        copy_model(Locked())


@pytest.mark.parametrize("known", [True, False], ids=["built anew", "copied deeply"])
def test_a_lack_of_memory_is_told_as_such(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    """A model of billions of weights was said to be one that cannot be copied, and its measure skipped."""

    def lack(*_: object) -> object:
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )

    model = built() if known else nn.Linear(2, 2)
    monkeypatch.setattr(model, "build_anew" if known else "__deepcopy__", lack, raising=False)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        copy_model(model)


def built(bias: bool = True) -> DataSpaceModel:
    item = Architecture(
        name="net",
        build=lambda: nn.Sequential(
            nn.Linear(4, 50, bias=bias), nn.BatchNorm1d(50), nn.Linear(50, 3)
        ),
        takes=("table",),
    )
    return build_model(Chosen(item, "net"), TASK)


def test_random_weights_are_those_of_the_initialisation_in_another_order() -> None:
    model = built()
    initial = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 5
        model(torch.randn(20, 4))  # running statistics
    learnt = {name: value.clone() for name, value in model.state_dict().items()}
    random = copy_with_random_weights(model, 1)
    for name, value in random.state_dict().items():
        assert torch.equal(value.flatten().sort().values, initial[name].flatten().sort().values)
        assert torch.equal(model.state_dict()[name], learnt[name])
    weight = next(name for name in initial if initial[name].shape == (50, 4))
    shuffled = random.state_dict()[weight]
    assert (
        abs(
            float(
                torch.corrcoef(torch.stack([shuffled.flatten(), initial[weight].flatten()]))[0, 1]
            )
        )
        < 0.3
    )
    assert torch.equal(shuffled, copy_with_random_weights(model, 1).state_dict()[weight])
    assert not torch.equal(shuffled, copy_with_random_weights(model, 2).state_dict()[weight])


def test_a_model_of_which_nothing_is_known_has_its_own_weights_in_another_order() -> None:
    model = nn.Linear(9, 9)
    random = copy_with_random_weights(model, 1)
    assert not torch.equal(random.weight, model.weight)
    assert torch.equal(random.weight.flatten().sort().values, model.weight.flatten().sort().values)

"""Weights on disk: round trips, what is refused, and where fine-tuning starts from."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.catalogue.kinds import Architecture, Chosen
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.errors import CheckpointError
from harness.train.checkpoint import find_head, freeze_trunk, load, read, save, start_from


class Net(nn.Module):
    def __init__(self, num_classes: int, width: int = 8) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Linear(width, num_classes)

    def forward(self, inputs):
        return self.head(self.trunk(inputs).mean((2, 3)))


def task(outputs: int = 3, **changes) -> Task:
    fields = {
        "modality": "image",
        "problem": "classification",
        "input_shape": (1, 5, 5),
        "outputs": outputs,
        "low": 0.0,
        "high": 1.0,
    }
    return Task(**{**fields, **changes})


def make(outputs: int = 3, width: int = 8, seed: int = 0, **changes) -> DataSpaceModel:
    item = Architecture(name="net", build=lambda num_classes: Net(num_classes, width))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(Chosen(item=item, label="net"), task(outputs, **changes))


def same(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_round_trip(tmp_path):
    model, other = make(seed=1, mean=(0.3,)), make(seed=2)
    model.net.trunk[1].running_mean += 5
    save(model, tmp_path)
    load(other, tmp_path)
    assert same(model, other)


def test_shared_and_strided_weights_are_written(tmp_path):
    model = nn.Module()
    model.first = nn.Linear(3, 3)
    model.second = nn.Linear(3, 3)
    model.second.weight = model.first.weight
    model.register_buffer("turned", torch.arange(6.0).reshape(2, 3).t())
    save(model, tmp_path)
    assert torch.equal(read(tmp_path / "model.safetensors")["turned"], model.turned)


def test_another_model_is_refused_in_words(tmp_path):
    save(make(width=8), tmp_path)
    with pytest.raises(
        CheckpointError, match=r"does not fit the model: .*shape \(8, 1, 3, 3\), wanted"
    ):
        load(make(width=4), tmp_path)


# -- files of a person


def write_torch(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


WRAPPINGS = {
    "bare": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state},
    "nested": lambda state: {"model": {"state_dict": state}, "step": 4},
    "parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "half": lambda state: {
        k: v.bfloat16().to(v.dtype) if v.is_floating_point() else v for k, v in state.items()
    },
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_weights_of_the_bare_network_in_many_wrappings(tmp_path, wrapping, suffix):
    source, model = make(seed=1).net, make(seed=2)
    state = WRAPPINGS[wrapping](source.state_dict())
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        if wrapping in ("state_dict", "model", "nested"):
            pytest.skip("safetensors cannot nest")
        save_file(state, path)
    else:
        write_torch(path, state)
    notes = start_from(model, path, 3, may_replace_head=False)
    assert notes == [f"weights of {path.name}"]
    if wrapping != "half":
        assert same(model.net, source)


class Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("way", ["torch", "pickle"])
def test_a_file_with_code_is_refused_and_the_code_does_not_run(tmp_path, way):
    marker, path = tmp_path / "ran", tmp_path / "weights.pt"
    if way == "torch":
        write_torch(path, {"weight": torch.zeros(2), "extra": Malicious(marker)})
    else:
        path.write_bytes(pickle.dumps(Malicious(marker)))
    with pytest.raises(CheckpointError, match="weights.pt is refused: it holds ") as caught:
        read(path)
    assert not marker.exists()
    assert "weights_only" not in str(caught.value)  # no advice to load it all the same
    pickle.loads(pickle.dumps(Malicious(marker)))
    assert marker.exists()  # it would have


def test_a_whole_pickled_model_is_refused(tmp_path):
    path = write_torch(tmp_path / "model.pt", make().net)
    with pytest.raises(CheckpointError, match="save a dictionary of tensors, such as"):
        read(path)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("kept", [0, 40, 300])
def test_a_truncated_file_is_said_in_words(tmp_path, suffix, kept):
    path = tmp_path / f"weights{suffix}"
    state = make().net.state_dict()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        CheckpointError, match=f"weights{suffix} (cannot be read as weights|is refused)"
    ):
        read(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        read(tmp_path / "none.safetensors")


@pytest.mark.parametrize("value", [[1, 2], {"a": 3}, torch.zeros(3)])
def test_something_else_than_tensors_by_name(tmp_path, value):
    with pytest.raises(CheckpointError, match="holds no dictionary of tensors"):
        read(write_torch(tmp_path / "weights.pt", value))


# -- where fine-tuning starts


def test_another_trunk_is_refused_in_words(tmp_path):
    path = write_torch(tmp_path / "weights.pt", make(width=4).net.state_dict())
    for may in (True, False):
        with pytest.raises(
            CheckpointError, match=r"does not fit the model: trunk.0.weight has the s"
        ):
            start_from(make(width=8), path, 3, may_replace_head=may)


def test_another_head_is_replaced_where_it_will_be_trained(tmp_path):
    source, model = make(outputs=10, seed=1), make(outputs=3, seed=2)
    fresh = {k: v.clone() for k, v in model.net.head.state_dict().items()}
    path = write_torch(tmp_path / "weights.pt", source.net.state_dict())
    notes = start_from(model, path, 3, may_replace_head=True)
    assert notes == ["weights of weights.pt", "new head head"]
    assert same(model.net.trunk, source.net.trunk)
    assert all(torch.equal(v, fresh[k]) for k, v in model.net.head.state_dict().items())
    with pytest.raises(CheckpointError, match="another head .* with epochs = 0 it would be random"):
        start_from(make(outputs=3), path, 3, may_replace_head=False)


def test_weights_without_a_head_start_a_new_one(tmp_path):
    source, model = make(seed=1), make(seed=2)
    state = {k: v for k, v in source.net.state_dict().items() if not k.startswith("head.")}
    path = write_torch(tmp_path / "weights.pt", state)
    assert start_from(model, path, 3, may_replace_head=True)[1] == "new head head"
    assert same(model.net.trunk, source.net.trunk)


def test_a_checkpoint_of_ours_brings_its_normalisation(tmp_path):
    source, model = make(outputs=10, seed=1, mean=(0.7,), std=(0.2,)), make(outputs=3, seed=2)
    save(source, tmp_path)
    notes = start_from(model, tmp_path / "model.safetensors", 3, may_replace_head=True)
    assert notes == ["weights of model.safetensors", "normalisation of the file", "new head head"]
    assert same(model.net.trunk, source.net.trunk) and same(model.first, source.first)


def test_a_checkpoint_of_ours_brings_the_scale_of_its_targets(tmp_path):
    regression = {"problem": "regression", "outputs": 1}
    source = make(seed=1, **regression, target_mean=100.0, target_std=7.0)
    model = make(seed=2, **regression, target_mean=0.0, target_std=1.0)
    save(source, tmp_path)
    start_from(model, tmp_path / "model.safetensors", 1, may_replace_head=False)
    inputs = torch.rand(4, 1, 5, 5)
    assert torch.equal(model.eval()(inputs), source.eval()(inputs))


def test_a_network_may_call_its_own_parts_net(tmp_path):
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net(3)

        def forward(self, inputs):
            return self.net(inputs)

    item = Architecture(name="wrapped", build=Wrapped)
    first, second = (build_model(Chosen(item=item, label="wrapped"), task()) for _ in range(2))
    path = write_torch(tmp_path / "weights.pt", first.net.state_dict())
    start_from(second, path, 3, may_replace_head=False)
    assert same(first.net, second.net)
    third = build_model(Chosen(item=item, label="wrapped"), task())
    save(first, tmp_path)
    start_from(third, tmp_path / "model.safetensors", 3, may_replace_head=False)
    assert same(first, third)


# -- the head


def test_the_head_is_the_last_layer_of_so_many_outputs():
    assert find_head(Net(3), 3) == "head"
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    assert find_head(net, 4) == "2"
    assert find_head(nn.Sequential(nn.Conv2d(3, 5, 1), nn.Flatten()), 5) == "0"
    with pytest.raises(CheckpointError, match="no layer of Net gives 7 outputs"):
        find_head(Net(3), 7)


def test_freezing_leaves_the_head_alone():
    model = make()
    freeze_trunk(model, 3)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"net.head.weight", "net.head.bias"}
    bare = build_model(
        Chosen(
            item=Architecture(name="l", build=lambda: nn.Linear(25, 3), takes=("table",)), label="l"
        ),
        task(),
    )
    freeze_trunk(bare, 3)
    assert all(p.requires_grad for p in bare.parameters())

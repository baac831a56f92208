"""Weights on disk: round trips, what is refused, and where fine-tuning starts from."""

import pickle
from pathlib import Path

import pytest
import torch
from checkpoint_cases import Net, make, same, task, write_torch
from safetensors.torch import save_file
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import DataSpaceModel, build_model
from harness.errors import CheckpointError
from harness.train.checkpoint import load, require_all_published, save, start_from
from harness.train.weights_file import read


def test_a_round_trip(tmp_path):
    model, other = make(seed=1, mean=(0.3,)), make(seed=2)
    model.net.trunk[1].running_mean += 5
    save(model, tmp_path, task())
    load(other, tmp_path)
    assert same(model, other)


def test_shared_and_strided_weights_are_written(tmp_path):
    model = nn.Module()
    model.first = nn.Linear(3, 3)
    model.second = nn.Linear(3, 3)
    model.second.weight = model.first.weight
    model.register_buffer("turned", torch.arange(6.0).reshape(2, 3).t())
    save(model, tmp_path, task())
    assert torch.equal(read(tmp_path / "model.safetensors").state["turned"], model.turned)


def test_another_model_is_refused_in_words(tmp_path):
    save(make(width=8), tmp_path, task())
    with pytest.raises(
        CheckpointError, match=r"does not fit the model: .*shape \(8, 1, 3, 3\), wanted"
    ):
        load(make(width=4), tmp_path)


# -- files of a person


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
    notes = start_from(model, path, task(3), may_replace_head=False)
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
            start_from(make(width=8), path, task(3), may_replace_head=may)


def test_another_head_is_replaced_where_it_will_be_trained(tmp_path):
    source, model = make(outputs=10, seed=1), make(outputs=3, seed=2)
    fresh = {k: v.clone() for k, v in model.net.head.state_dict().items()}
    path = write_torch(tmp_path / "weights.pt", source.net.state_dict())
    notes = start_from(model, path, task(3), may_replace_head=True)
    assert notes == ["weights of weights.pt", "new head head"]
    assert same(model.net.trunk, source.net.trunk)
    assert all(torch.equal(v, fresh[k]) for k, v in model.net.head.state_dict().items())
    with pytest.raises(CheckpointError, match="another head .* with epochs = 0 it would be random"):
        start_from(make(outputs=3), path, task(3), may_replace_head=False)


def test_weights_without_a_head_start_a_new_one(tmp_path):
    source, model = make(seed=1), make(seed=2)
    state = {k: v for k, v in source.net.state_dict().items() if not k.startswith("head.")}
    path = write_torch(tmp_path / "weights.pt", state)
    assert start_from(model, path, task(3), may_replace_head=True)[1] == "new head head"
    assert same(model.net.trunk, source.net.trunk)


def test_a_checkpoint_of_ours_brings_its_normalisation(tmp_path):
    source, model = make(outputs=10, seed=1, mean=(0.7,), std=(0.2,)), make(outputs=3, seed=2)
    save(source, tmp_path, task())
    notes = start_from(model, tmp_path / "model.safetensors", task(), may_replace_head=True)
    assert notes == ["weights of model.safetensors", "normalisation of the file", "new head head"]
    assert same(model.net.trunk, source.net.trunk) and same(model.first, source.first)


def test_a_checkpoint_of_ours_brings_the_scale_of_its_targets(tmp_path):
    regression = {"problem": "regression", "outputs": 1}
    source = make(seed=1, **regression, target_mean=100.0, target_std=7.0)
    model = make(seed=2, **regression, target_mean=0.0, target_std=1.0)
    save(source, tmp_path, task())
    start_from(model, tmp_path / "model.safetensors", task(**regression), may_replace_head=False)
    inputs = torch.rand(4, 1, 5, 5)
    assert torch.equal(model.eval()(inputs), source.eval()(inputs))


def test_a_network_may_call_its_own_parts_net(tmp_path):
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net(3)

        def forward(self, inputs):
            return self.net(inputs)

    item = Architecture(name="wrapped", build=Wrapped, takes=("image",))
    first, second = (build_model(Chosen(item=item, label="wrapped"), task()) for _ in range(2))
    path = write_torch(tmp_path / "weights.pt", first.net.state_dict())
    start_from(second, path, task(3), may_replace_head=False)
    assert same(first.net, second.net)
    third = build_model(Chosen(item=item, label="wrapped"), task())
    save(first, tmp_path, task())
    start_from(third, tmp_path / "model.safetensors", task(), may_replace_head=False)
    assert same(first, third)


def test_published_weights_that_leave_a_head_to_chance_are_refused() -> None:
    """Of ten classes, say, where the data have three: with epochs = 0 nothing would train it."""
    model = make(seed=0)
    require_all_published("net", model, make(seed=0))
    again = make(seed=1)
    again.net.trunk.load_state_dict(model.net.trunk.state_dict())
    with pytest.raises(CheckpointError, match="published weights of net .*: head would be random"):
        require_all_published("net", model, again)


# -- whatever torch's strict loading takes


def test_batch_norm_of_old_files_has_no_count_of_batches(tmp_path):
    source, model = make(seed=1).net, make(seed=2)
    state = {k: v for k, v in source.state_dict().items() if not k.endswith("tracked")}
    for path in (write_torch(tmp_path / "w.pt", state), tmp_path / "w.safetensors"):
        if path.suffix == ".safetensors":
            save_file(state, path)
        assert start_from(model, path, task(), may_replace_head=False) == [
            f"weights of {path.name}"
        ]
        assert same(model.net, source)


class Inner(nn.Module):
    """Calls a part of itself as torch's DataParallel does, and knows more than its tensors."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.module, self.seen = Net(num_classes), {"batches": 0}

    def forward(self, inputs):
        return self.module(inputs)

    def get_extra_state(self):
        return self.seen

    def set_extra_state(self, state):
        self.seen = state


def make_inner(seed: int) -> DataSpaceModel:
    torch.manual_seed(seed)
    return build_model(
        Chosen(item=Architecture(name="inner", build=Inner, takes=("image",)), label="i"), task()
    )


def test_a_part_called_module_and_a_state_of_its_own(tmp_path):
    source, other, third = (make_inner(seed) for seed in range(3))
    source.net.seen = {"batches": 7}
    save(source, tmp_path, task())
    load(other, tmp_path)
    assert same_tensors(other, source) and other.net.seen == {"batches": 7}
    path = write_torch(tmp_path / "w.pt", source.net.state_dict())
    start_from(third, path, task(), may_replace_head=False)
    assert same_tensors(third.net, source.net) and third.net.seen == {"batches": 7}


def same_tensors(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)

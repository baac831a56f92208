"""Weights on disk: round trips, what is refused, and where fine-tuning starts from."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.data.text_code import TextCode
from harness.errors import CheckpointError
from harness.train.checkpoint import load, require_all_published, save, start_from
from harness.train.weight_names import find_unnamed, match_classes
from harness.train.weights_file import Weights, read


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
    item = Architecture(
        name="net", build=lambda num_classes: Net(num_classes, width), takes=("image",)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(Chosen(item=item, label="net"), task(outputs, **changes))


def same(first: nn.Module, second: nn.Module) -> bool:
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


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


# -- classes and features by their names


def test_outputs_follow_the_names_of_the_classes(tmp_path):
    """Of (cat, dog, owl) measured on (owl, cat): the owl's logit comes first."""
    source = make(outputs=3, seed=1).eval()
    save(source, tmp_path, task(3, class_names=("cat", "dog", "owl")))
    model = make(outputs=2, seed=2).eval()
    some = task(2, class_names=("owl", "cat"))
    notes = start_from(model, tmp_path / "model.safetensors", some, may_replace_head=False)
    assert notes[-1] == "outputs matched to the data's classes by name"
    inputs = torch.rand(4, 1, 5, 5)
    torch.testing.assert_close(model(inputs), source(inputs)[:, [2, 0]])


def test_classes_of_the_same_names_are_as_they_were(tmp_path):
    source, model, named = make(seed=1), make(seed=2), task(class_names=("a", "b", "c"))
    save(source, tmp_path, named)
    notes = start_from(model, tmp_path / "model.safetensors", named, may_replace_head=False)
    assert same(model, source) and "matched" not in " ".join(notes)
    notes = start_from(model, tmp_path / "model.safetensors", task(), may_replace_head=False)
    assert (
        same(model, source) and notes[-1] == "classes by their number: the data does not name them"
    )
    path = write_torch(tmp_path / "bare.pt", source.net.state_dict())
    notes = start_from(model, path, named, may_replace_head=False)
    assert notes[-1] == "classes by their number: the file does not name them"
    (one,) = find_unnamed(path, named, notes)
    assert one.sentence.endswith("the file does not name them. The data has 'a', 'b', 'c'.")


def test_other_classes_get_a_new_head_or_are_refused(tmp_path):
    source, model = make(outputs=2, seed=1), make(outputs=2, seed=2)
    save(source, tmp_path, task(2, class_names=("cat", "dog")))
    path, others = tmp_path / "model.safetensors", task(2, class_names=("big_dog", "small_cat"))
    wanted = r"another head \('big_dog' is none of its classes, 'cat', 'dog'\); with epochs = 0"
    with pytest.raises(CheckpointError, match=wanted):
        start_from(make(outputs=2), path, others, may_replace_head=False)
    fresh = {k: v.clone() for k, v in model.net.head.state_dict().items()}
    notes = start_from(model, path, others, may_replace_head=True)
    assert notes[-1] == "new head head" and same(model.net.trunk, source.net.trunk)
    assert all(torch.equal(v, fresh[k]) for k, v in model.net.head.state_dict().items())


def test_a_new_head_has_matched_no_classes(tmp_path):
    save(make(outputs=10), tmp_path, task(10, class_names=tuple("0123456789")))
    notes = start_from(make(), tmp_path / "model.safetensors", task(), may_replace_head=True)
    assert notes[-1] == "new head head"


def test_features_in_another_order_are_refused(tmp_path):
    item = Architecture(name="l", build=lambda: nn.Linear(2, 3), takes=("table",))
    table = {"modality": "table", "input_shape": (2,)}
    first = task(**table, feature_names=("age", "income"))
    model = build_model(Chosen(item=item, label="l"), first)
    save(model, tmp_path, first)
    path = tmp_path / "model.safetensors"
    start_from(model, path, first, may_replace_head=False)
    turned = task(**table, feature_names=("income", "age"))
    with pytest.raises(
        CheckpointError, match="feature 0 is 'age' in the file and 'income' in the d"
    ):
        start_from(model, path, turned, may_replace_head=False)
    other = task(**table, feature_names=("age", "height"))
    with pytest.raises(
        CheckpointError, match="data lacks 'income' and has 'height', which the file"
    ):
        start_from(model, path, other, may_replace_head=True)


def test_words_of_another_vocabulary_are_refused(tmp_path):
    def of(*things: str):
        text = TextCode(by="words", things=("", "\ufffd", *things), padding=0, unknown=1)
        return task(modality="tokens", input_shape=(2,), high=3.0, text=text)

    item = Architecture(name="e", takes=("tokens",), build=embedded)
    model = build_model(Chosen(item=item, label="e"), of("good", "bad"))
    save(model, tmp_path, of("good", "bad"))
    path = tmp_path / "model.safetensors"
    start_from(model, path, of("good", "bad"), may_replace_head=False)
    with pytest.raises(CheckpointError, match="feature 2 is 'good' in the file and 'bad' in the d"):
        start_from(model, path, of("bad", "good"), may_replace_head=False)
    with pytest.raises(CheckpointError, match="data lacks 'bad' and has 'fine', which the file"):
        start_from(model, path, of("good", "fine"), may_replace_head=True)
    with pytest.raises(CheckpointError, match="the file has 4 and the data 5"):
        start_from(model, path, of("good", "bad", "bad"), may_replace_head=True)


def embedded() -> nn.Module:
    return nn.Sequential(nn.Embedding(4, 2), nn.Flatten(), nn.Linear(4, 3))


def test_published_weights_that_leave_a_head_to_chance_are_refused() -> None:
    """Of ten classes, say, where the data have three: with epochs = 0 nothing would train it."""
    model = make(seed=0)
    require_all_published("net", model, make(seed=0))
    again = make(seed=1)
    again.net.trunk.load_state_dict(model.net.trunk.state_dict())
    with pytest.raises(CheckpointError, match="published weights of net .*: head would be random"):
        require_all_published("net", model, again)


def test_classes_of_boxes_are_taken_in_their_order_or_not_at_all():
    task = Task(
        modality="image",
        problem="detection",
        input_shape=(1, 8, 8),
        outputs=2,
        low=0.0,
        high=1.0,
        class_names=("cat", "dog"),
    )
    same, none = Weights(state={}, class_names=("cat", "dog")), Weights(state={})
    assert match_classes(None, task, same) == (same, "")
    assert match_classes(None, task, none) == (none, "")
    with pytest.raises(CheckpointError, match="its classes are 'dog', 'cat', and the data's are"):
        match_classes(None, task, Weights(state={}, class_names=("dog", "cat")))

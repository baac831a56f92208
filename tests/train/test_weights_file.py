"""Whatever a `state_dict` holds comes back from a file as it was, and nothing else is written."""

from datetime import timedelta
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.errors import CheckpointError
from harness.train.weights_file import Weights, keep_state, read, require_readable, write

COMPLEX = torch.tensor([1 + 2j, 3 - 4j])
STATES: dict[str, Any] = {
    "conjugated view": COMPLEX.conj(),
    "negated view": COMPLEX.conj().imag,
    "both": COMPLEX.to(torch.complex128).conj().reshape(1, 2).t(),
    "bfloat16": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "unsigned": torch.tensor([1, 65535], dtype=torch.uint16),
    "no elements": torch.zeros(0, 3),
    "a number": torch.tensor(7),
    "turned": torch.arange(6.0).reshape(2, 3).t(),
    "expanded": torch.arange(3.0).expand(2, 3),
    "a part of another": torch.arange(100.0)[10:14:2],
    "sparse": torch.tensor([[0.0, 2.0], [0.0, 0.0]]).to_sparse(),
    "a parameter": nn.Parameter(torch.ones(2)),
    "dictionary": {"steps": 3, "name": "é", "inner": {"scale": torch.tensor([0.5])}, "none": None},
    "tuple": (torch.ones(2), [1, 2.5], True),
    "type": torch.float16,
    "whole number": 3,
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return one.dtype == other.dtype and torch.equal(one.to_dense(), other.to_dense())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("name", STATES)
def test_a_value_comes_back_as_it_was(tmp_path, name):
    state = {"layer._extra_state": STATES[name], "weight": torch.zeros(2)}
    require_readable(state)
    write(tmp_path / "w.safetensors", Weights(state=state, class_names=("<a>", "ü")))
    found = read(tmp_path / "w.safetensors")
    assert same(STATES[name], found.state["layer._extra_state"]), found.state
    assert found.state.keys() == state.keys() and found.class_names == ("<a>", "ü")


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_a_quantised_model_comes_back(tmp_path):
    scheme = torch.quantize_per_tensor(torch.tensor([0.5, -1.0]), 0.25, 3, torch.qint8)
    write(tmp_path / "w.safetensors", Weights(state={"packed": (scheme, None)}))
    (found, none) = read(tmp_path / "w.safetensors").state["packed"]
    assert none is None and torch.equal(found.dequantize(), scheme.dequantize())


@pytest.mark.parametrize("value", [timedelta(1), {"a": [timedelta(1)]}, lambda: 3])
def test_what_could_not_be_read_again_is_refused_before_it_is_written(tmp_path, value):
    for refuse in (
        require_readable,
        lambda state: write(tmp_path / "w.safetensors", Weights(state=state)),
    ):
        with pytest.raises(CheckpointError, match=r"the model has 'net._extra_state', a \w+ .*"):
            refuse({"net._extra_state": value})
    assert not (tmp_path / "w.safetensors").exists()


def test_weights_without_values_are_refused(tmp_path):
    state = nn.Linear(2, 2, device="meta").state_dict()
    with pytest.raises(CheckpointError, match="'weight' of the model has no values"):
        require_readable(state)


def test_versions_of_modules_are_kept(tmp_path):
    """By them torch reads older states: batch norm before version 2 had no count of batches."""
    norm = nn.Sequential(nn.BatchNorm1d(2))
    state = norm.state_dict()
    write(tmp_path / "w.safetensors", Weights(state=state, versions=state._metadata))
    torch.save({"state_dict": state}, tmp_path / "w.pt")
    for suffix in (".safetensors", ".pt"):
        loaded = read(tmp_path / f"w{suffix}")
        assert loaded.loadable()._metadata["0"] == {"version": 2}
        del loaded.state["0.num_batches_tracked"]
        with pytest.raises(RuntimeError, match="num_batches_tracked"):
            norm.load_state_dict(loaded.loadable())


def test_names_are_cut_with_the_versions():
    weights = Weights(
        state={"net.0.weight": 1, "network": 2, "first.0.mean": 3},
        versions={"": {"version": 1}, "net": {"version": 1}, "net.0": {"version": 2}},
    )
    part = weights.below("net.")
    assert part.state == {"0.weight": 1}
    assert part.versions == {"": {"version": 1}, "0": {"version": 2}}


def test_a_file_of_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.train.weights_file.FORMAT", 3)
    write(tmp_path / "w.safetensors", Weights(state={"weight": torch.ones(1)}))
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match="is of format 3; this version reads up to 2"):
        read(tmp_path / "w.safetensors")


def test_a_kept_state_does_not_change_with_the_module():
    class Counting(nn.BatchNorm1d):
        def __init__(self) -> None:
            super().__init__(2)
            self.seen = {"batches": [0]}

        def get_extra_state(self):
            return self.seen

        def set_extra_state(self, state):
            self.seen = state

    module = Counting()
    kept = keep_state(module)
    module.seen["batches"][0] = 5
    module(torch.rand(4, 2))
    module.load_state_dict(kept)
    assert module.seen == {"batches": [0]} and module.num_batches_tracked == 0


def test_the_same_state_is_the_same_file(tmp_path):
    state = {f"{i}.weight": torch.full((i + 1,), float(i)) for i in range(9)} | {"extra": {"a": 1}}
    files = []
    for attempt in range(5):
        write(tmp_path / f"{attempt}.safetensors", Weights(state=state, class_names=("a", "b")))
        files.append((tmp_path / f"{attempt}.safetensors").read_bytes())
    assert len(set(files)) == 1

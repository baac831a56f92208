"""What a model can learn from columns and targets far from zero, through all that comes before its first layer."""

from pathlib import Path

import numpy as np
import torch
from data_cases import CPU, prepared, table
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.first_layers import TargetScale
from harness.data.model import build_model
from harness.data.prepared import PreparedData


class Line(nn.Module):
    """Weights that a test sets."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(features, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layer(inputs)


def line(data: PreparedData) -> nn.Module:
    """Return the best straight line of the training examples, fitted to what the network is given."""
    item = Architecture(name="line", takes=("table",), build=lambda task: Line(*task.input_shape))
    model = build_model(Chosen(item=item, label="line"), data.task)
    inputs, targets, _ = next(data.split("train", CPU).batches(10_000))
    given = model.first(inputs).double()
    wanted = (targets.double() - data.task.target_mean) / data.task.target_std
    columns = torch.cat([given, torch.ones(len(given), 1)], dim=1)
    weights = torch.linalg.lstsq(columns, wanted[:, None]).solution[:, 0].float()
    with torch.no_grad():
        model.net.layer.weight[0] = weights[:-1]
        model.net.layer.bias[0] = weights[-1]
    return model


def answers(data: PreparedData) -> tuple[np.ndarray, np.ndarray]:
    inputs, targets, _ = next(data.split("test", CPU).batches(10_000))
    with torch.no_grad():
        return line(data)(inputs)[:, 0].double().numpy(), targets.double().numpy()


def r2(data: PreparedData) -> float:
    found, wanted = answers(data)
    return float(1 - np.square(wanted - found).sum() / np.square(wanted - wanted.mean()).sum())


def test_a_class_that_begins_at_a_second_is_told(tmp_path: Path) -> None:
    seconds = 1.7e9 + np.repeat(np.arange(60.0), 10)
    values = {**table(n=600, features=1), "inputs": seconds[:, None]}
    data = prepared(tmp_path, {**values, "targets": (seconds >= 1.7e9 + 30).astype(int)})
    item = Architecture(name="line", takes=("table",), build=lambda task: Line(*task.input_shape))
    model = build_model(Chosen(item=item, label="line"), data.task)
    for split in ("train", "test"):
        inputs, targets, _ = next(data.split(split, CPU).batches(10_000))
        given = model.first(inputs)[:, 0]
        assert given[targets == 0].max() < given[targets == 1].min()  # one value for all in float32
    assert given.abs().max() < 3


def test_seconds_since_1970_are_given_to_a_network_as_those_since_the_first_are(
    tmp_path: Path,
) -> None:
    """What an MLP errs on beside the boundary it errs on in both: no digit is lost on the way."""
    given = []
    for start in (0.0, 1.7e9):
        folder = tmp_path / f"{start:g}"
        folder.mkdir()
        values = {**table(n=60, features=1), "inputs": start + np.arange(60.0)[:, None]}
        split = np.array(["train", "validation", "test"])[np.arange(60) % 3]
        data = prepared(folder, {**values, "split": split})
        item = Architecture(
            name="line", takes=("table",), build=lambda task: Line(*task.input_shape)
        )
        model = build_model(Chosen(item=item, label="line"), data.task)
        found = model.first(next(data.split("test", CPU).batches(60))[0])
        given.append(
            found.sort(dim=0).values
        )  # examples are in the order of hashes of their content
    torch.testing.assert_close(given[1], given[0], rtol=0, atol=1e-6)


def test_a_target_far_from_zero_is_predicted(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(400, 2))
    values = {**table(n=400, features=2, problem="regression"), "inputs": inputs}
    values["targets"] = 1.7e9 + 100 * inputs[:, 0] + 50 * inputs[:, 1]
    assert r2(prepared(tmp_path, values)) > 0.999999  # 0.94 in float32


def test_a_small_column_beside_a_large_one_is_used(tmp_path: Path) -> None:
    small = 0.01 * np.random.default_rng(0).normal(size=1000)
    inputs = np.stack([1.7e9 + 1000.0 * np.arange(1000), small], axis=1)
    values = {**table(n=1000, features=2, problem="regression"), "inputs": inputs}
    data = prepared(tmp_path, {**values, "targets": np.sign(small)})
    given = line(data).first(next(data.split("train", CPU).batches(10_000))[0])
    assert given.std(dim=0).tolist() == [1.0, 1.0] or bool(
        ((given.std(dim=0) - 1).abs() < 1e-2).all()
    )
    found, wanted = answers(data)
    assert ((found > 0) == (wanted > 0)).mean() > 0.96


def test_half_precision_loses_no_targets_unit():
    """float16 holds nothing below 6e-8 and nothing above 65504."""
    outputs = torch.tensor([[-1.0], [0.5]], dtype=torch.float16)
    for unit in (1e-30, 1e-9, 1e5, 1e30):
        found = TargetScale(2.0 * unit, unit)(outputs).double() / unit
        torch.testing.assert_close(found, torch.tensor([[1.0], [2.5]]).double())
    assert TargetScale(2.0, 1.0)(outputs.double()).dtype == torch.float64


def test_a_state_gives_back_the_same_model_far_from_zero():
    """Beside 1e15, the state's mean in float64 is a multiple of 0.125."""
    outputs = torch.linspace(-3, 3, 7)[:, None]
    for offset in (0.0, 1.7e9, 1e15 + 0.25, -3e15, 1e22):
        before = TargetScale(0.03, 1.0, offset)
        after = TargetScale(0.9, 2.0, offset)
        after.load_state_dict(before.state_dict())
        assert torch.equal(after(outputs), before(outputs))

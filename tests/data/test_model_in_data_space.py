"""How data and architecture meet: adaptations, and models that take data space to logits."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Architecture
from harness.data.adapt import adapt_task, can_adapt
from harness.data.model import build_model
from harness.data.outputs import check_output
from harness.data.task import InputSpec, Task
from harness.errors import NotApplicable, PluginError

IMAGE = Task(
    modality="image",
    problem="classification",
    input_shape=(3, 6, 5),
    outputs=4,
    low=0.0,
    high=1.0,
    mean=(0.1, 0.2, 0.3),
    std=(0.5, 1.0, 2.0),
)
TABLE = Task(
    modality="table",
    problem="regression",
    input_shape=(2,),
    outputs=1,
    low=-5.0,
    high=5.0,
    mean=(1.0, -1.0),
    std=(2.0, 0.0),
    target_mean=100.0,
    target_std=10.0,
)


class Keep(nn.Module):
    """Remembers what it is given."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, inputs):
        self.seen = inputs
        return inputs.flatten(1).sum(1, keepdim=True).expand(-1, self.outputs) + self.bias


def keep(num_classes):
    return Keep(num_classes)


def architecture(takes=("image",), build=keep, **fields) -> Chosen:
    item = Architecture(name="net", build=build, takes=takes, **fields)
    return Chosen(item=item, label="net")


def see(task: Task, chosen: Chosen, inputs: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
    model = build_model(chosen, task)
    model(inputs)
    return model.net.seen, model.adaptations()


@pytest.mark.parametrize(
    ("modality", "takes", "shape"),
    [
        ("image", ("image",), (3, 6, 5)),
        ("image", ("sequence", "table"), (6, 15)),
        ("image", ("table",), (90,)),
    ],
)
def test_an_image_is_read_in_the_first_way_that_fits(modality, takes, shape):
    assert can_adapt(modality, takes)
    assert adapt_task(IMAGE, takes).input_shape == shape


def test_what_cannot_be_read_is_not_applicable():
    assert not can_adapt("table", ("image", "sequence"))
    with pytest.raises(NotApplicable, match="table data cannot be read as image or sequence"):
        adapt_task(TABLE, ("image", "sequence"))


def normalised(inputs: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (IMAGE.mean, IMAGE.std))
    return (inputs - mean) / std


INPUTS = torch.rand((2, 3, 6, 5), generator=torch.Generator().manual_seed(0))


def test_an_image_stays_one():
    seen, words = see(IMAGE, architecture(), INPUTS)
    torch.testing.assert_close(seen, normalised(INPUTS))
    assert words == ["Normalise 3 means and deviations"]


def test_an_image_as_rows_and_as_a_table():
    rows, words = see(IMAGE, architecture(("sequence",)), INPUTS)
    assert rows.shape == (2, 6, 15) and words[1] == "RowsAsSequence"
    expected = normalised(INPUTS)
    for row in range(6):
        torch.testing.assert_close(rows[:, row].reshape(2, 3, 5), expected[:, :, row])
    flat, words = see(IMAGE, architecture(("table",)), INPUTS)
    torch.testing.assert_close(flat, expected.flatten(1))
    assert words[1].startswith("Flatten")


def test_channels_size_and_statistics_that_a_network_wants():
    def wants():
        return InputSpec((1, 12, 10), mean=(0.5,), std=(0.25,))

    seen, words = see(IMAGE, architecture(wants=wants), INPUTS)
    grey = (INPUTS.mean(1, keepdim=True) - 0.5) / 0.25
    expected = nn.functional.interpolate(grey, (12, 10), mode="bilinear", align_corners=False)
    torch.testing.assert_close(seen, expected)
    assert words == ["MatchChannels to 1", "Normalise 1 means and deviations", "Resize to 12 x 10"]


def test_a_grey_image_is_repeated():
    task = Task(**{**IMAGE.to_json(), "input_shape": (1, 6, 5), "mean": (0.0,), "std": (1.0,)})
    seen, _ = see(task, architecture(wants=lambda: InputSpec((3, 6, 5))), INPUTS[:, :1])
    for channel in range(3):
        torch.testing.assert_close(seen[:, channel], INPUTS[:, 0])


def test_a_shrunk_image_is_smoothed_first():
    board = (torch.arange(64)[:, None] + torch.arange(64)[None, :]).remainder(2).float()
    task = Task(**{**IMAGE.to_json(), "input_shape": (1, 64, 64), "mean": (0.0,), "std": (1.0,)})
    seen, _ = see(
        task, architecture(wants=lambda: InputSpec((1, 8, 8))), board.expand(1, 1, 64, 64)
    )
    torch.testing.assert_close(seen, torch.full((1, 1, 8, 8), 0.5), atol=0.05, rtol=0)


def test_gradients_reach_the_data():
    inputs = INPUTS.clone().requires_grad_()
    wants = lambda: InputSpec((1, 12, 10), mean=(0.5,), std=(0.25,))
    build_model(architecture(wants=wants), IMAGE)(inputs).sum().backward()
    assert inputs.grad is not None and bool((inputs.grad != 0).all())


def test_a_table_cannot_be_resized():
    with pytest.raises(NotApplicable, match=r"net wants table data of the shape \(5,\); here"):
        build_model(architecture(("table",), wants=lambda: InputSpec((5,))), TABLE)


def test_a_regression_is_standardised_inside_and_in_target_units_outside():
    model = build_model(architecture(("table",)), TABLE)
    inputs = torch.tensor([[3.0, -1.0], [1.0, 1.0]])
    outputs = model(inputs)
    torch.testing.assert_close(model.net.seen, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))  # std 0
    torch.testing.assert_close(outputs, torch.tensor([[110.0], [100.0]]))


def test_weights_fit_data_that_are_stored_with_another_offset():
    offset = {"offset": (1.7e9, 0.0), "target_offset": -3e8}
    trained = build_model(architecture(("table",)), replace(TABLE, **offset))
    state = trained.state_dict()
    assert state["first.0.mean"].tolist() == [1.7e9 + 1.0, -1.0]
    assert state["last.mean"].item() == -3e8 + 100.0
    other = replace(TABLE, offset=(1.7e9 - 8.0, 0.0), target_offset=-3e8 - 2.0, mean=(0.0, 0.0))
    model = build_model(architecture(("table",)), other)
    model.load_state_dict(state)
    torch.testing.assert_close(model.first[0].mean, torch.tensor([9.0, -1.0]))
    inputs = torch.tensor([[3.0, -1.0], [1.0, 1.0]])
    there = inputs + torch.tensor([8.0, 0.0])  # the same data, less the other offset
    torch.testing.assert_close(model(there), trained(inputs) + 2.0)
    trained.load_state_dict(state)
    assert trained.first[0].mean.tolist() == [1.0, -1.0]


def test_without_an_offset_the_state_is_what_it_was():
    state = build_model(architecture(("table",)), TABLE).state_dict()
    assert state["first.0.mean"].dtype == state["last.mean"].dtype == torch.float32


def test_a_build_is_given_what_it_names():
    found = {}

    def build(task, input_shape, in_channels, num_classes, pretrained):
        found.update(locals())
        return Keep(num_classes)

    build_model(architecture(("sequence",), build=build), IMAGE)
    assert found["input_shape"] == (6, 15) and found["in_channels"] == 15
    assert found["num_classes"] == 4 and found["pretrained"] is False
    assert found["task"].modality == "sequence"


def test_something_that_is_no_module_is_refused():
    with pytest.raises(PluginError, match="net built a int, not a torch.nn.Module"):
        build_model(architecture(build=lambda: 3), IMAGE)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("logits", "net returned a str, not a tensor"),
        (torch.zeros(2, 5), r"the shape \(2, 5\); wanted \(batch, 4\)"),
        (torch.zeros(2), r"the shape \(2,\)"),
        (torch.zeros(2, 4, dtype=torch.int64), "torch.int64 values; logits are real"),
    ],
)
def test_outputs_are_checked_in_words(output, words):
    with pytest.raises(PluginError, match=words):
        check_output("net", IMAGE, output)
    assert check_output("net", IMAGE, torch.zeros(2, 4)).shape == (2, 4)


def test_a_task_survives_json():
    import json

    for task in (IMAGE, TABLE):
        assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task


def test_build_is_offered_what_a_plan_takes_for_given() -> None:
    def asks(another):  # type: ignore[no-untyped-def]
        raise AssertionError(another)

    chosen = Chosen(Architecture(name="asks", build=asks, takes=("image",)), "asks")
    with pytest.raises(PluginError) as caught:
        build_model(chosen, IMAGE)
    assert f"available: {', '.join(sorted(Architecture.offers))}" in str(caught.value)


class Unwritable(nn.Module):
    """Has buffers that torch copies no state into."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(90, num_classes)
        self.register_buffer("row", torch.arange(3.0).expand(4, 3))
        self.register_buffer("plain", torch.arange(20.0)[::2])
        with torch.inference_mode():
            self.register_buffer("shift", torch.ones(4))

    def forward(self, inputs):
        return self.head(inputs.flatten(1)) + self.shift + self.row.sum()


def test_a_state_loads_into_expanded_buffers_and_those_of_inference_mode():
    chosen = Chosen(
        Architecture(name="unwritable", build=Unwritable, takes=("image",)), "unwritable"
    )
    with pytest.raises(RuntimeError, match="single memory location"):
        Unwritable(4).load_state_dict(Unwritable(4).state_dict())
    model, other = build_model(chosen, IMAGE), build_model(chosen, IMAGE)
    other.load_state_dict({key: 2 * value for key, value in model.state_dict().items()})
    assert other.net.row.tolist() == [[0.0, 2.0, 4.0]] * 4
    assert other.net.shift.tolist() == [2.0] * 4
    assert model.net.plain.stride() == (2,)

"""The classes of real packages that the README runs: built by their names, given an image, trained a step."""

import re
import shlex
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from harness.catalogue.host import Host
from harness.data.model import build_model
from harness.data.task import Task
from harness.errors import UsageError
from harness.plan.names import choose_one

README = Path(__file__).parents[2] / "README.md"
DIGITS = Task(
    modality="image", problem="classification", input_shape=(1, 8, 8), outputs=10, low=0.0, high=1.0,
    mean=(0.3,), std=(0.35,),
)  # fmt: skip


def names() -> list[str]:
    found = re.search(r"<!-- command: classes -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    words = shlex.split(found[1])
    assert words[:4] == ["harness", "run", "-d", "digits"]
    return [after for word, after in pairwise(words) if word == "-a"]


@pytest.mark.slow
@pytest.mark.parametrize("name", names(), ids=lambda name: name.partition(":")[0])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_it_is_built_by_its_name_and_trains(name: str) -> None:
    package = name.partition(".")[0].partition(":")[0]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed; pip install '.[evidence]'")
    torch.manual_seed(0)
    catalogue = Host().catalogue
    chosen = choose_one(catalogue, "architecture", name)
    assert chosen.label == name
    model = build_model(chosen, DIGITS)
    logits = model(torch.rand(4, 1, 8, 8))
    assert logits.shape == (4, 10)
    before = [one.detach().clone() for one in model.parameters()]
    torch.nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(UsageError, match="has no .* 'no_such_option'"):
        build_model(choose_one(catalogue, "architecture", f"{name},no_such_option=1"), DIGITS)


def test_there_are_three_packages() -> None:
    assert len({name.partition(".")[0].partition(":")[0] for name in names()}) == 3

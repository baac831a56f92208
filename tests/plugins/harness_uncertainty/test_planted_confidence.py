"""A model whose confidence is planted wrong: the report of a run finds it, names it, and says what mends it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from here_command import call_here
from here_engine import OPTIONS

NETS = """
import torch

class Honest(torch.nn.Sequential):
    takes = ("image",)

    def __init__(self, input_shape, num_classes):
        layers = torch.nn.Flatten(), torch.nn.LazyLinear(64), torch.nn.ReLU(), torch.nn.LazyLinear(num_classes)
        super().__init__(*layers)
        self(torch.zeros(1, *input_shape))

class Cocksure(Honest):
    def forward(self, inputs):
        logits = super().forward(inputs)
        return logits if self.training else 10 * logits
"""


@pytest.mark.slow
def test_confidence_that_is_ten_times_too_sure_is_found_and_the_model_named(tmp_path: Path) -> None:
    (tmp_path / "planted_nets.py").write_text(NETS)
    models = [f"-a planted_nets:{name}:takes=image" for name in ("Honest", "Cocksure")]
    done = call_here(
        tmp_path,
        "run",
        *(word for model in models for word in model.split()),
        *("-d", "digits", "--set", "recipes.plain.optimizer=adamw:learning_rate=3e-3"),
        *("--set", "recipes.plain.epochs=30", "--set", "matrix.floors=false"),
        *("--measure", "accuracy", "--measure", "uncertainty:parts=['calibration']"),
        *("--store", "store", *OPTIONS),
        COLUMNS="200",
    )
    assert done.returncode == 0, done.stderr
    (page,) = (tmp_path / "store").glob("*/report.html")
    words = re.sub("<[^>]*>", " ", page.read_text(encoding="utf-8"))
    for said in (done.stdout, html.unescape(words)):
        said = " ".join(said.split())
        ((model, temperature),) = re.findall(
            r"(\S+?):? It is too sure of itself: the temperature that fits the 359 validation examples best is ([\d.]+) ",
            said,
        )
        assert model == "planted_nets:Cocksure:takes=image" and 5 < float(temperature) < 15
        assert f"Divide its logits by {temperature} before the softmax" in said

"""What fits say of a network that stays mostly at random."""

import pytest

from harness.train.left_random import left_random
from harness_training import harness_register_techniques

TECHNIQUES = {item.name: item for item in harness_register_techniques()}


@pytest.mark.parametrize(
    ("weights", "freeze", "names", "words"),
    [
        ("random", "trunk", [], 'By freeze = "trunk" most'),
        ("random", "none", ["lora"], "By the technique lora most"),
        ("random", "trunk", ["ema", "lora"], 'By freeze = "trunk" and the technique lora most'),
        ("random", "none", ["ema"], ""),
        ("pretrained", "trunk", ["lora"], ""),
        ("mine.safetensors", "trunk", [], ""),
    ],
)
def test_a_network_that_stays_at_random_is_told(weights, freeze, names, words):
    settings = {"weights": weights, "freeze": freeze}
    found = left_random(settings, [TECHNIQUES[name] for name in names])
    assert (found is not None) == bool(words)
    assert found is None or found.sentence.startswith(words)
    assert left_random(settings, [TECHNIQUES[name] for name in names], started=True) is None

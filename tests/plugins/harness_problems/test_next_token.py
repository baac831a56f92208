"""Bits per byte against closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch

from harness.api import DataError, LoadedData, Task, TextCode
from harness_problems import next_token
from harness_quality.evaluate import grader


def loaded(targets, inputs=None, high=3.0) -> LoadedData:
    given = targets if inputs is None else inputs
    return LoadedData(
        modality="tokens", problem="next_token", inputs=given, targets=targets, low=0, high=high
    )


def test_equal_logits_cost_the_logarithm_of_the_vocabulary():
    targets = torch.randint(0, 256, (3, 7))
    outputs = torch.zeros(3, 7, 256)
    assert next_token.grade(outputs, targets).tolist() == pytest.approx([8.0] * 3)
    assert float(next_token.loss(outputs, targets)) == pytest.approx(3 * math.log(256))


def test_an_example_costs_the_mean_of_its_bytes():
    outputs = torch.tensor([[[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]]).log()
    assert float(next_token.grade(outputs, torch.tensor([[1, 2]]))) == pytest.approx((2 + 3) / 2)
    assert float(next_token.grade(1e4 * torch.eye(3)[None], torch.tensor([[0, 1, 2]]))) == 0


def test_the_baseline_costs_the_entropy_of_the_bytes():
    targets = np.array([[0, 0, 1, 0], [2, 0, 1, 0]])  # shares 5/8, 2/8, 1/8
    logits = torch.as_tensor(next_token.baseline(targets, 3)).expand(2, 4, 3)
    entropy = 5 / 8 * math.log2(8 / 5) + 2 / 8 * 2 + 1 / 8 * 3
    grades = next_token.grade(logits, torch.as_tensor(targets))
    assert float(grades.mean()) == pytest.approx(entropy)


@pytest.mark.parametrize("by", ["bytes", "bpe"])
def test_a_bigram_costs_all_bits_over_all_bytes_whatever_the_tokens_are(by):
    if by == "bpe":
        pytest.importorskip("tokenizers", reason="the extra text is not installed")
    text = "the cat sat on the mat, the dog on the cat; é sat there, too. " * 20
    code = TextCode.learn(by, [text], 300)
    numbers, sizes = code.numbers(text), code.bytes_of_things()
    assert sum(sizes[number] for number in numbers) == len(text.encode())
    counts = np.full((code.size, code.size), 0.5)
    np.add.at(counts, (numbers[:-1], numbers[1:]), 1.0)
    chances = counts / counts.sum(1, keepdims=True)
    windows = [numbers[start : start + 9] for start in range(0, len(numbers) - 9, 8)]
    pairs = [pair for window in windows for pair in itertools.pairwise(window)]
    bits = sum(-math.log2(chances[before, after]) for before, after in pairs)
    size = sum(sizes[after] for _, after in pairs)
    task = Task(
        modality="tokens",
        problem="next_token",
        input_shape=(8,),
        outputs=code.size,
        low=0,
        high=code.size - 1,
        details={"bytes_per_token": size / len(pairs)},
    )
    given = torch.tensor(windows)
    outputs = torch.as_tensor(np.log(chances))[given[:, :-1]]
    grades = grader(task)(outputs, given[:, 1:])
    assert grades.shape == (len(windows),) and float(grades.mean()) == pytest.approx(bits / size)


def test_outputs_are_a_logit_for_each_token_at_each_step():
    task = Task(modality="tokens", problem="next_token", input_shape=(5,), outputs=4, low=0, high=3)
    assert task.output_shape == (5, 4) and task.vocabulary == 4 and task.headline == "bits_per_byte"
    targets = np.array([[1, 2, 3, 0, 1]])
    assert next_token.width(targets, loaded(targets)) == 4
    assert next_token.check(targets.astype("uint8"), loaded(targets)).dtype == np.int64


@pytest.mark.parametrize(
    ("targets", "high", "words"),
    [
        (np.array([[0, 4]]), 3.0, "a target is 4; allowed: 0 to 3"),
        (np.array([[0, -1]]), 3.0, "a target is -1"),
        (np.array([[0.5, 1.0]]), 3.0, "whole ones from 0; got float64"),
        (np.array([[0, 1]]), 50256.0, "the vocabulary has 50257 tokens"),
    ],
)
def test_what_is_no_byte_is_refused(targets, high, words):
    with pytest.raises(DataError, match=words):
        next_token.check(targets, loaded(targets, np.zeros((1, 2), dtype="uint8"), high))


def test_a_target_for_each_step_is_wanted():
    with pytest.raises(DataError, match="have 3 steps and 2 targets"):
        next_token.check(np.array([[0, 1]]), loaded(np.array([[0, 1]]), np.zeros((1, 3), "uint8")))

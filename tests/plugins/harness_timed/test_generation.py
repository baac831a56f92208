"""Tokens a second: what is written with a cache and without, and that it is the same."""

from pathlib import Path

import built_in
import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, named, one
from torch import nn

from harness.api import Task
from harness.api.measuring import Chosen, LeftOut
from harness.catalogue.finding import read_findings
from harness.data.model import DataSpaceModel, build_model

STEPS = 24


def task(problem: str = "next_token", **details) -> Task:
    return Task(
        modality="tokens", problem=problem, input_shape=(STEPS,), outputs=11, low=0, high=10, details=details
    )  # fmt: skip


def network(name: str, asked: Task | None = None, **options) -> DataSpaceModel:
    item = built_in.items("architecture")[name]
    settled = item.options(**options).model_dump(mode="json")
    torch.manual_seed(0)
    return build_model(Chosen(item=item, label=name, options=settled), asked or task()).eval()


def generation(model: nn.Module, folder: Path, asked: Task | None = None, **options):
    inputs = torch.randint(0, 11, (5, STEPS), generator=torch.Generator().manual_seed(0))
    data = InMemory(inputs, inputs, torch.arange(5))
    context = make_context("generation", model, data, asked or task(), folder, **options)
    return measure(context, "generation"), read_findings(folder)


def test_a_cache_writes_the_same_and_each_token_is_read_once(tmp_path):
    model, read = network("gpt", dim=16, positions="rotary"), []
    model.net.tokens.register_forward_hook(lambda _, given, __: read.append(given[0].shape[1]))
    found, findings = generation(model, tmp_path, seconds=0.02)
    assert findings == ()  # token for token
    for tokens in (6, 12, 24):
        with_cache, without = (
            one(found, "tokens_per_second", tokens=tokens, cache=cache)
            for cache in ("with", "without")
        )
        assert with_cache.low <= with_cache.value <= with_cache.high
        kept = np.load(tmp_path / "samples.npz")
        assert with_cache.value == pytest.approx(tokens / np.median(kept[f"with_{tokens}"]))
        factor = one(found, "cache_speedup", tokens=tokens)
        assert factor.n == len(kept[f"without_{tokens}"]) == without.n
        ratios = kept[f"without_{tokens}"] / kept[f"with_{tokens}"]
        assert factor.value == pytest.approx(np.median(ratios))
    assert read[-48:] == [*range(1, 25), *[1] * 24]  # the last turn: whole passes, then the cache


@pytest.mark.parametrize("name", ["gpt", "encoder-decoder"])
def test_behind_a_source_the_target_alone_is_written(name, tmp_path):
    asked = task("sequence_to_sequence", source_steps=16)
    model, read = network(name, asked, dim=8, depth=1), []
    model.net.tokens.register_forward_hook(lambda _, given, __: read.append(given[0].shape[1]))
    with pytest.warns(LeftOut, match="9 tokens: the model's window has room for 8"):
        _, findings = generation(model, tmp_path, asked, seconds=0.02, tokens=(8, 9))
    assert findings == ()  # token for token
    if name == "gpt":
        assert read[-16:] == [*range(17, 25), 17, *[1] * 7]
    else:  # the source and what is written are read one by one
        passes = [length for place in range(8) for length in (16, 1 + place)]
        assert read[-25:] == [*passes, 16, *[1] * 8]


def test_a_recurrence_goes_on_from_its_state(tmp_path):
    found, findings = generation(
        network("lstm", hidden=8, layers=2), tmp_path, seconds=0.02, tokens=(10,)
    )
    assert findings == () and len(named(found, "cache_speedup")) == 1


def test_without_a_state_whole_passes_alone_are_timed(tmp_path):
    with pytest.warns(LeftOut, match="99 tokens: the model's window has room for 24"):
        found, _ = generation(network("tcn", width=8), tmp_path, seconds=0.02, tokens=(STEPS, 99))
    assert {m.where["cache"] for m in named(found, "tokens_per_second")} == {"without"}
    assert not named(found, "cache_speedup")


class Whole(nn.Module):
    """The next token is the one before, and 1 more; it takes whole examples alone."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.shape[1] == STEPS
        return nn.functional.one_hot((inputs + 1) % 11, 11).float()


class Forgetful(Whole):
    """From a state it begins anew after three tokens."""

    def forward_from(self, inputs: torch.Tensor, state: int | None):
        place = state or 0
        following = inputs + 1 if place < 3 else inputs * 0
        return nn.functional.one_hot(following % 11, 11).float(), place + 1


def test_a_cache_that_changes_what_is_written_is_a_finding(tmp_path):
    model, seen = Forgetful(), []
    model.register_forward_hook(lambda _, given, answer: seen.append(given[0][0].tolist()))
    found, findings = generation(model, tmp_path, seconds=0.02, tokens=(6,))
    start = seen[0][0]
    assert seen[-1] == [(start + place) % 11 for place in range(6)] + [0] * (STEPS - 6)
    (finding,) = findings
    assert finding.numbers == {"first": 4}
    assert "number 4 is the first that is not the one written without" in finding.sentence
    assert all("cache changes" in m.where["flag"] for m in named(found, "cache_speedup"))

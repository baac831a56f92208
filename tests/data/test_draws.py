"""Draws belong to examples: bit-equal in any batch, independent between ids, streams and keys."""

import math

import pytest
import torch

from harness.data.draws import Draws, derive

N = 200_000


def make(key: int = 5, n: int = N, start: int = 0) -> Draws:
    return Draws(key, torch.arange(start, start + n))


def splitmix64(seed: int, count: int) -> list[int]:
    """The paper's generator, in Python's integers."""
    found = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) % 2**64
        z = seed
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        found.append(z ^ (z >> 31))
    return found


def mix(state: int) -> int:
    return splitmix64((state - 0x9E3779B97F4A7C15) % 2**64, 1)[0]


def test_the_bits_are_those_of_splitmix64():
    key, ids = 99, [0, 1, 2**40]
    found = Draws(key, torch.tensor(ids)).uniform("s", (6,))
    for row, identity in zip(found, ids, strict=True):
        example = mix((identity * 0x9E3779B97F4A7C15 + derive(key, "s")) % 2**64)
        expected = [(bits >> 40) * 2.0**-24 for bits in splitmix64(example, 6)]
        assert row.tolist() == expected


def test_a_seed_is_a_hash_of_the_words():
    assert derive("a", 1) == derive("a", "1")
    assert derive("a", 1) != derive("a1")
    assert 0 <= derive("anything") < 2**63
    assert len({derive(0, i) for i in range(1000)}) == 1000


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5, 5)])
def test_an_example_is_bit_equal_in_any_batch(kind, shape):
    whole = getattr(make(n=100), kind)("s", shape)
    assert whole.shape == (100, *shape) and whole.dtype == torch.float32
    for size in (1, 25, 33):
        parts = [
            getattr(Draws(5, part), kind)("s", shape) for part in torch.arange(100).split(size)
        ]
        assert torch.equal(torch.cat(parts), whole)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(getattr(Draws(5, order), kind)("s", shape), whole[order])
    assert torch.equal(getattr(make(n=100).select(order), kind)("s", shape), whole[order])


def test_uniform_draws_are_uniform():
    draws = make().uniform("s")
    assert draws.min() >= 0 and draws.max() < 1
    assert float(draws.mean()) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / N))
    assert float(draws.var()) == pytest.approx(1 / 12, rel=0.01)
    counts = torch.histc(draws, bins=100, min=0, max=1)
    expected = N / 100
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 99 + 4 * math.sqrt(2 * 99)


def test_normal_draws_are_normal():
    draws = make().normal("s").double()
    assert float(draws.mean()) == pytest.approx(0, abs=4 / math.sqrt(N))
    assert float(draws.var()) == pytest.approx(1, abs=4 * math.sqrt(2 / N))
    assert float((draws**3).mean()) == pytest.approx(0, abs=4 * math.sqrt(15 / N))
    assert float((draws**4).mean()) == pytest.approx(3, abs=4 * math.sqrt(96 / N))
    assert float((draws.abs() < 1.959964).double().mean()) == pytest.approx(0.95, abs=0.002)


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten().double(), b.flatten().double()]))[0, 1])


@pytest.mark.parametrize(
    "other",
    [
        lambda: make().uniform("t"),
        lambda: make(key=6).uniform("s"),
        lambda: make(start=1).uniform("s"),
        lambda: make().at("restart", 1).uniform("s"),
        lambda: make().normal("s"),
    ],
    ids=["stream", "key", "neighbour", "part", "kind"],
)
def test_streams_are_not_correlated(other):
    assert abs(correlation(make().uniform("s"), other())) < 4 / math.sqrt(N)


def test_positions_are_not_correlated():
    draws = make(n=2000).uniform("s", (100,))
    for lag in (1, 2, 50):
        bound = 4 / math.sqrt(draws[:, lag:].numel())
        assert abs(correlation(draws[:, :-lag], draws[:, lag:])) < bound
    assert abs(correlation(draws[:-1], draws[1:])) < 4 / math.sqrt(draws[1:].numel())


def test_parts_depend_on_all_their_words():
    draws = make(n=4)
    assert torch.equal(draws.at("epoch", 1).uniform("s"), draws.at("epoch", 1).uniform("s"))
    assert not torch.equal(draws.at("epoch", 1).uniform("s"), draws.at("epoch", 2).uniform("s"))


def test_no_shared_generator_is_touched():
    state = torch.get_rng_state()
    make(n=3).normal("s", (4,))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_empty_batch():
    assert make(n=0).normal("s", (2, 3)).shape == (0, 2, 3)

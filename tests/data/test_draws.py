"""Draws belong to examples: bit-equal in any batch, independent between ids, streams and keys."""

import hashlib
import math

import pytest
import torch

from harness.data import draws as module
from harness.data.draws import Draws, RememberedDraws, derive

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


def test_words_are_two_of_each_output():
    key, ids = 99, [0, 1, 2**40]
    found = Draws(key, torch.tensor(ids)).words("s", (5,))
    assert found.dtype == torch.int32
    for row, identity in zip(found, ids, strict=True):
        example = mix((identity * 0x9E3779B97F4A7C15 + derive(key, "s/words")) % 2**64)
        words = [w for bits in splitmix64(example, 3) for w in (bits % 2**32, bits >> 32)]
        assert [word % 2**32 for word in row.tolist()] == words[:5]


def test_normal_draws_are_box_and_mullers_of_the_bits():
    key, ids, half = 99, [3, 2**40], 4
    found = Draws(key, torch.tensor(ids)).normal("s", (2 * half - 1,))
    for row, identity in zip(found, ids, strict=True):
        example = mix((identity * 0x9E3779B97F4A7C15 + derive(key, "s/normal")) % 2**64)
        words = [w for bits in splitmix64(example, half) for w in (bits % 2**32, bits >> 32)]
        # Words have a sign: an unsigned one is moved by half a turn, or half the range.
        units = [((word + 2**31) % 2**32 >> 8) * 2.0**-24 for word in words]
        radii = [math.sqrt(-2 * math.log(u)) for u in units[:half]]
        angles = [2 * math.pi * (u - 0.5) for u in units[half:]]
        pairs = list(zip(radii, angles, strict=True))
        expected = [r * math.cos(a) for r, a in pairs] + [r * math.sin(a) for r, a in pairs]
        assert row.tolist() == pytest.approx(expected[:-1], abs=2e-6)


def test_the_streams_are_pinned():
    draws = Draws(derive("pinned"), torch.tensor([0, 7, 2**62]))
    exact = [draws.uniform("s", (1000,)), draws.integers("s", 1000, (1000,))]
    exact.append(draws.words("s", (1000,)))
    digests = [hashlib.sha256(one.numpy().tobytes()).hexdigest()[:16] for one in exact]
    assert digests == ["d651a05638271a44", "681ff3888b9e0d70", "bf90aa559ee61eb6"]
    # Logarithm and cosine differ by a bit between machines; no more than that.
    levels = (draws.normal("s", (1000,)).double() * 1e5).round()
    assert float(levels.sum()) == pytest.approx(2938170.0, abs=20)
    found = levels[:, [0, 499, 999]].flatten().tolist()
    assert found == pytest.approx(
        [161568.0, -53434.0, -205032.0, 138038.0, 31272.0, -76156.0, 3417.0, -42718.0, -24918.0],
        abs=1,
    )


@pytest.mark.parametrize("high", [1, 2, 9, 2**24])
def test_integers_are_uniform_below_their_bound(high):
    draws = make().integers("s", high)
    assert draws.dtype == torch.int64
    assert int(draws.min()) >= 0 and int(draws.max()) < high
    share = draws.double() / high
    bound = 4 * math.sqrt(1 / 12 / N)
    assert float(share.mean()) == pytest.approx(0.5 - 0.5 / high, abs=bound)
    if high < 10:
        counts = torch.bincount(draws, minlength=high).double()
        expected = N / high
        assert float((counts - expected).abs().max()) <= 4 * math.sqrt(expected)


@pytest.mark.parametrize("high", [0, -3, 2**24 + 1])
def test_integers_of_no_range_are_refused(high):
    with pytest.raises(ValueError, match="allowed: 1 to 2"):
        make(n=2).integers("s", high)


@pytest.mark.parametrize("kind", ["uniform", "words", "normal"])
def test_an_image_is_bit_equal_however_many_are_drawn_at_a_time(kind):
    """Blocks of rows and of threads cut a batch of images elsewhere."""
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        whole = getattr(make(n=96), kind)("s", (3, 33, 31))
        torch.set_num_threads(1)
        parts = [getattr(Draws(5, i), kind)("s", (3, 33, 31)) for i in torch.arange(96).split(7)]
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.cat(parts), whole)


def test_a_seed_is_a_hash_of_the_words():
    assert derive("a", 1) == derive("a", "1")
    assert derive("a", 1) != derive("a1")
    assert 0 <= derive("anything") < 2**63
    assert len({derive(0, i) for i in range(1000)}) == 1000


@pytest.mark.parametrize("kind", ["uniform", "words", "normal"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5, 5)])
def test_an_example_is_bit_equal_in_any_batch(kind, shape):
    whole = getattr(make(n=100), kind)("s", shape)
    assert whole.shape == (100, *shape)
    assert whole.dtype == (torch.int32 if kind == "words" else torch.float32)
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


def test_words_are_uniform():
    words = make().words("s").double()
    share = (words + 2.0**31) / 2.0**32
    assert float(share.mean()) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / N))
    assert float(share.var()) == pytest.approx(1 / 12, rel=0.01)
    for below in (0.001, 0.015, 0.5):
        bound = 4 * math.sqrt(below / N)
        assert float((share < below).double().mean()) == pytest.approx(below, abs=bound)


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
        lambda: make().integers("s", 2**24),
        lambda: make().words("s"),
    ],
    ids=["stream", "key", "neighbour", "part", "normal", "integers", "words"],
)
def test_streams_are_not_correlated(other):
    assert abs(correlation(make().uniform("s"), other())) < 4 / math.sqrt(N)


@pytest.mark.parametrize("kind", ["uniform", "words", "normal"])
def test_positions_are_not_correlated(kind):
    draws = getattr(make(n=2000), kind)("s", (100,))
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


@pytest.mark.parametrize("count", [5, 64, 301])
def test_blocks_of_any_size_give_the_same(monkeypatch, count):
    drawn = make(n=7)
    calls = (
        lambda: drawn.uniform("s", (count,)),
        lambda: drawn.words("s", (count,)),
        lambda: drawn.normal("s", (count,)),
        lambda: drawn.integers("s", 10, (count,)),
    )
    whole = [one() for one in calls]
    for block in (1, 16, 300):
        monkeypatch.setattr(module, "_BLOCK", block)
        assert all(torch.equal(one(), found) for one, found in zip(calls, whole, strict=True))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_draws_the_same():
    there, here = Draws(5, torch.arange(50, device="cuda")), make(n=50)
    assert torch.equal(there.uniform("s", (999,)).cpu(), here.uniform("s", (999,)))
    assert torch.equal(there.integers("s", 77, (999,)).cpu(), here.integers("s", 77, (999,)))
    assert torch.equal(there.words("s", (999,)).cpu(), here.words("s", (999,)))
    torch.testing.assert_close(there.normal("s", (999,)).cpu(), here.normal("s", (999,)))


def test_remembered_draws_are_the_same_however_often_they_are_asked_for_and_changed():
    plain, remembered = make(n=50), RememberedDraws(5, torch.arange(50))
    for _ in range(2):
        for one, other in ((plain, remembered), (plain.at("part", 1), remembered.at("part", 1))):
            for name, asked in (
                ("uniform", ("s", (3,))),
                ("normal", ("s", (3,))),
                ("words", ("s", (3,))),
                ("integers", ("s", 7, (3,))),
                ("integers", ("s", 9, (3,))),
            ):
                found = getattr(other, name)(*asked)
                assert torch.equal(getattr(one, name)(*asked), found)
                found.fill_(0)
    assert len(remembered.made) == 10

import torch

from harness.data.seeding import seed_generators


def test_draws_are_those_of_torchs_own_seed():
    with torch.random.fork_rng():
        torch.manual_seed(7)
        expected, first = torch.rand(3), torch.initial_seed()
        torch.manual_seed(8)
        seed_generators(7)
        assert torch.equal(torch.rand(3), expected) and torch.initial_seed() == first == 7


def test_torch_does_not_look_from_where_it_is_called(monkeypatch):
    calls = []
    monkeypatch.setattr("traceback.format_stack", lambda *given: calls.append(given) or [])
    with torch.random.fork_rng():
        seed_generators(7)
        assert calls == [] or torch.backends.cuda.is_built()
        torch.manual_seed(7)
    assert calls, "torch.manual_seed has become as cheap; seed_generators can go"

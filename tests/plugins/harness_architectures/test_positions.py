"""How order shows: sines and cosines, and turned pairs."""

import math

import torch

from harness_architectures.positions import AddedPositions, rotate, sinusoids


def test_sinusoids_are_those_of_the_paper():
    table = sinusoids(50, 6)
    for step, column in ((0, 0), (7, 2), (49, 5), (49, 1)):
        angle = step / 10_000 ** (2 * (column // 2) / 6)
        wanted = math.cos(angle) if column % 2 else math.sin(angle)
        assert abs(float(table[step, column]) - wanted) < 1e-5
    assert sinusoids(3, 5).shape == (3, 5)


def test_turned_queries_and_keys_know_how_far_apart_they_are_alone():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8).double()
    products = [float((rotate(query, at + 5) * rotate(key, at)).sum()) for at in (0, 1, 40)]
    assert max(products) - min(products) < 1e-4 < abs(products[0] - float((query * key).sum()))
    both = torch.randn(2, 3, 9, 8)
    pieces = [rotate(both[:, :, :4], 0), rotate(both[:, :, 4:], 4)]
    torch.testing.assert_close(torch.cat(pieces, 2), rotate(both, 0))
    torch.testing.assert_close(rotate(both, 3).norm(dim=3), both.norm(dim=3))


def test_what_is_added_belongs_to_the_place():
    added = AddedPositions(9, 4, learnt=False)
    assert not list(added.parameters())
    found = added(torch.zeros(1, 3, 4), first=5)
    torch.testing.assert_close(found[0], sinusoids(9, 4)[5:8])

"""Every position of tic-tac-toe, against what is known of the game, and against a count of all its games."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from harness.data.splits import TRAIN, assign
from harness_datasets import tictactoe
from harness_datasets.built_in_options import BoardOptions
from harness_datasets.tictactoe import EMPTY, LINES, has_lost, is_over, moves, symmetries, value

DATA = tictactoe.load(BoardOptions())


@cache
def games(board):
    """Return in how many games from here the first wins, the second wins and nobody does."""
    second = (
        board.count(0) % 2
    )  # nine fields: the second has moved last where an odd number is empty
    if has_lost(board):
        return np.array([1 - second, second, 0])
    if is_over(board):
        return np.array([0, 0, 1])
    return sum(games(one) for one in moves(board))


def test_all_games_are_as_many_as_is_known():
    assert games(EMPTY).tolist() == [131_184, 77_904, 46_080]  # of 255,168


def test_the_positions_are_as_many_as_is_known():
    found = {tuple(map(int, row)) for row in np.asarray(DATA.inputs)}
    over = {after for board in found for after in moves(board) if is_over(after)}
    assert (len(LINES), len(found), len(found | over)) == (8, 4520, 5478)
    first = [one for one in over if has_lost(one) and one.count(0) % 2 == 0]  # after its move
    assert (len(first), len([one for one in over if has_lost(one)]) - len(first)) == (626, 316)
    assert len([one for one in over if not has_lost(one)]) == 16
    assert len({min(symmetries(board)) for board in found | over}) == 765
    assert len(set(DATA.groups)) == len({min(symmetries(board)) for board in found})


@pytest.mark.parametrize(
    ("board", "known"),
    [
        (EMPTY, 0),
        ((1, 1, 0, -1, -1, 0, 0, 0, 0), 1),  # it wins at once
        ((-1, 0, 0, 0, 1, 0, 0, 0, -1), 0),  # two corners around the centre: an edge holds
        ((-1, 0, 0, 0, 0, 0, 0, 0, 0), 0),  # a corner, which the centre answers
        ((-1, 1, 0, 0, -1, 0, 0, 0, 0), -1),  # an edge does not
        ((-1, 0, -1, 0, 1, 0, -1, 0, 1), -1),  # two lines are open
    ],
)
def test_values_that_players_know(board, known):
    assert value(board) == known


def test_no_position_is_tested_on_that_training_has_turned():
    split = assign(np.zeros(4520, np.uint64), np.asarray(DATA.targets), None, DATA.groups)
    trained = set(DATA.groups[split == TRAIN])
    assert not trained & set(DATA.groups[split != TRAIN]) and 0.55 < (split == TRAIN).mean() < 0.65


def test_a_forest_learns_most_of_it():
    split = assign(np.zeros(4520, np.uint64), np.asarray(DATA.targets), None, DATA.groups)
    inputs, targets = np.asarray(DATA.inputs), np.asarray(DATA.targets)
    train, rest = split == TRAIN, split != TRAIN
    model = RandomForestClassifier(10, random_state=0).fit(inputs[train], targets[train])
    most = np.bincount(targets[rest]).max() / rest.sum()
    assert most < 0.7 and model.score(inputs[rest], targets[rest]) > most + 0.1


def test_an_image_has_the_rows_of_the_board():
    data = tictactoe.load(BoardOptions(modality="image"))
    assert data.modality == "image" and np.asarray(data.inputs).shape == (4520, 1, 3, 3)
    assert np.array_equal(np.asarray(data.inputs).reshape(-1, 9), np.asarray(DATA.inputs))

"""Positions of Connect Four: the game against a slow way to write it, values and moves that players know."""

import random

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from harness.data.splits import TRAIN, assign
from harness_datasets import connect_four_endgames as game
from harness_datasets.built_in_options import ConnectFourOptions


def four_by_search(board):
    """Whether 1 has four in a line of ``(6, 7)``, looked for from every field."""
    for row, column in np.argwhere(board == 1):
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            line = [(row + k * down, column + k * right) for k in range(4)]
            if all(0 <= r < 6 and 0 <= c < 7 and board[r, c] == 1 for r, c in line):
                return True
    return False


def played(columns):
    """The position after some moves."""
    mine, both = 0, 0
    for column in columns:
        mine, both = game.move(mine, both, column)
    return mine, both


def slow_value(board):
    """Minimax on an array, without memory or order of moves."""
    if four_by_search(-board):
        return -1
    free = [column for column in range(7) if board[5, column] == 0]
    best = -1 if free else 0
    for column in free:
        after = board.copy()
        after[(board[:, column] == 0).argmax(), column] = 1
        best = max(best, -slow_value(-after))
    return best


def test_random_games_end_when_a_search_finds_four():
    draw, ended = random.Random(1), 0
    for _ in range(20):
        mine, both = 0, 0
        while both.bit_count() < 42:
            column = draw.choice([one for one in range(7) if game.can_move(both, one)])
            won = game.wins(mine, both, column)
            mine, both = game.move(mine, both, column)
            board = np.array(game.fields(mine, both)).reshape(6, 7)
            assert won == four_by_search(-board)
            if won:
                ended += 1
                break
    assert ended > 12


def test_values_are_those_of_a_slow_search():
    positions = [one for one in game.sample(1000) if 42 - one[1].bit_count() <= 4][:20]
    boards = [np.array(game.fields(*one)).reshape(6, 7) for one in positions]
    assert [game.value(*one) for one in positions] == [slow_value(board) for board in boards]
    assert len({game.value(*one) for one in positions}) > 1 and len(positions) > 10


@pytest.mark.parametrize(
    ("columns", "wins"),
    [([0, 1, 0, 1, 0, 1], 0), ([0, 0, 1, 1, 2, 2], 3), ([0, 1, 1, 2, 2, 3, 2, 3, 3, 6], 3), ([6, 5, 5, 4, 4, 3, 4, 3, 3, 0], 3)],
)  # fmt: skip
def test_four_in_a_line_is_won_at_once(columns, wins):
    mine, both = played(columns)
    assert game.wins(mine, both, wins) and game.value(mine, both) == 1
    assert game.best_move(mine, both) == wins
    mirrored = game.mirror(mine), game.mirror(both)
    assert game.best_move(*mirrored) == 6 - wins


def test_positions_are_fair_and_a_forest_learns_best_moves():
    data = game.load(ConnectFourOptions(label="move"))
    boards = np.asarray(data.inputs).reshape(-1, 6, 7)
    assert len({board.tobytes() for board in boards}) == 1000
    assert (
        ((boards == 0).cumsum(axis=1) > 0) <= (boards == 0)
    ).all()  # no disc lies on an empty field
    empty = (boards == 0).sum(axis=(1, 2))
    assert set(empty) == set(range(4, 11))
    assert np.array_equal(boards.sum(axis=(1, 2)), -(empty % 2))  # the first has moved once more
    for board, column in zip(boards, data.targets, strict=True):
        assert board[5, column] == 0
    split = assign(np.zeros(1000, np.uint64), data.targets, None, data.groups)
    train, rest = split == TRAIN, split != TRAIN
    model = RandomForestClassifier(30, random_state=0).fit(data.inputs[train], data.targets[train])
    most = np.bincount(data.targets[rest]).max() / rest.sum()
    assert most < 0.55 and model.score(data.inputs[rest], data.targets[rest]) > most + 0.15


def test_all_three_values_come():
    data = game.load(ConnectFourOptions())
    assert data.class_names == ("loss", "draw", "win") and np.bincount(data.targets).min() > 100


def test_an_image_has_the_lowest_row_first():
    table = game.load(ConnectFourOptions(examples=50))
    image = game.load(ConnectFourOptions(examples=50, modality="image"))
    assert np.asarray(image.inputs).shape == (50, 1, 6, 7) and not image.feature_names
    assert np.array_equal(np.asarray(image.inputs).reshape(50, 42), np.asarray(table.inputs))
